"""File outputs: written beside the target, then swapped in when they are complete."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tauro.errors import ConflictError, WindowError, WriteError, bounded
from tauro.io.columns import as_nullable, find_column, fitted
from tauro.io.file_table import FileTable, file_table_at, is_bookkeeping, is_placeholder
from tauro.io.marker import MARKER, Marker
from tauro.io.partitions import data_files, key_of, partition_folders, value_of_text, values_of
from tauro.io.ports import Staged, WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import LeftAlone, one_line, spark_errors, window_condition
from tauro.model import OutputResult, OverwriteScope, WriteMode
from tauro.storage.local import exchange, link_tree, make_folder, move_files, put, remove_empty, remove_tree
from tauro.storage.lock import locked
from tauro.storage.paths import as_file_name, local_path, spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from tauro.io.formats.files import FileFormat

WORKSHOP = "_tauro"
"""The folder beside the targets in which Tauro stages; readers ignore it."""


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
        WriteError: the columns do not fit, the mode refuses what is there, or Spark failed; nothing is left behind.
        WindowError: a windowed overwrite was given rows of other windows.
    """
    spec = request.spec
    assert spec.path is not None  # check_output asks for it
    target = Path(os.path.realpath(local_path(spec.path)))
    table = file_table_at(target, request.where)
    if table is not None and spec.write_mode is WriteMode.ERROR:
        raise _refusal(request)
    if table is not None and spec.write_mode is WriteMode.IGNORE:
        return LeftAlone(request)
    if table is not None and request.spec.replaces_table:
        table.check_replaceable(request)
    form.check_schema(frame.schema, spec)
    partition_by = _partition_columns(frame, request)
    frame = _fitted(session, request, frame, form, table, catalog_schema)
    schema = as_nullable(frame.schema)
    condition = window_condition(request, schema)
    work = target.parent / WORKSHOP / as_file_name(request.run_id) / as_file_name(request.node)
    work /= as_file_name(request.output_id)
    remove_tree(work)
    make_folder(work.parent)
    staged = StagedFiles(session, request, form, target, work, schema, partition_by, seen=table)
    try:
        staged.check_options()
        staged.write(frame)
        staged.check_window(condition)
    except BaseException:
        staged.discard()
        raise
    return staged


_Shape = tuple[str, tuple[str, ...], dict[str, str]] | None
"""Columns, partitions and reader options; None for a folder without a marker."""


