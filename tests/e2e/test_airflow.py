"""Pipelines in a real Airflow: parsed, run, retried, failed, cleared, run again, stopped, and watched by a trigger."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

from tests.support.airflow import Airflow, running_airflow, wait_until
from tests.support.jvms import plain_environment

pytestmark = [pytest.mark.spark, pytest.mark.timeout(400)]

FILES = {
    "tauro.yml": """\
        global_settings:
          output_path: out
          spark_config: {spark.master: "local[1]", spark.ui.enabled: false, spark.sql.codegen.wholeStage: false}
          warm: true
        input_config:
          raw.orders: {path: in/orders.csv, options: {header: true}, window_column: day, schema: "id INT, day DATE"}
        output_config:
          silver.orders: {path: out/silver/orders, overwrite_scope: window, window_column: day, partition_by: day}
        nodes_config:
          extract: {function: shop_jobs.extract, input: raw.orders, output: silver.orders}
          report: {function: shop_jobs.report, input: silver.orders, output: gold.report}
          greet: {function: shop_jobs.greet}
          fail: {function: shop_jobs.fail}
          count: {function: shop_jobs.count, input: raw.orders}
          wait: {function: shop_jobs.wait}
        pipelines_config:
          daily: {nodes: [extract, report], description: "Orders, cleaned"}
          greet: {nodes: greet, requires_dates: false}
          fail: {nodes: fail}
          count: {nodes: count}
          wait: {nodes: wait}
    """,
    "shop_jobs.py": """\
        import time
        from pathlib import Path

        from loguru import logger

        HERE = Path(__file__).parent


        def extract(orders, start_date):
            logger.info("extracting {}", start_date)
            return orders


        def report(orders):
            if (HERE / "is-down").exists():
                (HERE / "is-down").unlink()
                raise ConnectionError("the service is down")
            return orders.groupBy("day").count()


        def greet():
            print("printed by the node")
            logger.warning("be greeted")


        def fail():
            raise ValueError("a mistake in the node")


        def count(orders):
            (HERE / "counting").touch()
            session = orders.sparkSession
            return session.range(10**13).selectExpr("sum(id * 3 % 7)").collect()


        def wait():
            (HERE / "waiting").touch()
            time.sleep(120)
    """,
    "in/orders.csv": """\
        id,day
        1,2025-01-04
        2,2025-01-04
        3,2025-01-05
    """,
}
DAGS = """\
    import pendulum
    from airflow.sdk import DAG, AssetAlias, CronDataIntervalTimetable
    from tauro.integrations.airflow import TauroOperator

    DAILY = CronDataIntervalTimetable("@daily", timezone="UTC")
    FIRST, LAST = pendulum.datetime(2025, 1, 1), pendulum.datetime(2025, 1, 31)  # so that no run begins by itself
    ALL = {{"project": {root!r}, "python": {python!r}, "retries": 2, "retry_delay": 1}}


    def dag(dag_id, schedule=DAILY, **arguments):
        with DAG(dag_id, schedule=schedule, start_date=FIRST, end_date=LAST, catchup=False):
            TauroOperator(task_id="run", **{{**ALL, **arguments}})


    dag("greet", pipeline="greet", has_window=False, run_url="https://runs.example/{{run_id}}")
    dag("no_window", schedule=None, pipeline="fail")
    dag("fail", pipeline="fail")
    dag("wrong", pipeline="absent")
    dag("count", pipeline="count", start="2025-01-04", end="{{{{ ds }}}}")
    part = {{"pipeline": "daily", "nodes": ["extract"], "outlets": [AssetAlias("whatever is written")]}}
    dag("deferred", **part, deferrable=True, poll_s=0.5)
    dag("deferred_wait", pipeline="wait", deferrable=True, poll_s=0.5)
