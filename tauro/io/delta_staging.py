"""Delta outputs: checked when they are staged, written in one commit when they are published."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from tauro.errors import WindowError, WriteError, bounded
from tauro.io.columns import find_column, fitted
from tauro.io.formats.base import condition_of
from tauro.io.ports import Staged, WriteRequest
from tauro.io.windows import WindowCondition, quoted
from tauro.io.writing import LeftAlone, one_line, spark_errors, window_condition
from tauro.model import OutputResult, OverwriteScope, WriteMode
from tauro.model.settings import as_spark_options
from tauro.storage.paths import is_remote, literal_spark_path, local_path, spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
    from pyspark.sql.types import StructType

_SHOWN_KEYS = 5
_OUTSIDE = "tauro: rows outside the window"


@dataclass(frozen=True, slots=True)
class DeltaPlace:
    """Where a Delta table lies, or will lie."""

    session: SparkSession
    path: str
    """For a catalog table that does not exist yet, where the catalog will put it."""
    new_table: str | None = None
    """The catalog's name of a table that is to be made; None for others, which are known by their path."""

    def exists(self) -> bool:
        """Whether a Delta table is there."""
        if self.new_table is not None:
            return False
        if not is_remote(self.path):
            return any(_commits(local_path(self.path) / "_delta_log"))
        from delta.tables import DeltaTable

        return bool(DeltaTable.isDeltaTable(self.session, self.path))

    def schema(self) -> StructType:
        """The columns of the table that is there."""
        return self.session.read.format("delta").load(literal_spark_path(self.path)).schema

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
                    transactions=frozenset(action["txn"]["appId"] for action in actions if "txn" in action),
                )

    def taken_since(self, append_id: str) -> Commit | None:
        """The first commit after an append that took rows away or changed some; None if the log knows of none."""
        commits = list(self.commits_after(-1))
        at = next((at for at, one in enumerate(commits) if append_id in one.transactions), len(commits))
        return next((one for one in commits[at + 1 :] if one.takes_rows), None)

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
    transactions: frozenset[str]
    """The application ids whose progress it notes."""

    @property
    def rows(self) -> int | None:
        """The rows written, without those that were only copied beside them; None if it does not say."""
        metrics = self.info.get("operationMetrics", {})
        if "numOutputRows" not in metrics:
            return None if self.adds_files else 0
        return int(metrics["numOutputRows"]) - int(metrics.get("numCopiedRows", 0))


def stage_delta(session: SparkSession, request: WriteRequest, frame: DataFrame, place: DeltaPlace) -> Staged:
    """Checks columns, keys and mode; nothing is written before `publish`.

    Raises:
        WriteError: the columns do not fit, the mode refuses what is there, or a merge's keys are null or repeated.
        WindowError: the run has no window, and the overwrite needs one.
    """
    from tauro.io.formats.delta import DELTA

    spec = request.spec
    exists = place.exists()
    if exists and spec.write_mode is WriteMode.ERROR:
        raise _refusal(request)
    if exists and spec.write_mode is WriteMode.IGNORE:
        return LeftAlone(request)
    there = place.schema() if exists else None
    known = {field.name for field in there.fields} if there is not None else set()
    new = type(frame.schema)([field for field in frame.schema.fields if field.name not in known])
    DELTA.check_schema(frame.schema if there is None else new, spec)
    for name in (*spec.partition_by, *spec.keys):
        if find_column(frame.columns, name) is None:
            raise WriteError(f"the result has no column {name!r}: {bounded(frame.columns)}", where=request.where)
    if there is not None and not (spec.replaces_table and spec.schema_evolution):
        frame = fitted(frame, there, where=request.where, may_add=spec.schema_evolution, needed=spec.partition_by)
    condition = window_condition(request, frame.schema)
    staged = StagedDelta(session, request, frame, place, condition)
    if spec.write_mode is WriteMode.MERGE:
        try:
            staged.check_keys()
        except BaseException:
            staged.discard()
            raise
    return staged


