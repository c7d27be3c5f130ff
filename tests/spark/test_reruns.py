"""What a second run of one window leaves as it was, and a run of another window does not touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults import project
from tests.faults.tables import DeltaLog, data_files, read_tables
from tests.support.example import Example
from tests.support.exec_project import ExecProject, exec_project

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from tests.support.postgres import PostgresServer

FIRST, SECOND = ("2025-01-01", "2025-01-02"), ("2025-01-03", "2025-01-03")


@pytest.mark.spark
@pytest.mark.postgres
def test_a_window_run_twice_gives_the_same_rows_schemas_and_live_files(
    spark: SparkSession, postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.execute("DROP TABLE IF EXISTS sales, totals")
    root = project.write_project(tmp_path / "project", spark_config={}, user=postgres.user, password=postgres.password)
    example = Example(root, {project.URL: postgres.jdbc_url})
    example.run(project.WHOLE, *project.BEFORE)
    example.run(project.WHOLE, *project.WINDOW)
    once = read_tables(root / "output", postgres, ("sales", "totals"))
    example.run(project.WHOLE, *project.WINDOW)
    twice = read_tables(root / "output", postgres, ("sales", "totals"))
    assert len(once) == 11
    assert all(table.rows for table in once.values())
    assert {name: table.differences(once[name]) for name, table in twice.items()} == {name: [] for name in once}
    assert list((root / "output").rglob("_tauro")) == []


@dataclass(frozen=True)
class FileId:
    """What tells whether a file was touched."""

    inode: int
    modified_ns: int
    size: int


@pytest.fixture
def daily(tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as found:
        yield found


@pytest.mark.spark
@pytest.mark.parametrize("form", ["parquet", "csv", "delta"])
def test_a_run_of_another_window_touches_only_its_own_partitions(
    spark: SparkSession, daily: ExecProject, form: str
) -> None:
    table = daily.root / "out/events"
    run(daily, spark, form, FIRST)
    before = live_files(table)
    assert {folder for folder, _ in before} == {"day=2025-01-01", "day=2025-01-02"}
    run(daily, spark, form, SECOND)
    after = live_files(table)
    assert {folder for folder, _ in after} == {"day=2025-01-01", "day=2025-01-02", "day=2025-01-03"}
    assert before.items() <= after.items()
    run(daily, spark, form, FIRST)  # and those that it does touch are all new
    again = live_files(table)
    third = {name: id for name, id in after.items() if name[0] == "day=2025-01-03"}
    assert third.items() <= again.items()
    assert again.keys() & before.keys() == set()
    assert len(again) == len(after)


def run(daily: ExecProject, spark: SparkSession, form: str, window: tuple[str, str]) -> None:
    """Writes three rows for each day of the window."""

    def events(start_date: str, end_date: str) -> DataFrame:
        days = f"explode(sequence(date'{start_date}', date'{end_date}')) AS day"
        return spark.range(0, 3, 1, 1).selectExpr("id", days)

    output = {
        "path": "out/events",
        "format": form,
        "overwrite_scope": "window",
        "window_column": "day",
        "partition_by": ["day"],
    }
    daily.run({"make": {"function": events, "output": ["events"]}}, *window, outputs={"events": output})


def live_files(table: Path) -> dict[tuple[str, str], FileId]:
    """The files that a reader reads, by their partition's folder and their name."""
    if (table / "_delta_log").exists():
        files = [table / path for path in DeltaLog.read(table).live]
    else:
        files = list(data_files(table))
    about = {(file.parent.name, file.name): file.stat() for file in files}
    return {name: FileId(one.st_ino, one.st_mtime_ns, one.st_size) for name, one in about.items()}
