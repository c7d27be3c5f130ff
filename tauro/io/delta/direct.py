"""Delta outputs that are written straight into their table when they are published, by one commit of Delta's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from loguru import logger

from tauro.errors import WriteError
from tauro.io.delta import by_sql
from tauro.io.delta.notes import append_id, is_note_of, note
from tauro.io.delta.place import Commit, DeltaPlace
from tauro.io.delta.write import explained, merge_into, refusal, result_of, writer_of
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition, quoted
from tauro.io.writing import LeftAlone, spark_errors
from tauro.model import OutputResult, OverwriteScope, WriteMode
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


DIRECT = "direct"
"""What a record calls them."""
_NEWEST = 20
"""Among so many commits a write is looked for that has just been done."""


@dataclass(slots=True, kw_only=True)
class StagedDirect:
    """A frame that fits its table and is not written yet."""

    session: Callable[[], SparkSession]
    request: WriteRequest
    schema: str
    """The rows' columns as JSON."""
    place: DeltaPlace
    condition: WindowCondition | None
    before: int
    """The table's version when it was staged; -1 where none is, or where the log is not on this machine."""
    frame: DataFrame | None = None
    """The rows; None in another process than that which was to write them."""
    is_persisted: bool = False
    """Whether the frame was persisted for this output."""
    write_name: str = field(default_factory=lambda: uuid.uuid4().hex)
    is_published: bool = field(default=False, init=False)

    def table(self) -> DataFrame | None:
        """What is there, with the rows to come; both are computed where it is used.

        Raises:
            WriteError: another process has computed the rows.
        """
        spec = self.request.spec
        frame = self._source()
        if not self.place.exists() or (spec.replaces_table and spec.write_mode is WriteMode.OVERWRITE):
            return frame
        kept = self.place.read()
        if self._is_in_already():
            return kept
        names: tuple[str, ...] = ()
        if self.condition is not None:
            kept = kept.where(f"NOT coalesce({self.condition.sql(spec.window_column or '')}, false)")
        elif spec.write_mode is WriteMode.MERGE:
            names = spec.keys
        elif spec.overwrite_scope is OverwriteScope.PARTITIONS:
            names = spec.partition_by
        if names:
            same = reduce(lambda a, b: a & b, (kept[quoted(n)].eqNullSafe(frame[quoted(n)]) for n in names))
            kept = kept.join(frame, same, "left_anti")
        return kept.unionByName(frame, allowMissingColumns=True)

    def rows(self) -> DataFrame | None:
        """The frame; None in another process."""
        return self.frame

    def publish(self) -> OutputResult:
        """Writes the commit; in another process, reports it if it was written.

        Raises:
            WriteError: Delta refused or failed, and the table is as it was; or the rows were another process's.
            WindowError: rows lie outside the window.
        """
        if self.frame is None or self.is_published:
            earlier = self._earlier_result()
            if earlier is not None:
                return earlier
        spec = self.request.spec
        frame = self._source()
        exists = self.place.exists()
        if exists and spec.write_mode is WriteMode.ERROR:
            raise refusal(self.request)
        if exists and spec.write_mode is WriteMode.IGNORE:
            return LeftAlone(self.request).publish()
        before = self.place.version()
        rows = None
        step("delta.direct")
        try:
            if spec.write_mode is WriteMode.MERGE and exists:
                rows = merge_into(self.session(), self.place.path, self.request, frame, self._note)
            else:
                self._write(frame, exists=exists)
                again = self._version_after_undo(before)
                if again is not None:
                    self._write(frame, exists=True, append_version=again)
        except spark_errors() as error:
            raise explained(error, self.request) from error
        self.is_published = True
        return self._result_since(before, rows)

    def undo(self) -> bool:
        """Restores the version before, where the newest is this output's own; True if it is not in, or no longer."""
        try:
            commits = self.place.history(after=self.before)
            own = self._own_of(commits)
            if own is None or _is_taken_back(own, commits):
                return True
            if own.version < commits[-1].version or own.version == 0 or self.place.new_table is not None:
                return False
            step("delta.restore")
            by_sql.restore(self.session(), self.place.path, own.version - 1)
        except spark_errors() as error:
            logger.opt(exception=error).warning("{}: the table can't be restored", self.request.where)
            return False
        return True

    def discard(self) -> None:
        """Releases the rows that were kept for a merge."""
        self.release()

    def release(self) -> None:
        """Releases the rows that were kept for a merge."""
        if self.is_persisted and self.frame is not None:
            self.frame.unpersist()
        self.is_persisted = False

    def record(self) -> dict[str, Any]:  # Any: JSON
        """What tells another process whether the rows were written; it holds none."""
        return {
            "kind": DIRECT,
            "write": self.write_name,
            "schema": self.schema,
            "window_type": self.condition.type_name if self.condition else None,
            "before": self.before,
            "new_table": self.place.new_table,
        }

    @property
    def is_durable(self) -> bool:
        """Its rows are in this process alone."""
        return False

    @property
    def _is_append(self) -> bool:
        return self.request.spec.write_mode is WriteMode.APPEND

    @property
    def _note(self) -> str:
        return note(self.request, self.write_name)

    def _source(self) -> DataFrame:
        if self.frame is None:
            raise WriteError(
                f"what was to be written to {self.place.path} was only in the process that died: no commit there "
                "bears its note",
                where=self.request.where,
                fix="run the node again",
            )
        return self.frame

    def _write(self, frame: DataFrame, *, exists: bool, append_version: int = 1) -> None:
        options = {"userMetadata": self._note}
        if self._is_append:
            options |= {"txnAppId": append_id(self.request), "txnVersion": str(append_version)}
        self.place.save(writer_of(self.request, frame, self.condition, exists=exists, options=options))

    def _own_of(self, commits: Sequence[Commit]) -> Commit | None:
        """The last commit of this very write."""
        return next((one for one in reversed(commits) if one.info.get("userMetadata") == self._note), None)

    def _earlier_result(self) -> OutputResult | None:
        """What an earlier `publish`, of whatever process, has done; None if nothing of it is in."""
        commits = self.place.history(after=self.before)
        own = self._own_of(commits)
        if own is not None:
            return None if _is_taken_back(own, commits) else self._result(own.rows)
        last, is_taken_back = self._last_append()
        if last is not None and not is_taken_back:
            self._check_still_there()
            return self._result(0, is_written=False)
        return None

    def _last_append(self) -> tuple[Commit | None, bool]:
        """The last commit of the append for this window, of whatever run, and whether it was taken back."""
        if not self._is_append:
            return None, False
        commits = list(self.place.commits_after(-1))
        last = next((one for one in reversed(commits) if append_id(self.request) in one.transactions), None)
        return last, last is not None and _is_taken_back(last, commits)

    def _is_in_already(self) -> bool:
        """Whether an earlier run has appended for the same window, so that nothing will be added."""
        if self.place.has_log_here or not self._is_append:
            last, is_taken_back = self._last_append()
            return last is not None and not is_taken_back
        commits = self.place.history(after=-1)
        last = next((one for one in reversed(commits) if is_note_of(one.info.get("userMetadata"), self.request)), None)
        return last is not None and not _is_taken_back(last, commits)

    def _version_after_undo(self, before: int) -> int | None:
        """The version to append by where Delta has passed an append over that was taken back; None elsewhere."""
        if not self._is_append or self._own_of(list(self.place.commits_after(before))) is not None:
            return None
        last, is_taken_back = self._last_append()
        return last.transactions[append_id(self.request)] + 1 if last is not None and is_taken_back else None

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

    def _result_since(self, before: int, rows: int | None) -> OutputResult:
        is_written = True
        if rows is None:
            commit = self._own_of(self.place.history(after=before, newest=_NEWEST))
            if commit is not None:
                rows = commit.rows
            elif self._is_append and self._is_in_already():
                self._check_still_there()
                span = self.request.window or f"run {self.request.run_id}"
                logger.warning("{}: {} was appended before; nothing is added", self.request.where, span)
                rows, is_written = 0, False
            elif self.place.has_log_here:  # Delta commits nothing where nothing changes
                rows = 0
        return self._result(rows, is_written=is_written)

    def _result(self, rows: int | None, *, is_written: bool = True) -> OutputResult:
        return result_of(self.request, self.schema, rows, is_written=is_written)


def _is_taken_back(own: Commit, commits: Sequence[Commit]) -> bool:
    """Whether the commit after one restored the version before it."""
    following = next((one for one in commits if one.version == own.version + 1), None)
    if following is None or following.info.get("operation") != "RESTORE":
        return False
    return str(following.info.get("operationParameters", {}).get("version")) == str(own.version - 1)
