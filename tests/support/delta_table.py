"""One Delta table, what may be done to it, and what it holds before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tauro.io.formats import FORMATS
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.model import Window
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

JANUARY = Window.parse("2013-01-01", "2013-01-31")
COLUMNS = "id int, day string, v string"
BEFORE = [(1, "2013-01-01", "old"), (2, "2013-01-02", "old"), (3, "2013-02-01", "old")]
NEW = [(1, "2013-01-01", "new"), (9, "2013-01-09", "new")]
MODES: dict[str, dict[str, Any]] = {
    "append": {"write_mode": "append"},
    "overwrite": {},
    "window on a partition": {"overwrite_scope": "window", "window_column": "day", "partition_by": ["day"]},
    "window on data": {"overwrite_scope": "window", "window_column": "day"},
    "partitions": {"overwrite_scope": "partitions", "partition_by": ["day"]},
    "merge": {"write_mode": "merge", "keys": ["id"]},
}
AFTER = {
    "append": [*BEFORE, *NEW],
    "overwrite": NEW,
    "window on a partition": [NEW[0], BEFORE[2], NEW[1]],
    "window on data": [NEW[0], BEFORE[2], NEW[1]],
    "partitions": [NEW[0], BEFORE[1], BEFORE[2], NEW[1]],
    "merge": [NEW[0], BEFORE[1], BEFORE[2], NEW[1]],
}


class DeltaTable:
    """One Delta table, and outputs to it.

    Args:
        project: its folder holds the table.
        name: the table's.
    """

    def __init__(self, project: IoProject, name: str = "t") -> None:
        self.project = project
        self.name = name
        self.path = project.root / name
        self.sql_name = f"delta.`{self.path}`"

    @property
    def spark(self) -> SparkSession:
        return self.project.spark

    def made(self, partition_by: tuple[str, ...] = (), properties: Mapping[str, str] | None = None) -> DeltaTable:
        """Holds `BEFORE`, written past Tauro."""
        writer = self.frame(BEFORE).write.format("delta").options(**(properties or {}))
        writer.partitionBy(*partition_by).save(str(self.path))
        return self

    def frame(self, rows: list[tuple[Any, ...]], columns: str = COLUMNS) -> DataFrame:
        return self.spark.createDataFrame(rows, columns).coalesce(1)

    def request(self, window: Window | None = JANUARY, run_id: str = "run", **fields: Any) -> WriteRequest:
        self.project.with_output(self.name, format="delta", path=self.name, **fields)
        return WriteRequest("pipe", "node", self.name, output_spec_for(self.project, self.name), window, run_id)

    def stage(self, frame: DataFrame, window: Window | None = JANUARY, run_id: str = "run", **fields: Any) -> Staged:
        return OutputManager(self.project).stage(self.request(window, run_id, **fields), frame)

    def recalled(self, record: Record, window: Window | None = JANUARY, run_id: str = "run", **fields: Any) -> Staged:
        """What was staged, as another process would find it."""
        written = json.loads(json.dumps(record))
        return FORMATS["delta"].staged_from(lambda: self.project.spark, self.request(window, run_id, **fields), written)

    def write(self, frame: DataFrame, window: Window | None = JANUARY, **fields: Any) -> int | None:
        staged = self.stage(frame, window, **fields)
        try:
            return staged.publish().rows
        finally:
            staged.discard()

    def intrude(self, rows: list[tuple[Any, ...]], columns: str = COLUMNS) -> None:
        """Somebody else's append."""
        self.frame(rows, columns).write.format("delta").mode("append").save(str(self.path))

    def forget(self) -> DeltaTable:
        """Has Delta read the table's log anew, as in a new process."""
        jvm: Any = self.spark._jvm  # Any: py4j's objects have no types
        jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        return self

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted_rows(self.spark.read.format("delta").load(str(self.path)))

    def leftovers(self) -> list[str]:
        return [path.name for path in self.project.root.rglob("_tauro")]

    def data_files(self) -> list[str]:
        return sorted(str(path) for path in self.path.rglob("*.parquet") if "_delta_log" not in path.parts)

    def history(self) -> list[tuple[str, dict[str, Any]]]:
        """The operation of each version, and what Tauro noted with it."""
        history = self.spark.sql(f"DESCRIBE HISTORY {self.sql_name}").orderBy("version").collect()
        return [(row["operation"], json.loads(row["userMetadata"] or "{}")) for row in history]


def sorted_rows(frame: DataFrame | None) -> list[tuple[Any, ...]]:
    assert frame is not None
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def delta_table(root: Path, spark: SparkSession, name: str = "t") -> DeltaTable:
    return DeltaTable(IoProject(root, spark), name)
