"""What a run's leases say while it runs on a real session, and what becomes of a run that has lost one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tauro.errors import LeaseLostError, RunFailedError
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


def rows(spark: SparkSession, project: ExecProject, name: str) -> list[int]:
    return sorted(row.id for row in spark.read.parquet(str(project.root / "output" / name)).collect())


def test_the_lease_names_the_sessions_jvm_while_the_run_goes_on(spark: SparkSession, project: ExecProject) -> None:
    seen: list[dict[str, Any]] = []
    lease = project.root / "output" / "_tauro" / "leases" / "a.json"

    def a() -> DataFrame:
        seen.extend(json.loads(lease.read_text())["holders"])
        return spark.range(3)

    project.run({"a": {"function": a, "output": ["a"]}})
    (holder,) = seen
    assert holder["jvm"]["pid"] == spark.sparkContext._gateway.proc.pid
    assert not lease.parent.parent.exists()


def test_a_run_that_was_taken_for_dead_publishes_none_of_its_outputs(spark: SparkSession, project: ExecProject) -> None:
    leases = project.root / "output" / "_tauro" / "leases"

    def first(start: int) -> DataFrame:
        return spark.range(start, start + 2)

    def second(start: int) -> DataFrame:
        if start == 10:
            (leases / "b.json").unlink()  # as another run does that takes over, and ends
        return spark.range(start, start + 2)

    def nodes(start: int) -> dict[str, Any]:
        params = {"start": start}
        return {
            "a": {"function": first, "params": params, "output": ["a"]},
            "b": {"function": second, "params": params, "output": ["b"]},
        }

    project.run(nodes(0))
    with pytest.raises(RunFailedError, match=r"has lost its lease of output 'b'") as caught:
        project.run(nodes(10))
    assert caught.value.is_transient
    assert isinstance(caught.value.__cause__.__cause__ if caught.value.__cause__ else None, LeaseLostError)
    assert (rows(spark, project, "a"), rows(spark, project, "b")) == ([0, 1], [0, 1])
    project.run(nodes(20))  # what the lost run has staged is dropped by the next
    assert not (project.root / "output" / "_tauro").exists()
    project.run(nodes(0))