@dataclass(slots=True)
class StagedFiles:
    """Files that are complete and not yet visible."""

    session: SparkSession
    request: WriteRequest
    form: FileFormat
    target: Path
    work: Path
    """The folder that is this output's alone."""
    schema: StructType
    partition_by: tuple[str, ...]
    seen: FileTable | None
    """What lay at the target when the columns were matched."""
    rows: int | None = None

    @property
    def data(self) -> Path:
        """Where Spark has written."""
        return self.work / "data"

    def write(self, frame: DataFrame) -> None:
        """The one Spark job."""
        from tauro.spark.metrics import measured_write

        writer = frame.write.format(self.form.spark_name).options(**self._options_to_write)
        if self.partition_by:
            writer = writer.partitionBy(*self.partition_by)
        try:
            with measured_write(self.session, f"tauro: write {self.request.output_id}") as measured:
                writer.save(spark_path(str(self.data)))
        except spark_errors() as error:
            raise WriteError(
                f"could not write {self.form.name} to {self.request.spec.path}: {one_line(error)}",
                where=self.request.where,
            ) from error
        self.rows = measured.rows

    def check_window(self, condition: WindowCondition | None) -> None:
        """Refuses staged partitions that lie outside the window; their folder names tell.

        Raises:
            WindowError: naming the values.
        """
        if condition is None:
            return
        outside = [
            text if text is not None else "null"
            for text in (self._window_text(folder) for folder in partition_folders(self.data))
            if not condition.holds(value_of_text(text, condition.type_name, self._zone))
        ]
        if outside:
            raise WindowError(
                f"rows outside the window {condition.window}: {self.request.spec.window_column} is "
                f"{bounded(sorted(set(outside)))}",
                where=self.request.where,
                fix="filter the result to the run's window",
            )

    def publish(self) -> OutputResult:
        """Swaps the files in, in one step; the old ones are removed afterwards.

        Raises:
            WriteError: the mode refuses what is there by now, or the table has changed its columns meanwhile.
        """
        spec = self.request.spec
        workshop = self.target.parent / WORKSHOP
        is_written = True
        try:
            with locked(workshop / f"{as_file_name(self.target.name)}.lock"):
                table = file_table_at(self.target, self.request.where)
                if table is not None and spec.write_mode is WriteMode.ERROR:
                    raise _refusal(self.request)
                if table is not None and spec.write_mode is WriteMode.IGNORE:
                    is_written = False
                else:
                    self._swap_in(table)
        finally:
            self.discard()
        return OutputResult(
            self.request.output_id,
            self.form.name,
            path=spec.path,
            rows=self.rows if is_written else 0,
            schema=self.schema.json(),
            is_written=is_written,
        )

    def discard(self) -> None:
        """Removes what is staged, and the folders that are empty then."""
        remove_tree(self.work)
        remove_empty(self.work.parent, up_to=self.target.parent / WORKSHOP)

    @property
    def _zone(self) -> str:
        return self.session.conf.get("spark.sql.session.timeZone") or "UTC"

    @property
    def _columns(self) -> int:
        return len(self.schema.fields) - len(self.partition_by)

    @property
    def _options_to_write(self) -> dict[str, str]:
        return self.form.options_to_write(self.request.spec, self._columns)

    @property
    def _options_to_read(self) -> dict[str, str]:
        return self.form.options_to_read(self.request.spec, self._columns)

    def _swap_in(self, table: FileTable | None) -> None:
        root = self.data
        is_left_out = self._replaced_by(table)
        if table is not None and is_left_out is not None:
            self._check_unchanged(table)
            root = self.work / "root"
            link_tree(table.root, root, is_left_out=is_left_out)
            move_files(self.data, root, is_left_out=is_bookkeeping)
        placeholder = None if next(data_files(root), None) is not None else self._put_placeholder(root)
        marker = Marker(
            run_id=self.request.run_id,
            node=self.request.node,
            output=self.request.output_id,
            format=self.form.name,
            schema=self.schema.json(),
            partition_by=self.partition_by,
            options=self._options_to_read,
            placeholder=placeholder,
        )
        marker.write(root)
        if self.target.exists():
            exchange(root, self.target)
        else:
            put(root, self.target)

    def _replaced_by(self, table: FileTable | None) -> Callable[[Path], bool] | None:
        """Which of the table's files do not live on; None if none does."""
        spec = self.request.spec
        placeholder = table.placeholder if table else None

        def is_note(path: Path) -> bool:
            return path.parts == (MARKER,) or is_placeholder(path, placeholder)

        if spec.write_mode is WriteMode.APPEND:
            return is_note
        if spec.replaces_table or spec.write_mode is not WriteMode.OVERWRITE:
            return None
        types = {field.name: field.dataType.typeName() for field in self.schema.fields}
        if spec.overwrite_scope is OverwriteScope.PARTITIONS:
            present = {key_of(folder, types, self._zone) for folder in partition_folders(self.data)}
            return lambda path: is_note(path) or key_of(path, types, self._zone) in present
        condition = window_condition(self.request, self.schema)
        assert condition is not None  # the scope is the window
        return lambda path: (
            is_note(path)
            or (
                self._is_window_folder(path)
                and condition.holds(value_of_text(self._window_text(path), condition.type_name, self._zone))
            )
        )

    def _is_window_folder(self, path: Path) -> bool:
        column = (self.request.spec.window_column or "").lower()
        return any(name.lower() == column for name in values_of(path))

    def _window_text(self, folder: Path) -> str | None:
        column = (self.request.spec.window_column or "").lower()
        return next((text for name, text in values_of(folder).items() if name.lower() == column), None)

    def check_options(self) -> None:
        """Refuses to put files beside those of the table that were written in another way.

        Raises:
            WriteError: naming the options.
        """
        spec, marker = self.request.spec, self.seen.marker if self.seen else None
        if marker is None or spec.replaces_table or marker.options == self._options_to_read:
            return
        pairs = set(marker.options.items()) ^ set(self._options_to_read.items())
        raise WriteError(
            f"the table at {spec.path} was written with other options: {bounded(sorted({name for name, _ in pairs}))}",
            where=self.request.where,
            fix="use the same options, or overwrite the whole table",
        )

    def _check_unchanged(self, table: FileTable) -> None:
        if self.seen is None:  # then somebody else has made the table, as we would have
            before: _Shape = (self.schema.json(), self.partition_by, self._options_to_read)
        else:
            before = _shape(self.seen)
        if _shape(table) != before:
            raise ConflictError(
                f"the columns of {self.request.spec.path} were changed by another run while this one was writing",
                where=self.request.where,
                fix="run it again",
            )

    def _put_placeholder(self, root: Path) -> str | None:
        """Gives a table without files one that bears its columns, so that any reader can read it."""
        place = self.work / "empty"
        empty = self.session.createDataFrame([], self.schema).coalesce(1)
        empty.write.format(self.form.spark_name).options(**self._options_to_write).save(spark_path(str(place)))
        move_files(place, root, is_left_out=is_bookkeeping)
        return next((path.name for path in data_files(root)), None)


def _refusal(request: WriteRequest) -> WriteError:
    return WriteError(
        f"{request.spec.path} holds data already, and write_mode is error",
        where=request.where,
        fix="remove the data, or choose another write_mode",
    )


def _partition_columns(frame: DataFrame, request: WriteRequest) -> tuple[str, ...]:
    """The columns of `partition_by` in the frame's own spelling."""
    names = frame.columns
    found = {name: find_column(names, name) for name in request.spec.partition_by}
    missing = [name for name, own in found.items() if own is None]
    if missing:
        raise WriteError(
            f"partition_by names columns that the result does not have: {bounded(missing)}; it has {bounded(names)}",
            where=request.where,
        )
    if found and len(found) == len(names):
        raise WriteError("every column is in partition_by; one at least has to stay in the files", where=request.where)
    return tuple(own for own in found.values() if own is not None)


def _fitted(
    session: SparkSession,
    request: WriteRequest,
    frame: DataFrame,
    form: FileFormat,
    table: FileTable | None,
    catalog_schema: StructType | None,
) -> DataFrame:
    """The frame with the columns of the table that is there, by name."""
    spec = request.spec
    if table is None and catalog_schema is None:
        return frame
    if spec.replaces_table and spec.schema_evolution:
        return frame
    if table is not None and not spec.replaces_table:
        table.check_layout(request)
    schema = catalog_schema
    if table is not None and (table.marker is not None or schema is None):
        schema = table.schema(session, request, form)
    if schema is None:
        return frame
    return fitted(
        frame,
        schema,
        where=request.where,
        may_add=spec.schema_evolution,
        compare_types=catalog_schema is not None
        or form.tells_types
        or (table is not None and table.marker is not None),
        needed=spec.partition_by,
    )


def _shape(table: FileTable) -> _Shape:
    """What files must agree on that lie beside each other."""
    return (table.marker.schema, table.partition_by, table.marker.options) if table.marker else None
