"""What Spark does for a write of files: the one job, and what is known before and after it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tauro.errors import WindowError, WriteError, bounded
from tauro.io.columns import find_column, fitted
from tauro.io.files.appended import Append
from tauro.io.files.footers import rows_in_parquet
from tauro.io.files.marker import Marker
from tauro.io.files.swap import WORKSHOP
from tauro.io.files.swaps import Swap, swap_for
from tauro.io.files.table import FileTable, is_bookkeeping
from tauro.io.files.write import FileWrite, shape_of, text_in
from tauro.io.partitions import data_files, partition_folders, value_of_text
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import one_line, spark_errors
from tauro.model import WriteMode
from tauro.storage.paths import spark_path
from tauro.storage.place import Place, here, make_folder, move_files
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from tauro.io.formats.files import FileFormat


@dataclass(frozen=True, slots=True)
class FileJob:
    """What Spark does for a write."""

    session: SparkSession
    request: WriteRequest
    form: FileFormat
    schema: StructType
    partition_by: tuple[str, ...]

    def swap(self, target: Place, table: FileTable | None) -> Swap:
        """The write, with nothing staged yet.

        Args:
            target: the table's folder.
            table: what lies there, and the columns were matched with.
        """
        request, spec = self.request, self.request.spec
        work = target.parent / WORKSHOP / request.folder
        write_id = uuid.uuid4().hex
        marker = Marker(
            run_id=request.run_id,
            node=request.node,
            output=request.output_id,
            format=self.form.name,
            schema=self.schema.json(),
            partition_by=self.partition_by,
            options=self._options_to_read,
            write_id=write_id,
        )
        append = Append(request.pipeline, request.node, request.output_id, request.window, request.run_id, write_id)
        write = FileWrite(
            path=spec.path or str(target),
            where=request.where,
            mode=spec.write_mode,
            scope=spec.overwrite_scope,
            marker=marker,
            expected=shape_of(table.marker if table else marker),  # a table made meanwhile is to be as ours
            types={name: self.schema[name].dataType.typeName() for name in self.partition_by},
            zone=self.session.conf.get("spark.sql.session.timeZone") or "UTC",
            window_column=spec.window_column or "",
            window=request.window,
            append=append if spec.write_mode is WriteMode.APPEND else None,
        )
        return swap_for(target, work, write)

    def check_options(self, table: FileTable | None) -> None:
        """Refuses to put files beside those of the table that were written in another way.

        Raises:
            WriteError: naming the options.
        """
        spec, marker = self.request.spec, table.marker if table else None
        if marker is None or spec.replaces_table or marker.options == self._options_to_read:
            return
        pairs = set(marker.options.items()) ^ set(self._options_to_read.items())
        raise WriteError(
            f"the table at {spec.path} was written with other options: {bounded(sorted({name for name, _ in pairs}))}",
            where=self.request.where,
            fix="use the same options, or overwrite the whole table",
        )

    def write(self, frame: DataFrame, folder: Place) -> int | None:
        """The one Spark job; returns how many rows it wrote, if that is known."""
        from tauro.spark.jobs import is_classic
        from tauro.spark.metrics import counted_write, measured_write

        try:
            step("files.write")
            if is_classic(self.session):
                with measured_write(self.session, f"tauro: write {self.request.output_id}") as measured:
                    self._save(frame, folder)
            elif self.form.name == "parquet":
                self._save(frame, folder)
                return rows_in_parquet(here(folder))
            else:
                with counted_write(frame) as (counted, measured):
                    self._save(counted, folder)
        except spark_errors() as error:
            raise WriteError(
                f"could not write {self.form.name} to {self.request.spec.path}: {one_line(error)}",
                where=self.request.where,
            ) from error
        return measured.rows

    def _save(self, frame: DataFrame, folder: Place) -> None:
        writer = frame.write.format(self.form.spark_name).options(**self._options_to_write)
        if self.partition_by:
            writer = writer.partitionBy(*self.partition_by)
        writer.save(spark_path(str(folder)))

    def check_window(self, swap: Swap, condition: WindowCondition | None) -> None:
        """Refuses staged partitions that lie outside the window; their folder names tell.

        Raises:
            WindowError: naming the values.
        """
        if condition is None:
            return
        texts = {text_in(folder, swap.write.window_column)[1] for folder in partition_folders(swap.data)}
        outside = sorted(
            "null" if text is None else text
            for text in texts
            if not condition.holds(value_of_text(text, condition.type_name, swap.write.zone))
        )
        if outside:
            raise WindowError(
                f"rows outside the window {condition.window}: {self.request.spec.window_column} is {bounded(outside)}",
                where=self.request.where,
                fix="filter the result to the run's window",
            )

    def finish(self, swap: Swap) -> None:
        """Makes the staged folder one that can be read, and all that publishing will need."""
        make_folder(swap.data)
        files = tuple(path.as_posix() for path in data_files(swap.data))
        write = swap.write
        if write.append is not None:
            write = replace(write, append=replace(write.append, files=files))
        if not files:
            step("files.placeholder")
            self._write_placeholder(swap.empty)
            if write.replaces:
                move_files(swap.empty, swap.data, is_left_out=is_bookkeeping)
                placeholder = next((path.name for path in data_files(swap.data)), None)
                write = replace(write, marker=replace(write.marker, placeholder=placeholder))
        step("files.marker")
        write.marker.write(swap.data)
        swap.write = write

    @property
    def _columns(self) -> int:
        return len(self.schema.fields) - len(self.partition_by)

    @property
    def _options_to_write(self) -> dict[str, str]:
        return self.form.options_to_write(self.request.spec, self._columns)

    @property
    def _options_to_read(self) -> dict[str, str]:
        return self.form.options_to_read(self.request.spec, self._columns)

    def _write_placeholder(self, folder: Place) -> None:
        """A file that bears the columns and no rows, so that any reader can read a table without others."""
        empty = self.session.createDataFrame([], self.schema).coalesce(1)
        empty.write.format(self.form.spark_name).options(**self._options_to_write).save(spark_path(str(folder)))


def partition_columns_of(frame: DataFrame, request: WriteRequest) -> tuple[str, ...]:
    """The columns of `partition_by` in the frame's own spelling.

    Raises:
        WriteError: the frame lacks one, or has no others.
    """
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


def fitted_to(
    session: SparkSession,
    request: WriteRequest,
    frame: DataFrame,
    form: FileFormat,
    table: FileTable | None,
    catalog_schema: StructType | None,
) -> DataFrame:
    """The frame with the columns of the table that is there, by name.

    Raises:
        WriteError: they do not fit.
    """
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
