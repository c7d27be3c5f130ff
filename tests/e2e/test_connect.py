"""Spark Connect for real: a server that is killed, clients that are killed, and the tables that come of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.connect_server import ConnectServer, running_connect_server
from tests.support.example import TAURO, Example

pytestmark = pytest.mark.spark

SLOW_S = 5.0
"""How long the slow frames take at least."""
JOBS = """\
import os
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

HERE = Path(__file__).parent


def slowly():
    frame = SparkSession.active().range(0, 20, 1, 2)
    if not os.environ.get("SLOW"):
        return frame
    (HERE / "begun").touch()
    return frame.where(F.expr("reflect('java.lang.Thread', 'sleep', 500L) IS NOT NULL"))


def late():
    slowly().write.format("delta").save(str(HERE / "late"))
    return SparkSession.active().range(3)


def days(start_date):
    return SparkSession.active().range(5).select("id", F.to_date(F.lit(start_date)).alias("day"))


def doubled(days):
    return days.withColumn("double", F.udf(lambda number: twice(number), "long")("id"))


def twice(number):
    return 2 * number


def copy(days):
    return days.withColumn("is_copied", F.lit(True))


def people(days):
    return days.select("id", F.concat(F.lit("p"), "id").alias("name")).distinct()


def few():
    return SparkSession.active().range(2)


def after(few):
    return slowly()


def elsewhere():
    return SparkSession.active().sql("SELECT 1L AS id, DATE '1999-01-01' AS day")
"""
PROJECT = """\
global_settings: {mode: connect, output_path: out, spark_config: {spark.sql.shuffle.partitions: 2}}
pipelines_config:
  lake: {nodes: [days, copy, people, big]}
  bad: {nodes: [days, elsewhere]}
  workers: {nodes: [doubled], requires_dates: false, spark_config: {spark.sql.codegen.wholeStage: true}}
  late: {nodes: [late], requires_dates: false}
  slow: {nodes: [few, slow], requires_dates: false}
  hasty: {nodes: [hasty], requires_dates: false}
nodes_config:
  days: {function: remote_jobs.days, input: [], output: lake.days}
  doubled: {function: remote_jobs.doubled, input: [{format: delta, path: out/days}], output: doubled, timeout_s: 60}
  copy: {function: remote_jobs.copy, input: [lake.days], output: lake.copy}
  people: {function: remote_jobs.people, input: [lake.days], output: lake.people}
  big:
    sql: "select id, '{x}' as braces from days where day = :start_date and id >= :least"
    input: {days: lake.days}
    params: {least: 3}
    output: big
  elsewhere: {function: remote_jobs.elsewhere, input: [], output: lake.window}
  late: {function: remote_jobs.late, input: [], output: lake.late}
  few: {function: remote_jobs.few, input: [], output: few}
  slow: {function: remote_jobs.after, input: [few], output: slow}
  hasty: {function: remote_jobs.slowly, input: [], output: hasty, timeout_s: 1}
output_config:
  lake.days: {format: delta, path: out/days, write_mode: append, partition_by: [day]}
  lake.copy: {format: delta, path: out/copy}
  lake.people: {format: delta, path: out/people, write_mode: merge, keys: [id]}
  lake.window: {format: delta, path: out/window, overwrite_scope: window, window_column: day, partition_by: [day]}
  lake.late: {format: delta, path: out/late}
  big: {format: csv, path: out/big, options: {header: true}}
  doubled: {format: parquet, path: out/doubled}
  few: {format: parquet, path: out/few}
  slow: {format: parquet, path: out/slow}
  hasty: {format: json, path: out/hasty}
"""
MANY_RUNS = """\
import json, sys, time, tauro
from tauro.errors import RunFailedError
from tauro.io.delta.by_sql import history
from tauro.spark.active import active_session

def rows(result):
    return {one.id: one.rows for node in result.nodes for one in node.outputs}

def table(name):
    return sorted(map(tuple, spark.read.format("delta").load(f"{root}/out/{name}").collect()))

def failed(pipeline):
    began = time.monotonic()
    try:
        tauro.run(root, pipeline=pipeline, start="2025-01-09", end="2025-01-09")
    except RunFailedError as error:
        return [str(error.__cause__.__cause__ or error), time.monotonic() - began]

