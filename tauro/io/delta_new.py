"""A new Delta table that is complete, and waits to be put where none is yet."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tauro.errors import ConflictError
from tauro.io.delta_log import DeltaLog
from tauro.io.delta_notes import APPEND_TAG, append_id
from tauro.io.delta_stand_in import StagedLate
from tauro.io.delta_twin import read_change, sign_first_commit
from tauro.io.delta_write import refusal
from tauro.io.writing import LeftAlone
from tauro.model import OutputResult, WriteMode
from tauro.storage.local import put

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(slots=True, kw_only=True)
class StagedNew(StagedLate):
    """A table that is complete, and waits to be put where none is yet."""

    def write(self) -> None:
        """The one Spark job."""
        self._write(exists=False)
        transactions = {self._id: 1}
        tags = {}
        if self.request.spec.write_mode is WriteMode.APPEND:
            tags[APPEND_TAG] = append_id(self.request)
            transactions[append_id(self.request)] = len(read_change(self.work, after=-1).adds)
        DeltaLog(self.session, self.work).forget()
        sign_first_commit(self.work, transactions, tags)

    def table(self) -> DataFrame | None:
        """What is staged."""
        return self._staged_place.read()

    def rows(self) -> DataFrame | None:
        """What is staged."""
        return self._staged_place.read()

    def publish(self) -> OutputResult:
        """Puts the table in its place, in one step.

        Raises:
            ConflictError: somebody has made a table there meanwhile.
            WriteError: the same, and `write_mode` is error.
        """
        mode = self.request.spec.write_mode
        rows = read_change(self.work, after=-1).rows if self.work.exists() else None
        if self.place.exists() and self._is_committed(DeltaLog(self.session, self.target)):
            self.published = 0
            return self._result(next(self.place.commits_after(-1)).rows)
        if not self.place.exists():
            try:
                put(self.work, self.target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                DeltaLog(self.session, self.work).forget()
                DeltaLog(self.session, self.target).forget()
                self.published = 0
                return self._result(rows)
        if mode is WriteMode.IGNORE:
            return LeftAlone(self.request).publish()
        if mode is WriteMode.ERROR:
            raise refusal(self.request)
        raise ConflictError(
            f"{self.place.path} was made by somebody else while this run was writing it anew",
            where=self.request.where,
            fix="run it again",
        )

    def undo(self) -> bool:
        """Takes the table away again, unless somebody has committed to it."""
        if self.published is None or self.place.version() != self.published:
            return False
        try:
            put(self.target, self.work)
        except OSError:
            return False
        if self._staged_place.version() != self.published:  # somebody was quicker
            put(self.work, self.target)
            return False
        DeltaLog(self.session, self.target).forget()
        self.published = None
        return True
