"""The same projects on a real cluster: by `tauro submit` and by mode distributed, with a worker killed meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.e2e.test_flights import FIRST_WEEK, WEEK, daily_tables
from tests.support.cluster import Cluster, running_cluster
from tests.support.example import TAURO, Example, copy_example
from tests.support.jvms import plain_environment

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
LATER_MONTHS = tuple(f"2013-{month:02}.parquet" for month in range(2, 13))
SMALL = {
    "tauro.yml": """\
global_settings:
  mode: distributed
  output_path: out
  spark_config: {}
pipelines_config:
  words: {nodes: [shout], requires_dates: false}
  waits: {nodes: [wait], requires_dates: false}
nodes_config:
  shout: {function: shop.words.shouted, input: [words], output: [loud]}
  wait: {function: shop.words.wait, input: [words], output: [waited]}
input_config:
  words: {path: words.csv, options: {header: true}}
output_config:
  loud: {path: out/loud, format: parquet}
  waited: {path: out/waited, format: parquet}
""",
    "shop/__init__.py": "",
    "shop/words.py": """\
import sys
import time

from pyspark.sql import functions as F


@F.udf("string", useArrow=False)
def shout(word):
    from shop.signs import SIGN

    return word.upper() + SIGN


def shouted(words):
    return words.select(shout("word").alias("word"))


def wait(words):
    print("waiting", file=sys.stderr, flush=True)
    time.sleep(120)
    return words
""",
    "shop/signs.py": "SIGN = '!'\n",
    "words.csv": "word\nhello\n",
}
OTHER_PYTHON = """\
#!/bin/sh
exec {python} -c 'import collections, runpy, sys
import pyspark.worker
Version = collections.namedtuple("Version", "major minor micro releaselevel serial")
sys.version_info = Version(3, 9, 0, "final", 0)
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)' "$@"
"""
"""A Python that says it is another: executors call it with `-m` and a module."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> dict[str, pd.DataFrame]:
    """What a local run writes."""
    project = copy_example("flights", tmp_path_factory.mktemp("local") / "project", ignore=LATER_MONTHS)
    project.run("daily", *WEEK)
    return daily_tables(project)


@pytest.fixture
def small(tmp_path: Path, cluster: Cluster) -> Example:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.replace("{}", json.dumps(cluster.conf)))
    return Example(tmp_path, {"PATH": "/usr/local/bin:/usr/bin:/bin", "TAURO_CACHE": str(tmp_path / "cache")})


def submit(project: Example, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(TAURO), "submit", *words, "--json", "--verbose"],
        cwd=project.root,
        env=plain_environment() | project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_python_functions_run_on_executors_that_know_nothing_of_the_project(small: Example) -> None:
    small.tauro("run", "--pipeline", "words")
    assert list(pd.read_parquet(small.root / "out" / "loud")["word"]) == ["HELLO!"]


def test_executors_with_another_python_are_named_before_and_with_the_node_that_fails(
    small: Example, tmp_path: Path
) -> None:
    other = tmp_path / "python"
    other.write_text(OTHER_PYTHON.format(python=sys.executable))
    other.chmod(0o755)
    process = submit(small, "--pipeline", "words", "--conf", f"spark.pyspark.python={other}")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    document = json.loads(out)
    assert document["error"]["type"] == "MismatchError"
    assert "the executors run Python 3.9, the driver runs 3." in document["error"]["message"]
    assert err.index("Python functions can't run on this cluster: the executors run Python 3.9") < err.index(
        "shout: running"
    )


def test_a_submitted_run_stops_at_a_signal_as_any_other(small: Example) -> None:
    process = submit(small, "--pipeline", "waits", "--master", "local[1]")
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.strip() == "waiting":
            break
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, "".join(lines) + err
    assert json.loads(out)["status"] == "cancelled"


def test_a_run_that_loses_a_worker_completes_with_the_tables_of_a_local_run(
    cluster: Cluster, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    cache = str(tmp_path / "cache")
    project = copy_example("flights", tmp_path / "project", ignore=LATER_MONTHS, TAURO_CACHE=cache)
    confs = [
        word for name, value in cluster.conf.items() if name != "spark.master" for word in ("--conf", f"{name}={value}")
    ]
    process = submit(project, "--pipeline", "daily", *FIRST_WEEK, "--master", cluster.url, *confs)
    assert process.stderr is not None
    killed, lines = False, []
    for line in process.stderr:
        lines.append(line)
        if "enrich_flights: running" in line and not killed:
            cluster.kill_worker()
            killed = True
    out = process.stdout.read() if process.stdout else ""
    assert process.wait(60) == 0, "".join(lines)[-5000:]
    assert killed
    assert json.loads(out)["status"] == "completed"
    assert any("Lost executor" in line or "executor lost" in line.lower() for line in lines)
    found = daily_tables(project)
    for path, table in expected.items():
        pd.testing.assert_frame_equal(found[path], table, obj=path)
