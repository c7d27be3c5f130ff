"""Catalog tables as outputs: their files are swapped in as those of paths are, and the catalog is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from tauro.errors import UnsupportedError, WriteError, bounded
from tauro.io.catalog.table import CatalogTable, catalog_table_from, described, new_location, quoted_name, sql_options
from tauro.io.columns import find_column, same_type, selected
from tauro.io.delta.staging import DeltaPlace, stage_delta
from tauro.io.files.staging import stage_files
from tauro.io.files.table import file_table_at
from tauro.io.formats.table import PROVIDERS, as_provided, provider_format, provider_of
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.windows import quoted
from tauro.io.writing import LeftAlone, one_line, spark_errors
from tauro.model import OutputResult, WriteMode
from tauro.storage.paths import spark_path
from tauro.storage.place import place_of
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from tauro.io.formats.files import FileFormat


def stage_table(session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
    """Stages an output that is a catalog table; an existing one keeps its format.

    Raises:
        WriteError: as for paths; or the table is a view, or lies where folders can't be swapped.
    """
    spec = request.spec
    name = quoted_name(spec.table or "")
    there = described(session, name)
    if there is not None and spec.write_mode is WriteMode.ERROR:
        raise WriteError(f"the table {spec.table} exists already, and write_mode is error", where=request.where)
    if there is not None and spec.write_mode is WriteMode.IGNORE:
        return LeftAlone(request)
    provider = there.provider if there else provider_of(spec)
    if provider not in PROVIDERS:
        raise WriteError(f"{spec.table} is kept as {provider!r}, which is not written", where=request.where)
    location = there.location if there else new_location(session, spec.table or "")
    inner = replace(request, spec=as_provided(spec, provider, location))
    if provider == "delta":
        place = DeltaPlace(lambda: session, location, new_table=None if there else name)
        return TableStaged(
            lambda: session, request, stage_delta(session, inner, frame, place), there, name, provider, location
        )
    problems = provider_format(provider).check_output(inner.spec)
    if problems:
        raise UnsupportedError("; ".join(problems), where=request.where)
    if there is not None:
        _check_catalog(request, there)
    form = cast("FileFormat", provider_format(provider))
    staged = stage_files(session, inner, frame, form, catalog_schema=there.schema if there else None)
    return TableStaged(lambda: session, request, staged, there, name, provider, location)


def staged_table_from(session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> TableStaged:
    """A staged table from its record; nothing is looked at before it is asked for.

    Args:
        session: called to publish, to undo and to read.
        request: as it was staged.
        record: what `TableStaged.record` returned.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    provider, location = record["provider"], record["location"]
    inner = replace(request, spec=as_provided(request.spec, provider, location))
    is_left_alone = record["is_left_alone"]
    return TableStaged(
        session,
        request,
        LeftAlone(inner) if is_left_alone else provider_format(provider).staged_from(session, inner, record["inner"]),
        catalog_table_from(record["there"]) if record["there"] else None,
        record["name"],
        provider,
        location,
        is_recalled=True,
    )


