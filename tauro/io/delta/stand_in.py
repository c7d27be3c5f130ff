"""What a Delta output is written into until it is published, beside its table; nothing is copied."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from tauro.errors import WriteError
from tauro.io.delta.log import DeltaLog
from tauro.io.delta.notes import note, write_id
from tauro.io.delta.place import DeltaPlace
from tauro.io.delta.write import result_of, writer_of
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import spark_errors
from tauro.model import OutputResult
from tauro.storage.local import remove_empty, remove_tree
from tauro.storage.paths import spark_path
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class StandIn(StrEnum):
    """What an output is written into until it is published."""

    NEW = "new"
    """A table that is put where none is."""
    TWIN = "twin"
    """An empty table like the one that is there."""
    CLONE = "clone"
    """A shallow clone of the one that is there."""


@dataclass(slots=True, kw_only=True)
class StagedLate(ABC):
    """What both kinds have in common; whether it is published is told by the table's log, in whatever process."""

    session: Callable[[], SparkSession]
    request: WriteRequest
    schema: str
    """The rows' columns as JSON."""
    place: DeltaPlace
    condition: WindowCondition | None
    target: Path
    workshop: Path
    """The folder of all that is staged beside the target."""
    work: Path
    """The stand-in: a folder that is this output's alone."""
    frame: DataFrame | None = None
    """The rows as the node returned them; None in another process than that which staged them."""
    is_persisted: bool = False
    """Whether the frame was persisted for this output."""
    write_name: str = field(default_factory=lambda: uuid.uuid4().hex)
    is_remembered: bool = field(default=False, init=False)
    """Whether Delta may keep something of the stand-in in memory."""

    @abstractmethod
    def publish(self) -> OutputResult:
        """Makes it visible; done already, it changes nothing."""

    @abstractmethod
    def table(self) -> DataFrame | None:
        """The table as it will be."""

    @abstractmethod
    def rows(self) -> DataFrame | None:
        """The staged rows alone."""

    def undo(self) -> bool:
        """Puts back what was there; False if somebody has committed since, or Spark fails, and nothing changed."""
        try:
            return self._undo()
        except spark_errors() as error:
            logger.opt(exception=error).warning("{}: {} can't be put back", self.request.where, self.place.path)
            return False

    def discard(self) -> None:
        """Removes what is staged, and releases the rows that were kept for a merge."""
        dropped = self.work.with_name(f".{self.work.name}.dropped")
        remove_tree(dropped)
        if self.work.exists():
            step("delta.discard")
            os.rename(self.work, dropped)  # so that what is half removed is never published
            step("delta.remove")
            remove_tree(dropped)
        if self.is_remembered:
            DeltaLog(self.session(), self.work).forget()
            self.is_remembered = False
        remove_empty(self.work.parent, up_to=self.workshop)
        self.release()

    def release(self) -> None:
        """Releases the rows that were kept for a merge."""
        if self.is_persisted and self.frame is not None:
            self.frame.unpersist()
        self.is_persisted = False

    def record(self) -> dict[str, Any]:  # Any: JSON
        """All that another process needs; `tauro.io.delta.record` reads it."""
        return {
            "target": str(self.target),
            "work": str(self.work),
            "write": self.write_name,
            "schema": self.schema,
            "window_type": self.condition.type_name if self.condition else None,
        }

    @property
    def is_durable(self) -> bool:
        """The stand-in is there."""
        return True

    @abstractmethod
    def _undo(self) -> bool: ...

    @property
    def _note(self) -> str:
        return note(self.request, self.write_name)

    @property
    def _id(self) -> str:
        return write_id(self.request, self.write_name)

    @property
    def _inside(self) -> str | None:
        """The condition of a windowed overwrite, as SQL."""
        return self.condition.sql(self.request.spec.window_column or "") if self.condition else None

    @property
    def _staged_place(self) -> DeltaPlace:
        self.is_remembered = True
        return DeltaPlace(self.session, str(self.work))

    def _log(self, folder: Path) -> DeltaLog:
        self.is_remembered = True
        return DeltaLog(self.session(), folder)

    def _source(self) -> DataFrame:
        assert self.frame is not None  # only what comes of a record has none, and that is written already
        return self.frame

    def _write(self, *, exists: bool, is_empty: bool = False) -> None:
        """Writes into the stand-in.

        Args:
            exists: whether it is a table already.
            is_empty: whether that table holds no rows, so that none need be looked for to be replaced.
        """
        options = {"userMetadata": self._note}
        writer = writer_of(self.request, self._source(), self.condition, exists=exists, options=options)
        has_new_columns = self.request.spec.schema_evolution and self.request.spec.replaces_table
        if is_empty and self.condition is None and not has_new_columns:
            writer = writer.mode("append")
        step("delta.write")
        self.is_remembered = True
        writer.save(spark_path(str(self.work)))

    def _check_staged(self) -> None:
        """Refuses to publish what was dropped.

        Raises:
            WriteError: the stand-in is gone.
        """
        if not (self.work / "_delta_log").is_dir():
            raise WriteError(
                f"what was staged for {self.place.path} is gone: {self.work}",
                where=self.request.where,
                fix="run the node again",
            )

    def _result(self, rows: int | None, *, is_written: bool = True) -> OutputResult:
        return result_of(self.request, self.schema, rows, is_written=is_written)
