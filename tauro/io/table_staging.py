"""Catalog tables as outputs: their files are swapped in as those of paths are, and the catalog is told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from tauro.errors import UnsupportedError, WriteError, bounded
from tauro.io.columns import find_column, same_type, selected
from tauro.io.delta_staging import DeltaPlace, stage_delta
from tauro.io.formats.table import PROVIDERS, as_provided, provider_format, provider_of
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.staging import stage_files
from tauro.io.windows import quoted
from tauro.io.writing import LeftAlone, one_line, spark_errors
from tauro.model import OutputResult, WriteMode
from tauro.storage.paths import canonical, is_remote, spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from tauro.io.formats.files import FileFormat


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """What the catalog knows of a table."""

    provider: str
    location: str
    is_external: bool
    schema: StructType
    partition_by: tuple[str, ...]


def stage_table(session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
    """Stages an output that is a catalog table; an existing one keeps its format.

    Raises:
        WriteError: as for paths; or the table is a view, or lies where folders can't be swapped.
    """
    spec = request.spec
    name = _quoted_name(spec.table or "")
    there = _described(session, name) if session.catalog.tableExists(name) else None
    if there is not None and spec.write_mode is WriteMode.ERROR:
        raise WriteError(f"the table {spec.table} exists already, and write_mode is error", where=request.where)
    if there is not None and spec.write_mode is WriteMode.IGNORE:
        return LeftAlone(request)
    provider = there.provider if there else provider_of(spec)
    if provider not in PROVIDERS:
        raise WriteError(f"{spec.table} is kept as {provider!r}, which is not written", where=request.where)
    location = there.location if there else _new_location(session, spec.table or "")
    inner = replace(request, spec=as_provided(spec, provider, location))
    if provider == "delta":
        place = DeltaPlace(session, location, new_table=None if there else name)
        return TableStaged(session, request, stage_delta(session, inner, frame, place), None, name)
    problems = provider_format(provider).check_output(inner.spec)
    if problems:
        raise UnsupportedError("; ".join(problems), where=request.where)
    if there is not None:
        _check_catalog(request, there)
    form = cast("FileFormat", provider_format(provider))
    staged = stage_files(session, inner, frame, form, catalog_schema=there.schema if there else None)
    return TableStaged(session, request, staged, there, name, provider=provider, location=location)


@dataclass(slots=True)
class TableStaged:
    """A table's files or commit, not yet visible."""

    session: SparkSession
    request: WriteRequest
    inner: Staged
    there: CatalogTable | None
    name: str
    provider: str | None = None
    """None for Delta, which tells the catalog itself."""
    location: str = ""
    known: StructType | None = field(init=False)
    """The columns that the catalog says the table has by now; None if it knows no such table."""
    is_begun: bool = field(default=False, init=False)
    """Whether the data may have been published."""

    def __post_init__(self) -> None:
        """The catalog knows as yet what it knew before."""
        self.known = self.there.schema if self.there else None

    def publish(self) -> OutputResult:
        """Publishes the data, then tells the catalog.

        Raises:
            WriteError: as for paths; or the catalog refuses, and the data is as it was.
        """
        spec = self.request.spec
        is_judged = spec.write_mode in (WriteMode.ERROR, WriteMode.IGNORE) and not self.is_begun
        if is_judged and self.there is None and self.session.catalog.tableExists(self.name):
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
        if not self.is_begun:
            return True
        if not self.inner.undo():
            return False
        self._tell_catalog(self.there.schema if self.there else None)
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
        """Not told yet."""
        return None

    @property
    def is_durable(self) -> bool:
        """Not told yet."""
        return False

    def _as_table(self, frame: DataFrame | None) -> DataFrame | None:
        """The columns in the catalog's order: those of the partitions last."""
        if frame is None or self.provider is None:
            return frame
        parts = [find_column(frame.columns, name) or name for name in self.request.spec.partition_by]
        return selected(frame, [*(name for name in frame.columns if name not in parts), *parts])

    def _tell_catalog(self, schema: StructType | None) -> None:
        """Lets the catalog know of the table with these columns, or, for None, of no such table."""
        if self.provider is None:
            return
        if self.known is not None and (schema is None or not _same_columns(schema, self.known)):
            self.session.sql(f"DROP TABLE IF EXISTS {self.name}")  # external: its files stay
            self.known = None
        if schema is None:
            return
        if self.known is None:
            self.session.sql(self._create(schema))
            self.known = schema
        if self.request.spec.partition_by:
            self.session.sql(f"MSCK REPAIR TABLE {self.name} SYNC PARTITIONS")
        self.session.catalog.refreshTable(self.name)

    def _create(self, schema: StructType) -> str:
        columns = ", ".join(f"{quoted(field.name)} {field.dataType.simpleString()}" for field in schema.fields)
        names = ", ".join(quoted(find_column(schema.fieldNames(), n) or n) for n in self.request.spec.partition_by)
        parts = f" PARTITIONED BY ({names})" if names else ""
        options = _sql_options(self._options(schema))
        place = spark_path(self.location).replace("'", "\\'")
        return f"CREATE TABLE {self.name} ({columns}) USING {self.provider}{options}{parts} LOCATION '{place}'"

    def _options(self, schema: StructType) -> Mapping[str, str]:
        form = cast("FileFormat", provider_format(self.provider or ""))
        spec = as_provided(self.request.spec, self.provider or "", self.location)
        return form.options_to_read(spec, len(schema.fields) - len(spec.partition_by))


def _schema_of(result: OutputResult) -> StructType:
    from pyspark.sql.types import StructType

    return StructType.fromJson(json.loads(result.schema or "{}"))


def _described(session: SparkSession, name: str) -> CatalogTable:
    """The catalog's entry; starts no job."""
    rows = session.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()
    names = [row["col_name"] for row in rows]
    at = names.index("# Detailed Table Information")
    details = {row["col_name"]: row["data_type"] for row in rows[at + 1 :]}
    parts: list[str] = []
    if "# Partition Information" in names:
        first = names.index("# Partition Information") + 2
        parts = [name for name in names[first:at] if name]
    return CatalogTable(
        provider=str(details.get("Provider") or details.get("Type") or "").lower(),
        location=canonical(str(details.get("Location") or "")),
        is_external=details.get("Type") == "EXTERNAL",
        schema=session.table(name).schema,
        partition_by=tuple(parts),
    )


def _check_catalog(request: WriteRequest, there: CatalogTable) -> None:
    spec = request.spec
    if is_remote(there.location):
        raise WriteError(
            f"the table {spec.table} lies at {there.location}, where folders can't be swapped",
            where=request.where,
            fix="keep the table as delta",
        )
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


def _new_location(session: SparkSession, table: str) -> str:
    """Where the catalog would put a table of this name, were it to manage it."""
    *database, name = _parts(table)
    where = session.catalog.getDatabase(".".join(map(quoted, database)) or session.catalog.currentDatabase())
    return canonical(f"{where.locationUri.rstrip('/')}/{name.lower()}")


def _parts(table: str) -> list[str]:
    """A name's parts; those in backticks may hold dots."""
    return [part.strip("`") for part in re.findall(r"`[^`]+`|[^.`]+", table)]


def _quoted_name(table: str) -> str:
    return ".".join(quoted(part) for part in _parts(table))


def _sql_options(options: Mapping[str, str]) -> str:
    if not options:
        return ""
    escaped = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in options.items()}
    pairs = ", ".join(f"'{name}' = '{value}'" for name, value in escaped.items())
    return f" OPTIONS ({pairs})"