@dataclass(slots=True)
class TableStaged:
    """A table's files or commit, not yet visible."""

    session: Callable[[], SparkSession]
    request: WriteRequest
    inner: Staged
    there: CatalogTable | None
    """What the catalog knew when it was staged."""
    name: str
    """Quoted."""
    provider: str
    location: str
    is_recalled: bool = False
    """Whether it comes of a record: another process may have published it, or a part of it."""
    is_begun: bool = field(default=False, init=False)
    """Whether this process may have published the data."""

    def publish(self) -> OutputResult:
        """Publishes the data, then tells the catalog; what is done already is left.

        Raises:
            WriteError: as for paths; or the catalog refuses, and the data is as it was.
        """
        spec = self.request.spec
        is_judged = spec.write_mode in (WriteMode.ERROR, WriteMode.IGNORE) and not self.is_begun
        if is_judged and self.there is None and self._is_made_by_others():
            if spec.write_mode is WriteMode.IGNORE:
                return LeftAlone(self.request).publish()
            raise WriteError(f"the table {spec.table} exists by now", where=self.request.where)
        self.is_begun = True
        result = self.inner.publish()
        if result.is_written:
            try:
                self._tell_catalog(_schema_of(result))
            except spark_errors() as error:
                self.undo()
                raise WriteError(
                    f"the catalog does not take the table {spec.table}: {one_line(error)}", where=self.request.where
                ) from error
        return replace(result, format="table", path=None, table=spec.table)

    def undo(self) -> bool:
        """Puts the data back, then tells the catalog; False if the data can't be."""
        if not self.is_begun and not self.is_recalled:
            return True
        if not self.inner.undo():
            return False
        if self.there is not None:
            self._tell_catalog(self.there.schema)
        elif self.provider != "delta":
            self._forget_table()
        return True

    def discard(self) -> None:
        """Drops what is staged."""
        self.inner.discard()

    def table(self) -> DataFrame | None:
        """The table as it will be."""
        return self._as_table(self.inner.table())

    def rows(self) -> DataFrame | None:
        """The staged rows alone."""
        return self._as_table(self.inner.rows())

    def release(self) -> None:
        """Lets go of what its provider keeps."""
        self.inner.release()

    def record(self) -> Record | None:
        """What the catalog knew, and the record of the data; `staged_table_from` reads it."""
        inner = self.inner.record()
        if inner is None:
            return None
        return {
            "name": self.name,
            "provider": self.provider,
            "location": self.location,
            "there": self.there.record() if self.there else None,
            "is_left_alone": isinstance(self.inner, LeftAlone),
            "inner": inner,
        }

    @property
    def is_durable(self) -> bool:
        """As its data is."""
        return self.inner.is_durable

    def _as_table(self, frame: DataFrame | None) -> DataFrame | None:
        """The columns in the catalog's order: those of the partitions last."""
        if frame is None or self.provider == "delta":
            return frame
        parts = [find_column(frame.columns, name) or name for name in self.request.spec.partition_by]
        return selected(frame, [*(name for name in frame.columns if name not in parts), *parts])

    def _is_made_by_others(self) -> bool:
        """Whether a table of this name was made meanwhile; at its own place, an earlier `publish` may have made it."""
        there = described(self.session(), self.name)
        return there is not None and not (self.is_recalled and there.location == self.location)

    def _known(self) -> CatalogTable | None:
        """What the catalog knows by now of the table at its place."""
        there = described(self.session(), self.name)
        return there if there is not None and there.location == self.location else None

    def _tell_catalog(self, schema: StructType) -> None:
        """Lets the catalog know of the table with these columns; done already, it changes nothing."""
        session = self.session()
        if self.provider == "delta":  # it tells the catalog itself, unless it was stopped before it could
            if self.there is None and not session.catalog.tableExists(self.name):
                step("catalog.create")
                session.sql(f"CREATE TABLE {self.name} USING delta LOCATION '{self._place}'")
            return
        known = self._known()
        if known is not None and known.is_external and not _same_columns(schema, known.schema):
            step("catalog.drop")
            session.sql(f"DROP TABLE {self.name}")  # external: its files stay
            known = None
        if known is None:
            step("catalog.create")
            session.sql(self._create(schema))
        if self.request.spec.partition_by:
            step("catalog.repair")
            session.sql(f"MSCK REPAIR TABLE {self.name} SYNC PARTITIONS")
        session.catalog.refreshTable(self.name)

    def _forget_table(self) -> None:
        """Takes the table out of the catalog whose data was taken away, unless others have data there."""
        known = self._known()
        if (
            known is not None
            and known.is_external
            and file_table_at(place_of(self.location, self.session), self.request.where) is None
        ):
            step("catalog.drop")
            self.session().sql(f"DROP TABLE {self.name}")

    @property
    def _place(self) -> str:
        return spark_path(self.location).replace("'", "\\'")

    def _create(self, schema: StructType) -> str:
        columns = ", ".join(f"{quoted(field.name)} {field.dataType.simpleString()}" for field in schema.fields)
        names = ", ".join(quoted(find_column(schema.fieldNames(), n) or n) for n in self.request.spec.partition_by)
        parts = f" PARTITIONED BY ({names})" if names else ""
        options = sql_options(self._options(schema))
        return f"CREATE TABLE {self.name} ({columns}) USING {self.provider}{options}{parts} LOCATION '{self._place}'"

    def _options(self, schema: StructType) -> Mapping[str, str]:
        form = cast("FileFormat", provider_format(self.provider))
        spec = as_provided(self.request.spec, self.provider, self.location)
        return form.options_to_read(spec, len(schema.fields) - len(spec.partition_by))


def _schema_of(result: OutputResult) -> StructType:
    from pyspark.sql.types import StructType

    return StructType.fromJson(json.loads(result.schema or "{}"))


def _check_catalog(request: WriteRequest, there: CatalogTable) -> None:
    spec = request.spec
    if [name.lower() for name in there.partition_by] != [name.lower() for name in spec.partition_by]:
        raise WriteError(
            f"the table {spec.table} is partitioned by {bounded(there.partition_by) or 'nothing'}, the output by "
            f"{bounded(spec.partition_by) or 'nothing'}",
            where=request.where,
            fix=f"partition_by: [{', '.join(there.partition_by)}]",
        )
    if spec.schema_evolution and not there.is_external:
        raise WriteError(
            f"the columns of {spec.table} can't be changed by swapping its files: the catalog manages it",
            where=request.where,
            fix="leave schema_evolution out, or make the table external, or keep it as delta",
        )


def _same_columns(one: StructType, other: StructType) -> bool:
    """Whether both hold the same columns, in whatever order: a catalog puts those of partitions last."""
    types = {field.name.lower(): field.dataType for field in other.fields}
    if types.keys() != {field.name.lower() for field in one.fields}:
        return False
    return all(same_type(field.dataType, types[field.name.lower()]) for field in one.fields)
