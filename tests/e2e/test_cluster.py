"""A project on a real cluster: by `tauro submit` with the driver here and there, and by mode distributed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from tauro.launch.processes import is_running, process_with_id
from tests.support.cluster import Cluster, running_cluster
from tests.support.example import TAURO, Example
from tests.support.jvms import plain_environment

pytestmark = pytest.mark.spark
WORDS = [f"word {number}" for number in range(24)]
PROJECT = {
    "tauro.yml": """\
global_settings:
  mode: distributed
  output_path: OUT
  spark_config: CONF
pipelines_config:
  loud: {nodes: [shout], requires_dates: false}
  bad: {nodes: [misspell], requires_dates: false}
nodes_config:
  shout: {function: shop.words.shouted, input: [words], output: [loud], params: {marks: MARKS}}
  misspell: {function: shop.words.misspelt, input: [words], output: [bad]}
input_config:
  words: {path: INPUT, options: {header: true}}
output_config:
  loud: {path: OUT/loud, format: parquet}
  bad: {path: OUT/bad, format: parquet}
""",
    "shop/__init__.py": "",
    "shop/words.py": """\
import os
import time
from pathlib import Path

from pyspark.sql import functions as F
from pyspark.sql.types import StringType


def shouted(words, marks):
    @F.udf(StringType(), useArrow=False)
    def shout(word):
        from shop.signs import SIGN

        Path(marks, str(os.getpid())).touch()
        time.sleep(0.25)
        return word.upper() + SIGN

    return words.repartition(8).select(shout("word").alias("word"))


@F.udf(StringType(), useArrow=False)
def refuse(word):
    raise ValueError(f"nobody says {word!r}")


def misspelt(words):
    return words.select(refuse("word").alias("word"))
""",
    "shop/signs.py": "SIGN = '!'\n",
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
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, cluster: Cluster, cache: Path) -> Example:
    """One that runs on the cluster, whose data lie outside it."""
    (tmp_path / "marks").mkdir()
    (tmp_path / "words.csv").write_text("\n".join(["word", *WORDS]))
    places = {"CONF": json.dumps(cluster.conf), "MARKS": tmp_path / "marks", "OUT": tmp_path / "out"}
    for name, text in PROJECT.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        for word, value in {**places, "INPUT": tmp_path / "words.csv"}.items():
            text = text.replace(word, str(value))
        file.write_text(text)
    return Example(tmp_path / "project", {**cluster.environment, "TAURO_CACHE": str(cache)})


def started(project: Example, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(TAURO), *words, "--json"],
        cwd=project.root,
        env=plain_environment() | project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Waits for something to happen while a run goes on."""
    until = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_function_that_fails_on_an_executor_ends_the_run_of_a_driver_here(project: Example) -> None:
    document = project.tauro("submit", "--pipeline", "bad", exit_code=3)
    assert document["status"] == "failed"
    assert "nobody says 'word 0'" in document["error"]["message"]
    assert document["resume"].startswith("tauro submit --pipeline bad")


def test_a_driver_on_the_cluster_tells_that_its_executors_have_another_python(project: Example, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(OTHER_PYTHON.format(python=sys.executable))
    other.chmod(0o755)
    pythons = ("--conf", f"spark.pyspark.python={other}", "--conf", f"spark.pyspark.driver.python={sys.executable}")
    process = started(project, "submit", "--pipeline", "loud", "--deploy-mode", "cluster", *pythons)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    document = json.loads(out)
    assert document["error"]["type"] == "MismatchError"
    assert "the executors run Python 3.9, the driver runs 3." in document["error"]["message"]
    assert "Python functions can't run on this cluster: the executors run Python 3.9" in err


def test_a_run_that_loses_a_worker_completes_with_every_row_once(
    project: Example, cluster: Cluster, tmp_path: Path
) -> None:
    process = started(project, "run", "--pipeline", "loud")
    marks = tmp_path / "marks"
    wait_for(lambda: len(list(marks.iterdir())) == 2, process)
    python_workers = [process_with_id(int(mark.name)) for mark in marks.iterdir()]
    cluster.kill_worker()  # the last test: one worker is left
    wait_for(lambda: [is_running(one) for one in python_workers].count(True) == 1, process)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert json.loads(out)["nodes"][0]["outputs"][0]["rows"] == len(WORDS)
    found = pd.read_parquet(tmp_path / "out" / "loud")["word"]
    assert sorted(found) == sorted(f"{word.upper()}!" for word in WORDS)
