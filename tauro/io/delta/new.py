"""A new Delta table that is complete, and waits to be put where none is yet."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tauro.errors import ConflictError
from tauro.io.delta.notes import APPEND_TAG, append_id
from tauro.io.delta.stand_in import StagedLate, StandIn
from tauro.io.delta.twin import read_change, sign_first_commit
from tauro.io.delta.write import refusal
from tauro.io.writing import LeftAlone
from tauro.model import OutputResult, WriteMode
from tauro.storage.local import put
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


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
        self._log(self.work).forget()
        step("delta.sign")
        sign_first_commit(self.work, transactions, tags)

    def table(self) -> DataFrame | None:
        """What is staged."""
        return self._staged_place.read()

    def rows(self) -> DataFrame | None:
        """What is staged."""
        return self._staged_place.read()

    def publish(self) -> OutputResult:
        """Puts the table in its place, in one step; done already, it changes nothing.

        Raises:
            ConflictError: somebody has made a table there meanwhile.
            WriteError: the same, and `write_mode` is error; or what was staged is gone.
        """
        mode = self.request.spec.write_mode
        if self.place.exists():
            if self._is_ours():
                first = next(self.place.commits_after(-1), None)
                return self._result(first.rows if first is not None and first.version == 0 else None)
        else:
            self._check_staged()
            rows = read_change(self.work, after=-1).rows
            step("delta.put")
            try:
                put(self.work, self.target)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            else:
                self._forget()
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

    def record(self) -> dict[str, Any]:  # Any: JSON
        """All that another process needs."""
        return {"kind": StandIn.NEW.value, **StagedLate.record(self)}

    def _undo(self) -> bool:
        if not self.work.exists():
            if not self.place.exists() or self.place.version() != 0 or not self._is_ours():
                return False
            step("delta.undo")
            try:
                put(self.target, self.work)
            except OSError:
                return False
        if self._staged_place.version() > 0:  # somebody has committed in that instant
            put(self.work, self.target)
            return False
        self._forget()
        return True

    def _is_ours(self) -> bool:
        first = next(self.place.commits_after(-1), None)
        if first is not None and first.version == 0:
            return self._id in first.transactions
        return self._id in self._log(self.target).latest().transactions  # its first commits were cleaned away

    def _forget(self) -> None:
        for folder in (self.work, self.target):
            self._log(folder).forget()
