"""Catalog tables: read by name; written in the table's own format."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tauro.io.formats.base import BaseFormat
from tauro.io.options import unknown_options, value_of
from tauro.io.ports import Capabilities, Format, ReadRequest, Record, Staged, WriteRequest
from tauro.model import InputSpec, Options, OutputSpec, OverwriteScope, WriteMode
from tauro.model.settings import as_spark_options

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

PROVIDERS = ("parquet", "csv", "json", "orc", "avro", "delta")
"""The formats that a table may be kept in; the option `provider` names one, for a table that is made."""
DEFAULT_PROVIDER = "parquet"


class Table(BaseFormat):
    """A table of the session's catalog."""

    name = "table"
    capabilities = Capabilities(
        write_modes=frozenset(WriteMode),
        overwrite_scopes=frozenset(OverwriteScope),
        partition_by=True,
        schema_evolution=True,
        cannot_hold=frozenset({"void", "interval"}),
    )
    reader_options = frozenset({"timestampAsOf", "versionAsOf"})

    def check_input(self, spec: InputSpec) -> list[str]:
        """What is wrong with an input, as far as that is known without data and without Spark."""
        given = {name: value for name, value in spec.options.items() if name.lower() != "provider"}
        found = unknown_options(given, self.reader_options, what="table reader")
        if spec.table is None:
            found.append("table needs the table's name under `table`")
        if spec.schema_ is not None:
            found.append("a table knows its own columns; leave schema out")
        return found

    def check_output(self, spec: OutputSpec) -> list[str]:
        """What is wrong with an output: what its provider says, told without data and without Spark."""
        name = provider_of(spec)
        if name not in PROVIDERS:
            return [f"a table can't be kept as {name!r}; provider is one of {', '.join(PROVIDERS)}"]
        found = provider_format(name).check_output(as_provided(spec, name, "/"))
        if spec.table is None:
            found.append("table needs the table's name under `table`")
        return found

    def check_schema(self, schema: StructType, spec: OutputSpec | None = None) -> None:
        """Refuses columns that the provider can't hold.

        Raises:
            WriteError: naming the columns.
        """
        name = DEFAULT_PROVIDER if spec is None else provider_of(spec)
        provider_format(name).check_schema(schema, None if spec is None else as_provided(spec, name, "/"))

    def options_as_read(self, options: Options) -> Options:
        """The catalog knows how its tables were written; what stays is who keeps them."""
        return {name: value for name, value in options.items() if name.lower() == "provider"}

    def read(self, request: ReadRequest) -> DataFrame:
        """The table's rows."""
        options = {name: v for name, v in as_spark_options(request.spec.options).items() if name.lower() != "provider"}
        return request.session.read.options(**options).table(request.spec.table or "")

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """As its provider stages; see `tauro.io.catalog.staging`."""
        from tauro.io.catalog.staging import stage_table

        return stage_table(session, request, frame)

    def staged_from(self, session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
        """What its provider staged, and what the catalog is to be told; Spark is needed to publish and to undo."""
        from tauro.io.catalog.staging import staged_table_from

        return staged_table_from(session, request, record)


def provider_of(spec: OutputSpec) -> str:
    """The format that a table is made in."""
    return (value_of(spec.options.items(), "provider") or DEFAULT_PROVIDER).lower()


def provider_format(name: str) -> Format:
    """The format of that name."""
    from tauro.io.formats import FORMATS

    return FORMATS[name]


def as_provided(spec: OutputSpec, provider: str, path: str) -> OutputSpec:
    """The output as its provider sees it: a path instead of a table."""
    options = {name: value for name, value in spec.options.items() if name.lower() != "provider"}
    return spec.model_copy(update={"format": provider, "table": None, "path": path, "options": options})


TABLE = Table()