root = sys.argv[1]
facts = {"rows": [rows(tauro.run(root, pipeline="lake", start=day, end=day)) for day in
                  ("2025-01-01", "2025-01-01", "2025-01-02")]}
spark = active_session()
facts["kind"] = type(spark).__module__
facts["workers"] = rows(tauro.run(root, pipeline="workers"))
facts["doubles"] = sorted(row.double for row in spark.read.parquet(f"{root}/out/doubled").collect())
facts["tables"] = {name: len(table(name)) for name in ("days", "copy", "people")}
facts["noted"] = [bool(row["userMetadata"]) for row in history(spark, f"{root}/out/people", -1)]
before = table("days")
facts["bad"] = failed("bad")
facts["is_put_back"] = table("days") == before
facts["hasty"] = failed("hasty")
running = [one for one in spark.client._get_operation_statuses().operation_statuses if one.state == 2]
facts["running"] = len(running)
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ConnectServer]:
    with running_connect_server() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, server: ConnectServer) -> Example:
    (tmp_path / "tauro.yml").write_text(PROJECT)
    (tmp_path / "remote_jobs.py").write_text(JOBS)
    return Example(tmp_path, {"SPARK_REMOTE": server.url})


def begun(project: Example, pipeline: str) -> subprocess.Popen[str]:
    """A run of a pipeline whose slow frame is being computed."""
    environment = {**os.environ, **project.environment, "SLOW": "1"}
    run = subprocess.Popen(
        [str(TAURO), "run", "--pipeline", pipeline, "--json"],
        cwd=project.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (project.root / "begun").exists():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.5)  # the server has it by now
    return run


def test_delta_sql_time_outs_and_undoing_work_over_connect(project: Example) -> None:
    (project.root / "many_runs.py").write_text(MANY_RUNS)
    done = subprocess.run(
        [sys.executable, "many_runs.py", str(project.root)],
        cwd=project.root,
        env={**os.environ, **project.environment, "SLOW": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert facts["kind"].startswith("pyspark.sql.connect")
    first, again, second = facts["rows"]
    assert first == {"lake.days": 5, "lake.copy": 5, "lake.people": 5, "big": 2}
    assert (again["lake.days"], again["lake.copy"], again["big"]) == (0, 5, 2)
    assert (second["lake.days"], second["lake.copy"]) == (5, 10)
    assert facts["tables"] == {"days": 10, "copy": 10, "people": 5}
    assert facts["workers"] == {"doubled": 10}
    assert facts["doubles"] == sorted([0, 2, 4, 6, 8] * 2)
    assert all(facts["noted"])
    assert "rows outside the window" in facts["bad"][0]
    assert facts["is_put_back"]
    assert "took longer than 1 s" in facts["hasty"][0]
    assert facts["hasty"][1] < SLOW_S
    assert facts["running"] == 0


def test_what_a_killed_client_has_left_running_on_the_server_is_ended_by_the_next_run(project: Example) -> None:
    run = begun(project, "late")
    ends_by = time.monotonic() + SLOW_S + 2
    run.kill()
    run.communicate()
    (project.root / "remote_jobs.py").write_text(JOBS.replace('slowly().write.format("delta").save', "str"))
    told = project.tauro("run", "--pipeline", "late")
    assert told["status"] == "completed"
    time.sleep(max(0.0, ends_by - time.monotonic()))
    assert not list((project.root / "late").glob("_delta_log/*.json"))


def test_a_run_whose_server_is_started_anew_may_be_tried_again_and_is_carried_on(
    project: Example, server: ConnectServer
) -> None:
    run = begun(project, "slow")
    server.kill()
    server.start()
    stdout, stderr = run.communicate(timeout=120)
    assert run.returncode == 4, stderr
    assert json.loads(stdout)["error"]["type"] == "SessionLostError"
    assert not (project.root / "out/few").exists()
    resumed = project.tauro("resume", "last")
    assert {node["name"]: node["status"] for node in resumed["nodes"]} == {"few": "skipped", "slow": "completed"}
    assert [len(pd.read_parquet(project.root / f"out/{name}")) for name in ("few", "slow")] == [2, 20]
