"""Where a Delta table lies, and what its log on this machine says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tauro.io.delta import by_sql
from tauro.storage.paths import is_remote, literal_spark_path, local_path, spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True, slots=True)
class DeltaPlace:
    """Where a Delta table lies, or will lie."""

    session: Callable[[], SparkSession]
    """Asked for where the table is read or written, and where its log is not on this machine."""
    path: str
    """For a catalog table that does not exist yet, where the catalog will put it."""
    new_table: str | None = None
    """The catalog's name of a table that is to be made; None for others, which are known by their path."""

    def exists(self) -> bool:
        """Whether a Delta table is there."""
        return self.new_table is None and self.is_written()

    def is_written(self) -> bool:
        """Whether a Delta log is there, be it one that the catalog knows nothing of."""
        if self._log is not None:
            return any(_commits(self._log))
        return by_sql.is_table(self.session(), self.path)

    def read(self, version: int | None = None) -> DataFrame:
        """The table that is there, now or as of a version."""
        reader = self.session().read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(literal_spark_path(self.path))

    def schema(self) -> StructType:
        """The columns of the table that is there."""
        return self.read().schema

    def save(self, writer: DataFrameWriter) -> None:
        """Writes the table."""
        if self.new_table is not None:
            writer.saveAsTable(self.new_table)
        else:
            writer.save(spark_path(self.path))

    def commits_after(self, version: int) -> Iterator[Commit]:
        """The commits after a version; nothing where the log is not on this machine."""
        log = self._log
        for number, file in sorted(_commits(log)) if log is not None else ():
            if number > version:
                actions = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
                info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
                yield Commit(
                    number,
                    info,
                    adds_files=any("add" in action for action in actions),
                    takes_rows=any(
                        action["remove"].get("dataChange", True) for action in actions if "remove" in action
                    ),
                    removes_files=any("remove" in action for action in actions),
                    transactions={a["txn"]["appId"]: a["txn"]["version"] for a in actions if "txn" in a},
                )

    def history(self, after: int, newest: int | None = None) -> list[Commit]:
        """The commits after a version; Spark is asked where the log is not on this machine.

        Args:
            after: the version.
            newest: how many are enough, where Spark has to be asked.
        """
        if self.has_log_here:
            return list(self.commits_after(after))
        if not self.is_written():
            return []
        names = ("operation", "operationParameters", "operationMetrics", "userMetadata")
        return [
            Commit(
                row["version"],
                {name: row[name] for name in names},
                adds_files=True,
                takes_rows=False,
                removes_files=False,
                transactions={},
            )
            for row in by_sql.history(self.session(), self.path, after, newest)
        ]

    def taken_since(self, append_id: str, *, by_layout: bool = False) -> Commit | None:
        """The first commit after an append that took rows away or changed some; None if the log knows of none.

        Args:
            append_id: the append's application id.
            by_layout: whether commits count that only put rows into other files.
        """
        commits = list(self.commits_after(-1))
        at = max((at for at, one in enumerate(commits) if append_id in one.transactions), default=len(commits))
        later = commits[at + 1 :]
        return next((one for one in later if one.takes_rows or (by_layout and one.removes_files)), None)

    def version(self) -> int:
        """The newest version; -1 where there is none, or the log is not on this machine."""
        return -1 if self._log is None else max((number for number, _ in _commits(self._log)), default=-1)

    @property
    def has_log_here(self) -> bool:
        """Whether this machine sees the table's log."""
        return self._log is not None

    @property
    def _log(self) -> Path | None:
        return None if is_remote(self.path) else local_path(self.path) / "_delta_log"


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table."""

    version: int
    # Any: JSON
    info: Mapping[str, Any]
    """What it says of itself."""
    adds_files: bool
    takes_rows: bool
    """Whether it removes or rewrites files for another reason than their layout."""
    removes_files: bool
    transactions: Mapping[str, int]
    """The application ids whose progress it notes, with their versions."""

    @property
    def rows(self) -> int | None:
        """The rows written, without those that were only copied beside them; None if it does not say."""
        return rows_of(self.info, adds_files=self.adds_files)


def rows_of(info: Mapping[str, Any], *, adds_files: bool) -> int | None:  # Any: JSON
    """The rows that a commit wrote, as it says of itself; None if it does not say."""
    metrics = info.get("operationMetrics", {})
    if info.get("operation") == "MERGE":
        return int(metrics["numTargetRowsInserted"]) + int(metrics["numTargetRowsUpdated"])
    if "numOutputRows" not in metrics:
        return None if adds_files else 0
    return int(metrics["numOutputRows"]) - int(metrics.get("numCopiedRows", 0))


def _commits(log: Path) -> Iterator[tuple[int, Path]]:
    """The commits of a local log, by version."""
    if log.is_dir():
        yield from ((int(file.stem), file) for file in log.glob("*.json") if file.stem.isdigit())