"""


@dataclass(frozen=True)
class Shop:
    """The project, and the Airflow that runs it."""

    root: Path
    airflow: Airflow

    def run_of(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """What the task's run answered."""
        found: dict[str, Any] = self.airflow.xcom(dag_id, run_id, "run")
        return found

    def ended(self, run_id: str) -> int | None:
        """The exit code of a run; None as long as it goes on."""
        file = self.airflow.runs / run_id / "end.json"
        return json.loads(file.read_text())["code"] if file.exists() else None

    def assets_of(self, dag_id: str) -> dict[str, dict[str, Any]]:
        """What the events of assets say that a DAG has written, by URI."""
        events = self.airflow.call("GET", f"assets/events?source_dag_id={dag_id}")["asset_events"]
        return {event["uri"]: event["extra"] for event in events}

    def only_run(self, part: str) -> str:
        """The id of the one run that has `part` in its id."""
        (found,) = [path.name for path in self.airflow.runs.iterdir() if part in path.name]
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("airflow") / "shop"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    dags = {"by_hand.py": textwrap.dedent(DAGS).format(root=str(root), python=sys.executable)}
    for per in ("pipeline", "node"):
        words = ["airflow", "export", "--pipeline", "daily", "--per", per, "--dag-id", f"per_{per}", "-o", "-"]
        exported = subprocess.run(
            [sys.executable, "-m", "tauro", *words, "--python", sys.executable],
            cwd=root,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        ended = "catchup=False,\n    end_date=pendulum.datetime(2025, 1, 31),"  # likewise
        dags[f"per_{per}.py"] = exported.replace("catchup=False,", ended)
    runtime = tmp_path_factory.mktemp("runtime")  # where the project's warm JVM is written down
    runtime.chmod(0o700)
    variables = {**plain_environment(), "XDG_RUNTIME_DIR": str(runtime)}
    with running_airflow(dags, variables) as airflow:
        wait_until(lambda: airflow.call("GET", "dags")["total_entries"] == 9, 60, "not all DAGs were parsed")
        yield Shop(root, airflow)
    subprocess.run([sys.executable, "-m", "tauro", "warm", "stop"], cwd=root, env=variables, check=True)


def test_every_dag_file_is_parsed(shop: Shop) -> None:
    airflow = shop.airflow
    assert airflow.call("GET", "importErrors")["import_errors"] == []
    tasks = {
        dag_id: {
            task["task_id"]: task["downstream_task_ids"]
            for task in airflow.call("GET", f"dags/{dag_id}/tasks")["tasks"]
        }
        for dag_id in ("per_pipeline", "per_node")
    }
    assert tasks == {"per_pipeline": {"daily": []}, "per_node": {"extract": ["report"], "report": []}}
    assets = {asset["uri"] for asset in airflow.call("GET", "assets")["assets"]}
    assert {
        f"file://{shop.root}/{place}" for place in ("in/orders.csv", "out/silver/orders", "out/gold/report")
    } <= assets


def test_a_retry_carries_the_run_on_and_a_clear_runs_anew(shop: Shop) -> None:
    """The exported DAG, with a node that fails once for a reason that passes."""
    airflow = shop.airflow
    (shop.root / "is-down").touch()
    dag_run = airflow.trigger("per_pipeline")
    done = airflow.wait_for("per_pipeline", dag_run, "daily", "success")
    assert done["try_number"] == 2
    first_try, second_try = (airflow.log("per_pipeline", dag_run, "daily", number) for number in (1, 2))
    assert "ConnectionError: the service is down" in first_try
    assert "(exit code 4)" in first_try
    assert "extracting 2025-01-04" in first_try
    assert "extracting" not in second_try
    answer = airflow.xcom("per_pipeline", dag_run, "daily")
    assert answer["window"] == {"start": "2025-01-04", "end": "2025-01-04"}
    assert {node["name"]: node["status"] for node in answer["nodes"]} == {"extract": "skipped", "report": "completed"}
    table = pd.read_parquet(shop.root / "out" / "gold" / "report")
    assert [(str(row.day), row["count"]) for _, row in table.iterrows()] == [("2025-01-04", 2)]

    told = shop.assets_of("per_pipeline")
    assert told[f"file://{shop.root}/out/gold/report"]["rows"] == 1
    assert told[f"file://{shop.root}/out/gold/report"]["run_id"] == answer["run_id"]

    airflow.clear("per_pipeline", dag_run, "daily")
    airflow.wait_for("per_pipeline", dag_run, "daily", "success", try_number=3)
    anew = airflow.xcom("per_pipeline", dag_run, "daily")
    assert anew["run_id"] != answer["run_id"]
    assert {node["status"] for node in anew["nodes"]} == {"completed"}
    pd.testing.assert_frame_equal(pd.read_parquet(shop.root / "out" / "gold" / "report"), table)


def test_the_log_of_the_run_is_that_of_the_task_and_the_link_leads_to_it(shop: Shop) -> None:
    airflow = shop.airflow
    dag_run = airflow.trigger("greet")
    airflow.wait_for("greet", dag_run, "run", "success")
    log = airflow.log("greet", dag_run, "run", 1)
    assert "warning be greeted" in log
    assert "info printed by the node" in log
    assert "info greet: completed" in log
    run_id = shop.run_of("greet", dag_run)["run_id"]
    links = airflow.call("GET", f"dags/greet/dagRuns/{quote(dag_run)}/taskInstances/run/links")["extra_links"]
    assert links == {"Tauro run": f"https://runs.example/{run_id}"}


@pytest.mark.parametrize(
    ("dag_id", "said"),
    [
        ("fail", "ValueError: a mistake in the node"),
        ("wrong", "unknown pipeline 'absent'"),
        ("no_window", "the data interval of the DAG run is empty"),
    ],
)
def test_what_another_try_would_not_mend_fails_at_once(shop: Shop, dag_id: str, said: str) -> None:
    airflow = shop.airflow
    dag_run = airflow.trigger(dag_id)
    failed = airflow.wait_for(dag_id, dag_run, "run", "failed", "success")
    assert (failed["state"], failed["try_number"], failed["max_tries"]) == ("failed", 1, 2)
    assert said in airflow.log(dag_id, dag_run, "run", 1)


def test_a_task_that_is_killed_cancels_its_spark_jobs(shop: Shop) -> None:
    """The next test needs the same JVM's one core."""
    airflow = shop.airflow
    dag_run = airflow.trigger("count")
    wait_until((shop.root / "counting").exists, 90, "Spark did not begin to count")
    run_id = shop.only_run("count.run.")
    airflow.mark_failed("count", dag_run, "run")
    wait_until(lambda: shop.ended(run_id) is not None, 40, "the run goes on")
    assert shop.ended(run_id) == 130
    answer = json.loads((airflow.runs / run_id / "answer.json").read_text())
    assert answer["window"] == {"start": "2025-01-04", "end": "2025-01-05"}
    assert answer["status"] == "cancelled"


def test_a_deferred_task_takes_no_worker_and_ends_as_others_do(shop: Shop) -> None:
    """It runs a part of a pipeline, and tells an alias what that has written."""
    airflow = shop.airflow
    dag_run = airflow.trigger("deferred")
    airflow.wait_for("deferred", dag_run, "run", "deferred")
    airflow.wait_for("deferred", dag_run, "run", "success")
    (node,) = shop.run_of("deferred", dag_run)["nodes"]
    assert (node["name"], node["status"]) == ("extract", "completed")
    assert "info extracting 2025-01-04" in airflow.log("deferred", dag_run, "run", 1)
    (told,) = shop.assets_of("deferred").items()
    assert told[0] == f"file://{shop.root}/out/silver/orders"
    assert (told[1]["output"], told[1]["rows"]) == ("silver.orders", 2)


def test_a_deferred_task_that_is_cleared_stops_its_run_and_begins_another(shop: Shop) -> None:
    airflow = shop.airflow
    dag_run = airflow.trigger("deferred_wait")
    airflow.wait_for("deferred_wait", dag_run, "run", "deferred")
    wait_until((shop.root / "waiting").exists, 30, "the node did not begin")
    first = shop.only_run("deferred_wait.run.")
    airflow.clear("deferred_wait", dag_run, "run")
    wait_until(lambda: shop.ended(first) is not None, 40, "the run goes on")
    assert shop.ended(first) == 130
    airflow.wait_for("deferred_wait", dag_run, "run", "deferred", try_number=2)
    (second,) = [
        path.name for path in airflow.runs.iterdir() if "deferred_wait.run." in path.name and path.name != first
    ]
    airflow.mark_failed("deferred_wait", dag_run, "run")
    wait_until(lambda: shop.ended(second) == 130, 40, "the second run goes on")
