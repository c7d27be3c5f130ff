"""What a Delta output is written into until it is published, beside its table; nothing is copied."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tauro.io.delta_log import DeltaLog
from tauro.io.delta_notes import note, write_id
from tauro.io.delta_place import DeltaPlace
from tauro.io.delta_write import result_of, writer_of
from tauro.io.ports import Record, WriteRequest
from tauro.io.windows import WindowCondition
from tauro.model import OutputResult
from tauro.storage.local import remove_empty, remove_tree
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class StandIn(StrEnum):
    """What an output is written into until it is published."""

    NEW = "a new table"
    TWIN = "an empty twin of the table"
    CLONE = "a shallow clone of the table"


@dataclass(slots=True, kw_only=True)
class StagedLate:
    """What both kinds have in common."""

    session: SparkSession
    request: WriteRequest
    frame: DataFrame
    place: DeltaPlace
    condition: WindowCondition | None
    target: Path
    workshop: Path
    """The folder of all that is staged beside the target."""
    work: Path
    """The stand-in: a folder that is this output's alone."""
    is_persisted: bool
    """Whether the frame was persisted for this output."""
    write_name: str = field(default_factory=lambda: uuid.uuid4().hex)
    published: int | None = None
    """The version that was committed."""

    def discard(self) -> None:
        """Removes what is staged, and releases the rows that were kept for a merge."""
        if self.work.exists():
            remove_tree(self.work)
            DeltaLog(self.session, self.work).forget()
        remove_empty(self.work.parent, up_to=self.workshop)
        if self.is_persisted:
            self.frame.unpersist()
            self.is_persisted = False

    def release(self) -> None:
        """Releases the rows that were kept for a merge."""
        if self.is_persisted:
            self.frame.unpersist()
            self.is_persisted = False

    def record(self) -> Record | None:
        """Not told yet."""
        return None

    @property
    def is_durable(self) -> bool:
        """Not told yet."""
        return False

    @property
    def _note(self) -> str:
        return note(self.request, self.write_name)

    @property
    def _id(self) -> str:
        return write_id(self.request, self.write_name)

    @property
    def _staged_place(self) -> DeltaPlace:
        return DeltaPlace(self.session, str(self.work))

    def _write(self, *, exists: bool) -> None:
        options = {"userMetadata": self._note}
        writer = writer_of(self.request, self.frame, self.condition, exists=exists, options=options)
        writer.save(spark_path(str(self.work)))

    def _result(self, rows: int | None, *, is_written: bool = True) -> OutputResult:
        return result_of(self.request, self.frame, rows, is_written=is_written)

    def _is_committed(self, log: DeltaLog) -> bool:
        return log.latest().transactions.get(self._id, 0) > 0
