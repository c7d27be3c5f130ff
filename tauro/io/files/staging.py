"""File outputs: written beside the target, then swapped in when they are complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from tauro.errors import WriteError
from tauro.io.columns import as_nullable
from tauro.io.files.job import FileJob, fitted_to, partition_columns_of
from tauro.io.files.swap import WORKSHOP
from tauro.io.files.swaps import Swap, as_record, staged_parts, swap_from_record
from tauro.io.files.table import file_table_at
from tauro.io.files.write import refusal
from tauro.io.ports import ReadRequest, Record, Staged, WriteRequest
from tauro.io.reach import check_seen
from tauro.io.writing import LeftAlone, window_condition
from tauro.model import InputSpec, OutputResult, WriteMode
from tauro.storage.paths import is_remote
from tauro.storage.place import Place, here, make_folder, place_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from tauro.io.formats.files import FileFormat

__all__ = ["WORKSHOP", "StagedFiles", "stage_files", "staged_files_from"]


def stage_files(
    session: SparkSession,
    request: WriteRequest,
    frame: DataFrame,
    form: FileFormat,
    *,
    catalog_schema: StructType | None = None,
) -> Staged:
    """Writes `frame` beside the output's folder, in one Spark job.

    Args:
        session: the session.
        request: the output.
        frame: its rows.
        form: its format.
        catalog_schema: the columns that a catalog says are there; None for a folder that speaks for itself.

    Raises:
        WriteError: the columns do not fit, the mode refuses what is there, an append can't be told from others, or
            Spark failed; nothing is left behind.
        WindowError: a windowed overwrite was given rows of other windows.
        UnsupportedError: the session's Spark Connect server does not see the folder.
    """
    from tauro.spark.jobs import is_classic  # there is a session, so pyspark is there

    spec = request.spec
    assert spec.path is not None  # check_output asks for it
    if is_remote(spec.path) and not is_classic(session):
        raise WriteError(
            f"{form.name} is written to {spec.path} through the session's own JVM, and this session has none here",
            where=request.where,
            fix="format: delta works there, or a session that is not one of Spark Connect",
        )
    target = place_of(spec.path, lambda: session)
    if not is_remote(spec.path):
        check_seen(session, here(target).parent / WORKSHOP, request.folder, request.where)
    table = file_table_at(target, request.where)
    if table is not None and spec.write_mode is WriteMode.ERROR:
        raise refusal(spec.path, request.where)
    if table is not None and spec.write_mode is WriteMode.IGNORE:
        return LeftAlone(request)
    if table is not None and request.spec.replaces_table:
        table.check_replaceable(request)
    form.check_schema(frame.schema, spec)
    partition_by = partition_columns_of(frame, request)
    frame = fitted_to(session, request, frame, form, table, catalog_schema)
    schema = as_nullable(frame.schema)
    condition = window_condition(request, schema)
    job = FileJob(session, request, form, schema, partition_by)
    swap = job.swap(target, table)
    job.check_options(table)
    swap.write.replaced_appends(table)
    swap.discard()  # what an earlier process of this run has left
    make_folder(swap.work.parent)
    try:
        rows = job.write(frame, swap.data)
        job.check_window(swap, condition)
        job.finish(swap)
    except BaseException:
        swap.discard()
        raise
    return StagedFiles(swap, _result(request, form.name, schema, rows), lambda: session)


@dataclass(slots=True)
class StagedFiles:
    """Files that are complete and not yet visible."""

    swap: Swap
    result: OutputResult
    """What `publish` returns if it writes."""
    session: Callable[[], SparkSession]
    """Asked for where the rows are read."""

    def publish(self) -> OutputResult:
        """Swaps the files in, in one step; does nothing if they are in already.

        Raises:
            WriteError: the mode refuses what is there by now, or the table has changed its columns meanwhile.
        """
        return self.result if self.swap.publish() else replace(self.result, rows=0, is_written=False)

    def undo(self) -> bool:
        """Puts back what was there, if this write is in; False if somebody has written since, or after `discard`."""
        return self.swap.undo()

    def discard(self) -> None:
        """Removes what is staged, and what is kept for `undo`."""
        self.swap.discard()

    def table(self) -> DataFrame:
        """The table as it will be; starts no job.

        Raises:
            WriteError: as `publish`.
        """
        data, kept = staged_parts(self.swap)
        new = self._read(data)
        if not kept:
            return new
        old = self._form.read_some(self.session(), str(self.swap.target), kept, self.swap.write.marker)
        return old.unionByName(new)

    def rows(self) -> DataFrame:
        """The staged rows alone; starts no job."""
        return self._read(self.swap.data)

    def release(self) -> None:
        """Nothing is kept."""

    def record(self) -> Record:
        """The swap and its result; `staged_files_from` reads it."""
        result = self.result
        return {
            **as_record(self.swap),
            "result": {"id": result.id, "rows": result.rows, "path": result.path, "schema": result.schema},
        }

    @property
    def is_durable(self) -> bool:
        """The files are there."""
        return True

    @property
    def _form(self) -> FileFormat:
        from tauro.io.formats import FORMATS

        return cast("FileFormat", FORMATS[self.swap.write.marker.format])

    def _read(self, folder: Place) -> DataFrame:
        form = self._form
        spec = InputSpec.parse(self.result.id, {"format": form.name, "path": str(folder)})
        return form.read(ReadRequest(self.session(), spec))


def staged_files_from(record: Record, session: Callable[[], SparkSession]) -> StagedFiles:
    """Staged files from their record; publishing, undoing and discarding them needs no Spark.

    Args:
        record: what `StagedFiles.record` returned, in this process or another one of this machine.
        session: called where they are read.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    fields = dict(record)
    result = fields.pop("result")
    swap = swap_from_record(fields, session)
    return StagedFiles(swap, OutputResult(format=swap.write.marker.format, **result), session)


def _result(request: WriteRequest, form: str, schema: StructType, rows: int | None) -> OutputResult:
    return OutputResult(request.output_id, form, path=request.spec.path, rows=rows, schema=schema.json())