@dataclass(slots=True)
class StagedDelta:
    """A frame that fits its table and is not written yet."""

    session: SparkSession
    request: WriteRequest
    frame: DataFrame
    place: DeltaPlace
    condition: WindowCondition | None
    is_persisted: bool = False

    def check_keys(self) -> None:
        """Refuses a merge whose source holds null or repeated keys; the rows are computed once, and kept for it.

        Raises:
            WriteError: with some of the keys.
        """
        from pyspark.sql import functions

        if not self.frame.is_cached:
            self.frame = self.frame.persist()
            self.is_persisted = True
        keys = [functions.col(quoted(key)) for key in self.request.spec.keys]
        has_null = functions.lit(False)
        for key in keys:
            has_null = has_null | key.isNull()
        times = functions.count(functions.lit(1)).alias("times")
        bad = self.frame.groupBy(*keys).agg(times).where((functions.col("times") > 1) | has_null)
        try:
            rows = bad.limit(_SHOWN_KEYS).collect()
        except spark_errors() as error:
            raise WriteError(
                f"could not compute the rows to merge: {one_line(error)}", where=self.request.where
            ) from error
        if rows:
            shown = "; ".join(str(tuple(row)[:-1]) + (f" {row[-1]} times" if row[-1] > 1 else "") for row in rows)
            raise WriteError(
                f"the rows to merge have null or repeated keys ({', '.join(self.request.spec.keys)}): {shown}",
                where=self.request.where,
                fix="return one row for each key",
            )

    def publish(self) -> OutputResult:
        """Writes the commit.

        Raises:
            WriteError: Delta refused or failed; the table is as it was.
            WindowError: rows lie outside the window.
        """
        spec = self.request.spec
        try:
            exists = self.place.exists()
            if exists and spec.write_mode is WriteMode.ERROR:
                raise _refusal(self.request)
            if exists and spec.write_mode is WriteMode.IGNORE:
                return LeftAlone(self.request).publish()
            before = self.place.version()
            note = self._note()
            try:
                rows = None
                if spec.write_mode is WriteMode.MERGE and exists:
                    rows = self._merge(note)
                else:
                    self._write(note, exists)
            except spark_errors() as error:
                raise self._explained(error) from error
            return self._result(before, note, rows)
        finally:
            self.discard()

    def discard(self) -> None:
        """Releases the rows that were kept for a merge."""
        if self.is_persisted:
            self.frame.unpersist()
            self.is_persisted = False

    def _note(self) -> str:
        """What the commit says of itself; no other commit says the same."""
        request = self.request
        return json.dumps(
            {
                "tauro_run_id": request.run_id,
                "pipeline": request.pipeline,
                "node": request.node,
                "output": request.output_id,
                "window": str(request.window) if request.window else None,
                "write": uuid.uuid4().hex,
            }
        )

    def _write(self, note: str, exists: bool) -> None:
        spec, frame = self.request.spec, self.frame
        options = {**as_spark_options(spec.options), "userMetadata": note}
        mode = "append" if spec.write_mode is WriteMode.APPEND else "overwrite"
        if spec.write_mode in (WriteMode.ERROR, WriteMode.IGNORE):
            mode = "errorifexists"
        if spec.write_mode is WriteMode.APPEND:
            options |= {"txnAppId": self._append_id(), "txnVersion": "1"}
        if spec.schema_evolution and exists:
            options["overwriteSchema" if spec.replaces_table else "mergeSchema"] = "true"
        if self.condition is not None:
            predicate = self.condition.sql(spec.window_column or "")
            if exists:
                options["replaceWhere"] = predicate
            else:  # Delta does not check replaceWhere when it makes a table
                frame = frame.where(f"CASE WHEN {predicate} THEN true ELSE raise_error('{_OUTSIDE}') END")
        if spec.overwrite_scope is OverwriteScope.PARTITIONS and exists:
            options["partitionOverwriteMode"] = "dynamic"
        writer = frame.write.format("delta").mode(mode).options(**options)
        self.place.save(writer.partitionBy(*spec.partition_by) if spec.partition_by else writer)

    def _append_id(self) -> str:
        request = self.request
        span = str(request.window) if request.window else request.run_id
        return "/".join(("tauro", request.pipeline or "", request.node, request.output_id, span))

    def _check_still_there(self) -> None:
        """Refuses to take rows for appended that a later commit may have taken away.

        Raises:
            WriteError: naming that commit.
        """
        taken = self.place.taken_since(self._append_id())
        if taken is not None:
            raise WriteError(
                f"{self.request.window or self.request.run_id} was appended before, and version {taken.version} "
                f"({taken.info.get('operation')}) has changed rows since: whether these are there can't be told",
                where=self.request.where,
                fix="write the window with overwrite_scope: window, which a rerun replaces",
            )

    def _merge(self, note: str) -> int:
        """Merges by keys; returns the rows inserted and updated."""
        from delta.tables import DeltaTable
        from pyspark.sql import SparkSession

        # A session of its own, for the commit's note alone: the setting is no option of a merge, and threads share it.
        session = SparkSession(self.session.sparkContext, self.session._jsparkSession.cloneSession())
        session.conf.set("spark.databricks.delta.commitInfo.userMetadata", note)
        keys = " AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in self.request.spec.keys)
        merge = (
            DeltaTable.forPath(session, spark_path(self.place.path))
            .alias("target")
            .merge(self.frame.alias("source"), keys)
            .whenMatchedUpdateAll()
            .whenNotMatchedInsertAll()
        )
        if self.request.spec.schema_evolution:
            merge = merge.withSchemaEvolution()
        (counts,) = merge.execute().collect()
        return int(counts["num_updated_rows"]) + int(counts["num_inserted_rows"])

    def _result(self, before: int, note: str, rows: int | None) -> OutputResult:
        spec = self.request.spec
        is_written = True
        if rows is None and self.place.has_log_here:
            commit = next(
                (one for one in self.place.commits_after(before) if one.info.get("userMetadata") == note), None
            )
            if commit is not None:
                rows = commit.rows
            elif spec.write_mode is WriteMode.APPEND:
                self._check_still_there()
                span = self.request.window or f"run {self.request.run_id}"
                logger.warning("{}: {} was appended before; nothing is added", self.request.where, span)
                rows, is_written = 0, False
            else:  # Delta commits nothing where nothing changes
                rows = 0
        return OutputResult(
            self.request.output_id,
            spec.format or "delta",
            path=spec.path,
            table=spec.table,
            rows=rows,
            schema=self.frame.schema.json(),
            is_written=is_written,
        )

    def _explained(self, error: Exception) -> WriteError | WindowError:
        if condition_of(error) == "DELTA_REPLACE_WHERE_MISMATCH" or _OUTSIDE in str(error):
            window = self.request.window
            return WindowError(
                f"rows outside the window {window}, by {self.request.spec.window_column}",
                where=self.request.where,
                fix="filter the result to the run's window",
            )
        place = self.request.spec.path or self.request.spec.table
        return WriteError(f"could not write delta to {place}: {one_line(error)}", where=self.request.where)


def _commits(log: Path) -> Iterator[tuple[int, Path]]:
    """The commits of a local log, by version."""
    if log.is_dir():
        yield from ((int(file.stem), file) for file in log.glob("*.json") if file.stem.isdigit())


def _refusal(request: WriteRequest) -> WriteError:
    place = request.spec.path or request.spec.table
    return WriteError(
        f"{place} holds a Delta table already, and write_mode is error",
        where=request.where,
        fix="remove the table, or choose another write_mode",
    )
