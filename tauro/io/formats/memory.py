"""Frames kept in this process, by name: for tests and notebooks."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tauro.errors import WriteError
from tauro.io.columns import as_nullable, fitted
from tauro.io.formats.base import BaseFormat
from tauro.io.ports import Capabilities, ReadRequest, Staged, WriteRequest
from tauro.io.writing import LeftAlone, one_line, spark_errors
from tauro.model import InputSpec, OutputResult, OutputSpec, WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows and their columns; they outlive the session they came from."""

    rows: tuple[Row, ...]
    schema: StructType


_kept: dict[str, Kept] = {}
_lock = threading.Lock()


def put_frame(name: str, frame: DataFrame) -> None:
    """Keeps a frame's rows under `name`, in place of what stood there; one Spark job."""
    kept = Kept(tuple(frame.collect()), frame.schema)
    with _lock:
        _kept[name] = kept


def get_frame(session: SparkSession, name: str) -> DataFrame:
    """The rows kept under `name`.

    Raises:
        FileNotFoundError: nothing is kept under `name`.
    """
    with _lock:
        kept = _kept.get(name)
    if kept is None:
        raise FileNotFoundError(f"nothing is kept in memory under {name!r}")
    return session.createDataFrame(list(kept.rows), kept.schema)


def forget_frames() -> None:
    """Drops all that is kept."""
    with _lock:
        _kept.clear()


def _place(spec: InputSpec | OutputSpec) -> str:
    """The name under which an entry's rows are kept: its `table`, or its own."""
    return spec.table or spec.name


class Memory(BaseFormat):
    """Rows in the driver's memory."""

    name = "memory"
    capabilities = Capabilities(
        write_modes=frozenset(WriteMode) - {WriteMode.MERGE}, schema_evolution=True, cannot_hold=frozenset({"interval"})
    )

    def read(self, request: ReadRequest) -> DataFrame:
        """The kept rows.

        Raises:
            FileNotFoundError: nothing is kept under the entry's name.
        """
        return get_frame(request.session, _place(request.spec))

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """Collects the rows."""
        del session  # the frame knows it
        spec = request.spec
        with _lock:
            before = _kept.get(_place(spec))
        if before is not None and spec.write_mode is WriteMode.ERROR:
            raise _refusal(request)
        if before is not None and spec.write_mode is WriteMode.IGNORE:
            return LeftAlone(request)
        self.check_schema(frame.schema, spec)
        if before is not None and not (spec.write_mode is WriteMode.OVERWRITE and spec.schema_evolution):
            frame = fitted(frame, before.schema, where=request.where, may_add=spec.schema_evolution)
        try:
            return StagedRows(request, Kept(tuple(frame.collect()), as_nullable(frame.schema)))
        except spark_errors() as error:
            raise WriteError(f"could not collect the rows: {one_line(error)}", where=request.where) from error


@dataclass(slots=True)
class StagedRows:
    """Rows that are collected and not yet to be found by name."""

    request: WriteRequest
    kept: Kept | None

    def publish(self) -> OutputResult:
        """Puts the rows where they are found.

        Raises:
            WriteError: the mode is error, and something is there by now.
        """
        assert self.kept is not None  # published once, and not after discard
        spec, kept = self.request.spec, self.kept
        with _lock:
            before = _kept.get(_place(spec))
            if before is not None and spec.write_mode is WriteMode.ERROR:
                raise _refusal(self.request)
            is_written = before is None or spec.write_mode is not WriteMode.IGNORE
            if is_written:
                old = before.rows if before is not None and spec.write_mode is WriteMode.APPEND else ()
                width = len(kept.schema.fields)
                _kept[_place(spec)] = Kept((*(_widened(row, width) for row in old), *kept.rows), kept.schema)
        self.kept = None
        return OutputResult(
            self.request.output_id,
            "memory",
            rows=len(kept.rows) if is_written else 0,
            schema=kept.schema.json(),
            is_written=is_written,
        )

    def discard(self) -> None:
        """Forgets the rows."""
        self.kept = None


def _widened(row: Row, width: int) -> Row:
    """A row with nulls for columns that were added behind it."""
    from pyspark.sql import Row

    return row if len(row) == width else Row(*row, *[None] * (width - len(row)))


def _refusal(request: WriteRequest) -> WriteError:
    return WriteError(
        f"{_place(request.spec)!r} is kept in memory already, and write_mode is error", where=request.where
    )


MEMORY = Memory()
