"""Time limits and cancels end the Spark jobs of a node, and the run soon after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import udf
from pyspark.sql.types import LongType

from tauro.errors import NodeError, NodeTimeoutError, RunFailedError, RunInterruptedError
from tauro.exec.executor import BaseExecutor
from tauro.exec.node_executor import NodeExecutor
from tauro.model.outcome import RunResult
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark

WHOLE_JOB_S = 60
"""How long the slow job would take if nobody cancelled it."""


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    spark.range(1).select(slowly("id")).count()  # starts Python workers, which is no part of what is measured
    with exec_project(tmp_path) as made:
        yield made


@udf(LongType(), useArrow=False)
def slowly(value: int) -> int:
    import time

    time.sleep(0.1)
    return value


def slow(spark: SparkSession) -> DataFrame:
    return spark.range(WHOLE_JOB_S * 20).repartition(2).select(slowly("id").alias("id"))


def nothing_runs(spark: SparkSession) -> bool:
    """Whether Spark's jobs end within a few seconds."""
    until = time.monotonic() + 10
    while spark.sparkContext.statusTracker().getActiveJobsIds() and time.monotonic() < until:
        time.sleep(0.05)
    return not spark.sparkContext.statusTracker().getActiveJobsIds()


@pytest.mark.parametrize("way", ["write", "collect"])
def test_a_time_limit_cancels_the_jobs_and_fails_the_node(spark: SparkSession, project: ExecProject, way: str) -> None:
    function: Callable[[], Any] = (lambda: slow(spark)) if way == "write" else (lambda: slow(spark).collect() and None)
    before = time.monotonic()
    with pytest.raises(RunFailedError) as caught:
        project.run({"n": {"function": function, "output": ["x"] if way == "write" else [], "timeout_s": 0.5}})
    assert time.monotonic() - before < WHOLE_JOB_S / 3
    assert caught.value.is_transient
    assert isinstance(caught.value.__cause__, NodeError)
    assert isinstance(caught.value.__cause__.__cause__, NodeTimeoutError)
    assert nothing_runs(spark)
    assert not (project.root / "output/x").exists()


def test_only_the_late_node_is_cancelled(spark: SparkSession, project: ExecProject) -> None:
    with pytest.raises(RunFailedError) as caught:
        project.run(
            {
                "late": {"function": lambda: slow(spark).collect() and None, "timeout_s": 0.5},
                "fine": {
                    "function": lambda: spark.range(16).repartition(1).select(slowly("id").alias("id")),
                    "output": ["x"],
                },
            },
            settings={"publish": "node"},
        )
    result = caught.value.result
    assert isinstance(result, RunResult)
    assert {node.name: node.status.value for node in result.nodes} == {"late": "failed", "fine": "completed"}
    assert spark.read.parquet(str(project.root / "output/x")).count() == 16


def test_an_attempt_after_a_late_one_is_not_cancelled(spark: SparkSession, project: ExecProject) -> None:
    tries = []

    def function() -> DataFrame:
        tries.append(1)
        return slow(spark) if len(tries) == 1 else spark.range(3)

    retry = {"retries": 1, "backoff_s": 0.01}
    result = project.run({"n": {"function": function, "output": ["x"], "timeout_s": 5, "retry": retry}})
    assert (result.node("n").attempts, result.node("n").outputs[0].rows) == (2, 3)


def test_a_cancel_from_another_thread_ends_the_run_within_seconds(spark: SparkSession, project: ExecProject) -> None:
    begun = Event()

    def function() -> DataFrame:
        begun.set()
        return slow(spark)

    nodes = {"n": {"function": function, "output": ["x"]}, "after": {"function": lambda frame: None, "input": ["x"]}}
    executor = BaseExecutor(project.context(nodes))

    def cancel() -> None:
        assert begun.wait(30)
        time.sleep(0.2)
        executor.cancel("Ctrl-C")

    Thread(target=cancel).start()
    before = time.monotonic()
    with pytest.raises(RunInterruptedError) as caught:
        executor.execute_pipeline("p")
    assert time.monotonic() - before < WHOLE_JOB_S / 3
    result = caught.value.result
    assert isinstance(result, RunResult)
    assert {node.name: node.status.value for node in result.nodes} == {"n": "cancelled", "after": "cancelled"}
    assert nothing_runs(spark)
    assert not (project.root / "output/x").exists()


def test_jobs_of_a_caller_with_readers_and_writers_of_its_own_are_cancelled_too(
    spark: SparkSession, project: ExecProject
) -> None:
    class Fake:
        def load_inputs(self, node_config: Any) -> list[Any]:
            return [slow(spark)]

        def save_output(self, node_config: Any, result: Any, start_date: Any, end_date: Any) -> None:
            raise AssertionError("there is nothing to save")

    nodes = {"n": {"function": lambda frame: frame.collect(), "input": ["raw"], "output": ["x"], "timeout_s": 0.5}}
    with pytest.raises(NodeError, match="took longer"):
        NodeExecutor(project.context(nodes), Fake(), Fake()).execute_single_node("n")
    assert nothing_runs(spark)
