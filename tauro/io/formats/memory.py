"""Frames kept in this process, by name: for tests and notebooks."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tauro.errors import WriteError
from tauro.io.columns import as_nullable, fitted
from tauro.io.files.appended import Append, replaced_by
from tauro.io.formats.base import BaseFormat
from tauro.io.ports import Capabilities, ReadRequest, Record, Staged, WriteRequest
from tauro.io.writing import LeftAlone, one_line, spark_errors
from tauro.model import InputSpec, OutputResult, OutputSpec, WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that were written together."""

    rows: tuple[Row, ...]
    append: Append | None = None
    """None for rows that an append does not replace."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows and their columns; they outlive the session they came from."""

    parts: tuple[Part, ...]
    schema: StructType

    def frame(self, session: SparkSession) -> DataFrame:
        """All the rows."""
        return session.createDataFrame([row for part in self.parts for row in part.rows], self.schema)


_kept: dict[str, Kept] = {}
_lock = threading.Lock()


def put_frame(name: str, frame: DataFrame) -> None:
    """Keeps a frame's rows under `name`, in place of what stood there; one Spark job."""
    kept = Kept((Part(tuple(frame.collect())),), frame.schema)
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
    return kept.frame(session)


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
        """Collects the rows.

        Raises:
            WriteError: the columns do not fit, the mode refuses what is there, an append's window cuts through that
                of another, or Spark failed.
        """
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
        append = None
        if spec.write_mode is WriteMode.APPEND:
            output = request.output_id
            append = Append(request.pipeline, request.node, output, request.window, request.run_id, uuid.uuid4().hex)
            _others(before, append, request)
        try:
            part = Part(tuple(frame.collect()), append)
            return StagedRows(session, request, Kept((part,), as_nullable(frame.schema)))
        except spark_errors() as error:
            raise WriteError(f"could not collect the rows: {one_line(error)}", where=request.where) from error


@dataclass(slots=True)
class StagedRows:
    """Rows that are collected and not yet to be found by name."""

    session: SparkSession
    request: WriteRequest
    kept: Kept | None
    """What is staged; None after `discard`."""
    before: Kept | None = None
    """What was there when it was published."""
    after: Kept | None = None
    """What was published; None if nothing was, or it was undone."""

    def publish(self) -> OutputResult:
        """Puts the rows where they are found; does nothing if they are there already.

        Raises:
            WriteError: the mode is error, and something is there by now.
        """
        assert self.kept is not None  # not after discard
        spec, is_written = self.request.spec, True
        with _lock:
            before = _kept.get(_place(spec))
            if self.after is None or before is not self.after:
                if before is not None and spec.write_mode is WriteMode.ERROR:
                    raise _refusal(self.request)
                is_written = before is None or spec.write_mode is not WriteMode.IGNORE
                if is_written:
                    self.before, self.after = before, self._merged(before)
                    _kept[_place(spec)] = self.after
        return OutputResult(
            self.request.output_id,
            "memory",
            rows=sum(len(part.rows) for part in self.kept.parts) if is_written else 0,
            schema=self.kept.schema.json(),
            is_written=is_written,
        )

    def undo(self) -> bool:
        """Puts back what was kept before; False if somebody has written since, or after `discard`."""
        place = _place(self.request.spec)
        with _lock:
            if self.kept is None:
                return False
            if self.after is None:
                return True
            if _kept.get(place) is not self.after:
                return False
            if self.before is None:
                del _kept[place]
            else:
                _kept[place] = self.before
            self.before = self.after = None
            return True

    def discard(self) -> None:
        """Forgets the rows, and those that were there before."""
        self.kept = self.before = self.after = None

    def release(self) -> None:
        """Nothing but the rows is kept, and they live as long as the process."""

    def record(self) -> Record | None:
        """Memory does not outlive its process."""
        return None

    @property
    def is_durable(self) -> bool:
        """Memory does not outlive its process."""
        return False

    def table(self) -> DataFrame:
        """All rows as they will be kept."""
        with _lock:
            before = _kept.get(_place(self.request.spec))
        return self._merged(before).frame(self.session)

    def rows(self) -> DataFrame:
        """The staged rows alone."""
        assert self.kept is not None  # not after discard
        return self.kept.frame(self.session)

    def _merged(self, before: Kept | None) -> Kept:
        assert self.kept is not None  # not after discard
        append = self.kept.parts[0].append
        if before is None or append is None:
            return self.kept
        width = len(self.kept.schema.fields)
        others = _others(before, append, self.request)
        old = (Part(tuple(_widened(row, width) for row in part.rows), part.append) for part in others)
        return Kept((*old, *self.kept.parts), self.kept.schema)


def _others(before: Kept | None, append: Append, request: WriteRequest) -> list[Part]:
    """The parts that an append leaves there.

    Raises:
        WriteError: its window cuts through that of an earlier append.
    """
    parts = before.parts if before else ()
    earlier = [part.append for part in parts if part.append is not None]
    replaced = replaced_by(append, earlier, is_there=lambda _: True, path=_place(request.spec), where=request.where)
    return [part for part in parts if part.append not in replaced]


def _widened(row: Row, width: int) -> Row:
    """A row with nulls for columns that were added behind it."""
    from pyspark.sql import Row

    return row if len(row) == width else Row(*row, *[None] * (width - len(row)))


def _refusal(request: WriteRequest) -> WriteError:
    return WriteError(
        f"{_place(request.spec)!r} is kept in memory already, and write_mode is error", where=request.where
    )


MEMORY = Memory()
