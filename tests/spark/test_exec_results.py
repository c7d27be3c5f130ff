"""What a node returns is checked before anything of it is written, and costs no more than its write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tauro.errors import NodeError, ResultError, RunFailedError
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


def stored(spark: SparkSession, project: ExecProject, name: str) -> list[Any]:
    return sorted(row[0] for row in spark.read.parquet(str(project.root / "output" / name)).collect())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda spark: None, "returned None for output 'x', 'y'"),
        (lambda spark: spark.range(1), "for 2 outputs"),
        (lambda spark: (spark.range(1),), "returned 1 results for 2 outputs"),
        (lambda spark: (spark.range(1), None), "output 'y': expected a Spark DataFrame, got None"),
        (lambda spark: (spark.range(1), [1, 2]), "output 'y': expected a Spark DataFrame, got a builtins.list"),
        (lambda spark: (spark.range(1), spark.range(1).select()), "output 'y': the DataFrame has no columns"),
        (lambda spark: {"x": spark.range(1), "z": spark.range(1)}, "what is no output of it: z"),
        (lambda spark: {"x": spark.range(1)}, "returned nothing for output 'y'"),
        (lambda spark: (spark.range(1), spark.range(1).selectExpr("id", "null as n")), "output 'y'"),
    ],
)
def test_a_wrong_result_names_node_and_output_and_writes_nothing(
    spark: SparkSession, project: ExecProject, make: Callable[[SparkSession], Any], told: str
) -> None:
    with pytest.raises(RunFailedError) as caught:
        project.run({"n": {"function": lambda: make(spark), "output": ["x", "y"], "retry": 3}})
    error = caught.value.__cause__
    assert isinstance(error, NodeError)
    assert "node 'n'" in str(error)
    assert told in str(error).replace('"', "'") or told in str(error.__cause__)
    assert error.attempt == 1  # trying again can't help
    assert not list((project.root / "output").rglob("*.parquet"))


def test_one_output_refuses_none_and_leaves_the_old_rows(spark: SparkSession, project: ExecProject) -> None:
    project.run({"n": {"function": lambda: spark.range(3), "output": ["x"]}})
    with pytest.raises(RunFailedError) as caught:
        project.run({"n": {"function": lambda: None, "output": ["x"]}})
    assert isinstance(caught.value.__cause__, NodeError)
    assert isinstance(caught.value.__cause__.__cause__, ResultError)
    assert stored(spark, project, "x") == [0, 1, 2]


def test_a_write_that_fails_leaves_all_outputs_as_they_were(spark: SparkSession, project: ExecProject) -> None:
    def make(is_broken: bool) -> Callable[[], tuple[DataFrame, DataFrame]]:
        second = spark.range(2).selectExpr("id div (id - id) as id" if is_broken else "id")
        return lambda: (spark.range(7 if is_broken else 1), second)

    project.run({"n": {"function": make(False), "output": ["x", "y"]}})
    with pytest.raises(RunFailedError, match="DIVIDE_BY_ZERO"):
        project.run({"n": {"function": make(True), "output": ["x", "y"]}})
    assert (stored(spark, project, "x"), stored(spark, project, "y")) == ([0], [0, 1])


@pytest.mark.parametrize("way", ["tuple", "mapping"])
def test_several_outputs_take_a_tuple_or_a_mapping(spark: SparkSession, project: ExecProject, way: str) -> None:
    def make() -> Any:
        x, y = spark.range(1), spark.range(2)
        return (x, y) if way == "tuple" else {"y": y, "x": x}

    result = project.run({"n": {"function": make, "output": ["x", "y"]}})
    assert (stored(spark, project, "x"), stored(spark, project, "y")) == ([0], [0, 1])
    outputs = result.node("n").outputs
    assert [(one.id, one.rows, one.format) for one in outputs] == [("x", 1, "parquet"), ("y", 2, "parquet")]
    assert outputs[0].path == str(project.root / "output/x")
    assert '"name":"id"' in (outputs[0].schema or "")


def test_an_empty_frame_is_a_result_and_empties_the_table(spark: SparkSession, project: ExecProject) -> None:
    for count in (3, 0):
        result = project.run({"n": {"function": lambda count=count: spark.range(count), "output": ["x"]}})
        assert result.node("n").outputs[0].rows == count
        assert stored(spark, project, "x") == list(range(count))


class TestJobs:
    def jobs(self, spark: SparkSession) -> int:
        """How many jobs the session has run."""
        context = spark.sparkContext._jsc.sc()  # type: ignore[attr-defined]  # pyspark's stubs lack it
        context.listenerBus().waitUntilEmpty()
        return int(context.statusStore().jobsList(None).size())

    def test_a_one_output_node_costs_the_one_write_it_is(self, spark: SparkSession, project: ExecProject) -> None:
        before = self.jobs(spark)
        result = project.run({"n": {"function": lambda: spark.range(10), "output": ["x"]}})
        assert self.jobs(spark) - before == 1
        assert result.node("n").outputs[0].rows == 10

    def test_a_chain_of_nodes_costs_one_write_each(self, spark: SparkSession, project: ExecProject) -> None:
        before = self.jobs(spark)
        project.run(
            {
                "a": {"function": lambda: spark.range(10), "output": ["x"]},
                "b": {"function": lambda frame: frame.where("id > 3"), "input": ["a"], "output": ["y"]},
                "c": {"function": lambda frame: frame.where("id > 5"), "input": ["y"], "output": ["z"]},
            }
        )
        assert self.jobs(spark) - before == 3
        assert stored(spark, project, "z") == [6, 7, 8, 9]

    def test_nodes_in_memory_cost_nothing(self, spark: SparkSession, project: ExecProject) -> None:
        before = self.jobs(spark)
        project.run({"a": lambda: spark.range(10), "b": {"function": lambda frame: frame, "input": ["a"]}})
        assert self.jobs(spark) == before


def test_the_same_window_run_twice_gives_the_same_rows(spark: SparkSession, project: ExecProject) -> None:
    spark.sql("select id, date_add(date'2013-01-01', cast(id as int)) as day from range(10)").write.parquet(
        str(project.root / "raw")
    )
    nodes = {"n": {"function": lambda frame, start_date, end_date: frame, "input": ["raw"], "output": ["x"]}}
    documents: dict[str, Any] = {
        "inputs": {"raw": {"path": "raw", "format": "parquet", "window_column": "day"}},
        "outputs": {"x": {"overwrite_scope": "window", "window_column": "day", "partition_by": "day"}},
    }
    for start, end in (("2013-01-02", "2013-01-03"), ("2013-01-03", "2013-01-05"), ("2013-01-03", "2013-01-05")):
        project.run(nodes, start, end, **documents)
    assert stored(spark, project, "x") == [1, 2, 3, 4]  # each window's whole end day included, and nothing twice


def test_a_node_can_not_write_rows_outside_the_window(spark: SparkSession, project: ExecProject) -> None:
    frame = spark.sql("select 1 as id, date'2013-02-01' as day")
    with pytest.raises(RunFailedError, match="WindowError"):
        project.run(
            {"n": {"function": lambda: frame, "output": ["x"]}},
            "2013-01-01",
            "2013-01-31",
            outputs={"x": {"overwrite_scope": "window", "window_column": "day", "partition_by": "day"}},
        )
    assert not (project.root / "output/x").exists()
