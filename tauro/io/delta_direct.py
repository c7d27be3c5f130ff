"""Delta outputs that are written straight into their table when they are published, by one commit of Delta's own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from loguru import logger

from tauro.errors import WriteError
from tauro.io.delta_notes import append_id, note
from tauro.io.delta_place import DeltaPlace
from tauro.io.delta_write import explained, merge_into, refusal, result_of, writer_of
from tauro.io.ports import Record, WriteRequest
from tauro.io.windows import WindowCondition, quoted
from tauro.io.writing import LeftAlone, spark_errors
from tauro.model import OutputResult, OverwriteScope, WriteMode
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(slots=True)
class StagedDirect:
    """A frame that fits its table and is not written yet."""

    session: SparkSession
    request: WriteRequest
    frame: DataFrame
    place: DeltaPlace
    condition: WindowCondition | None
    is_persisted: bool
    """Whether the frame was persisted for this output."""
    write_name: str = field(default_factory=lambda: uuid.uuid4().hex)
    is_published: bool = False

    def table(self) -> DataFrame | None:
        """What is there, with the rows to come; both are computed where it is used."""
        spec = self.request.spec
        if not self.place.exists() or (spec.replaces_table and spec.write_mode is WriteMode.OVERWRITE):
            return self.frame
        kept = self.place.read()
        names: tuple[str, ...] = ()
        if self.condition is not None:
            kept = kept.where(f"NOT coalesce({self.condition.sql(spec.window_column or '')}, false)")
        elif spec.write_mode is WriteMode.MERGE:
            names = spec.keys
        elif spec.overwrite_scope is OverwriteScope.PARTITIONS:
            names = spec.partition_by
        if names:
            same = reduce(lambda a, b: a & b, (kept[quoted(n)].eqNullSafe(self.frame[quoted(n)]) for n in names))
            kept = kept.join(self.frame, same, "left_anti")
        return kept.unionByName(self.frame, allowMissingColumns=True)

    def rows(self) -> DataFrame | None:
        """The frame."""
        return self.frame

    def publish(self) -> OutputResult:
        """Writes the commit.

        Raises:
            WriteError: Delta refused or failed; the table is as it was.
            WindowError: rows lie outside the window.
        """
        spec = self.request.spec
        exists = self.place.exists()
        if exists and spec.write_mode is WriteMode.ERROR:
            raise refusal(self.request)
        if exists and spec.write_mode is WriteMode.IGNORE:
            return LeftAlone(self.request).publish()
        before = self.place.version()
        try:
            rows = None
            if spec.write_mode is WriteMode.MERGE and exists:
                rows = merge_into(self.session, self.place.path, self.request, self.frame, self._note)
            else:
                self._write(exists=exists)
        except spark_errors() as error:
            raise explained(error, self.request) from error
        self.is_published = True
        return self._result(before, rows)

    def undo(self) -> bool:
        """Restores the version before, where the newest is this output's own."""
        from delta.tables import DeltaTable

        if not self.is_published or self.place.new_table is not None:
            return False
        try:
            table = DeltaTable.forPath(self.session, spark_path(self.place.path))
            (newest,) = table.history(1).select("version", "userMetadata").collect()
            if newest["userMetadata"] != self._note or newest["version"] == 0:
                return False
            table.restoreToVersion(newest["version"] - 1)
        except spark_errors() as error:
            logger.opt(exception=error).warning("{}: the table can't be restored", self.request.where)
            return False
        self.is_published = False
        return True

    def discard(self) -> None:
        """Releases the rows that were kept for a merge."""
        if self.is_persisted:
            self.frame.unpersist()
            self.is_persisted = False

    def release(self) -> None:
        """Releases the rows that were kept for a merge."""
        if self.is_persisted:
            self.frame.unpersist()
            self.is_persisted = False

    def record(self) -> Record | None:
        """Nothing is written yet."""
        return None

    @property
    def is_durable(self) -> bool:
        """Nothing is written yet."""
        return False

    @property
    def _note(self) -> str:
        return note(self.request, self.write_name)

    def _write(self, *, exists: bool) -> None:
        options = {"userMetadata": self._note}
        if self.request.spec.write_mode is WriteMode.APPEND:
            options |= {"txnAppId": append_id(self.request), "txnVersion": "1"}
        self.place.save(writer_of(self.request, self.frame, self.condition, exists=exists, options=options))

    def _check_still_there(self) -> None:
        """Refuses to take rows for appended that a later commit may have taken away.

        Raises:
            WriteError: naming that commit.
        """
        taken = self.place.taken_since(append_id(self.request))
        if taken is not None:
            raise WriteError(
                f"{self.request.window or self.request.run_id} was appended before, and version {taken.version} "
                f"({taken.info.get('operation')}) has changed rows since: whether these are there can't be told",
                where=self.request.where,
                fix="write the window with overwrite_scope: window, which a rerun replaces",
            )

    def _result(self, before: int, rows: int | None) -> OutputResult:
        is_written = True
        if rows is None and self.place.has_log_here:
            commit = next(
                (one for one in self.place.commits_after(before) if one.info.get("userMetadata") == self._note), None
            )
            if commit is not None:
                rows = commit.rows
            elif self.request.spec.write_mode is WriteMode.APPEND:
                self._check_still_there()
                span = self.request.window or f"run {self.request.run_id}"
                logger.warning("{}: {} was appended before; nothing is added", self.request.where, span)
                rows, is_written = 0, False
            else:  # Delta commits nothing where nothing changes
                rows = 0
        return result_of(self.request, self.frame, rows, is_written=is_written)
