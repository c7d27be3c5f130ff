"""Runs that failed are carried on: what is done and valid is not done again, the rest is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from tauro.config import Context
from tauro.errors import JournalError, RunFailedError, UnknownNameError
from tauro.exec.executor import BaseExecutor
from tauro.exec.resume.left_runs import drop, find_run, left_runs
from tauro.model.outcome import RunResult, Status
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


def ids(frame: DataFrame) -> list[int]:
    return sorted(row["id"] for row in frame.collect())


def calls(project: ExecProject) -> dict[str, int]:
    """How often each node's function was called."""
    return {path.name: len(path.read_text()) for path in sorted((project.root / "calls").glob("*"))}


def called(root: Path, name: str) -> None:
    (root / "calls").mkdir(exist_ok=True)
    with (root / "calls" / name).open("a") as file:
        file.write(".")


OUTPUTS = {
    "files": {"format": "parquet", "path": "out/files"},
    "added": {"format": "csv", "path": "out/added", "write_mode": "append"},
    "table": {"format": "delta", "path": "out/table"},
    "merged": {"format": "delta", "path": "out/merged", "write_mode": "merge", "keys": ["id"]},
    "last": {"format": "parquet", "path": "out/last"},
}


def context(spark: SparkSession, project: ExecProject, **settings: Any) -> Context:
    """Nodes for every kind of output, and one behind them that fails as long as there is a file `fail`."""
    root = project.root

    def rows(id: str) -> Callable[[], DataFrame]:
        def make() -> DataFrame:
            called(root, id)
            return spark.range(3)

        return make

    def last(files: DataFrame, table: DataFrame) -> DataFrame:
        called(root, "last")
        if (root / "fail").exists():
            raise RuntimeError("on purpose")
        return files.union(table)

    nodes: dict[str, Any] = {
        f"make_{id}": {"function": rows(id), "output": [id]} for id in ("files", "added", "table", "merged")
    }
    nodes["last"] = {
        "function": last,
        "input": {"files": "make_files", "table": "table"},
        "dependencies": list(nodes),
        "output": ["last"],
    }
    return project.context(nodes, outputs=OUTPUTS, settings=settings)


def there(spark: SparkSession, project: ExecProject) -> dict[str, list[int]]:
    return {
        id: ids(
            spark.read.format(str(spec["format"])).option("header", True).load(str(project.root / str(spec["path"])))
        )
        for id, spec in OUTPUTS.items()
        if (project.root / str(spec["path"])).exists() and id != "added"
    }


def fail(context: Context, project: ExecProject) -> RunResult:
    (project.root / "fail").touch()
    with pytest.raises(RunFailedError) as caught:
        BaseExecutor(context).execute_pipeline("p")
    (project.root / "fail").unlink()
    result = caught.value.result
    assert isinstance(result, RunResult)
    return result


ALL = {"files": [0, 1, 2], "table": [0, 1, 2], "merged": [0, 1, 2], "last": [0, 0, 1, 1, 2, 2]}


@pytest.mark.parametrize("publish", ["run", "node"])
def test_a_failed_run_is_carried_on_where_it_failed(spark: SparkSession, project: ExecProject, publish: str) -> None:
    made = context(spark, project, publish=publish)
    failed = fail(made, project)
    left = find_run(made)
    assert left.about.run_id == failed.run_id
    assert not left.is_alive
    result = BaseExecutor(made).resume(left)
    assert result.run_id == failed.run_id
    statuses = {node.name: node.status for node in result.nodes}
    assert statuses == {**dict.fromkeys(statuses, Status.SKIPPED), "last": Status.COMPLETED}
    assert calls(project) == {"files": 1, "added": 1, "table": 1, "merged": 1, "last": 2}
    assert there(spark, project) == ALL
    assert list(project.root.rglob("_tauro")) == []
    with pytest.raises(UnknownNameError):
        find_run(made)


def test_what_has_changed_is_run_again_with_all_that_follows(spark: SparkSession, project: ExecProject) -> None:
    made = context(spark, project)
    fail(made, project)
    table = dict(made.nodes_config)["make_table"]
    changed = Context(
        {},
        {"p": {"nodes": list(made.nodes_config), "requires_dates": False}},
        {**made.nodes_config, "make_table": {**table, "params": {}, "hyperparams": {"depth": 3}}},
        {},
        OUTPUTS,
        root=project.root,
    )
    result = BaseExecutor(changed).resume(find_run(changed))
    assert calls(project) == {"files": 1, "added": 1, "table": 2, "merged": 1, "last": 2}
    assert result.node("make_table").status is Status.COMPLETED
    assert there(spark, project) == ALL


def test_what_an_abandoned_run_has_staged_can_be_dropped(spark: SparkSession, project: ExecProject) -> None:
    made = context(spark, project)
    fail(made, project)
    (left,) = left_runs(made)
    dropped = drop(made, left)
    assert dropped is not None
    assert set(dropped.outputs) == {"files", "added", "table", "merged"}
    assert there(spark, project) == {}
    assert list(project.root.rglob("_tauro")) == []
    assert left_runs(made) == []


def test_a_merge_that_meets_another_commit_is_done_again_on_top_of_it(
    spark: SparkSession, project: ExecProject
) -> None:
    place = str(project.root / "out/merged")
    spark.range(1).selectExpr("id", "'old' AS text").write.format("delta").save(place)
    root = project.root

    def rows() -> DataFrame:
        called(root, "rows")
        return spark.range(3).selectExpr("id", "'new' AS text")

    def others_write() -> None:
        if not (root / "done").exists():
            (root / "done").touch()
            DeltaTable.forPath(spark, place).update("id = 0", {"text": "'theirs'"})
            spark.range(7, 8).selectExpr("id", "'theirs' AS text").write.format("delta").mode("append").save(place)

    nodes = {
        "rows": {"function": rows, "output": ["merged"]},
        "files": {"function": lambda: spark.range(3), "output": ["files"]},
        "others": {"function": others_write, "input": [], "dependencies": ["rows", "files"]},
    }
    result = project.run(nodes, outputs={id: OUTPUTS[id] for id in ("merged", "files")})
    assert result.is_completed
    assert calls(project) == {"rows": 2}
    rows_there = {row["id"]: row["text"] for row in spark.read.format("delta").load(place).collect()}
    assert rows_there == {0: "new", 1: "new", 2: "new", 7: "theirs"}


def test_a_journal_that_cannot_be_read_stops_everything_that_would_write_there(
    spark: SparkSession, project: ExecProject
) -> None:
    made = context(spark, project)
    fail(made, project)
    (left,) = left_runs(made)
    (left.journal.home / "run.json").write_text("rubbish")
    with pytest.raises(JournalError, match="can't be read"):
        BaseExecutor(made).execute_pipeline("p")
    assert there(spark, project) == {}
