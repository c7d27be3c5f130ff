"""Delta: a table with a log; every write is one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tauro.io.formats.base import BaseFormat, condition_of
from tauro.io.options import value_of
from tauro.io.ports import Capabilities, ReadRequest, Record, Staged, WriteRequest
from tauro.model import InputSpec, OutputSpec, OverwriteScope, WriteMode
from tauro.model.settings import as_spark_options
from tauro.storage.paths import is_remote, literal_spark_path, local_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

_FORBIDDEN = frozenset(" ,;{}()\n\t=")
_OWN = {
    "overwriteSchema": "schema_evolution: true",
    "mergeSchema": "schema_evolution: true",
    "replaceWhere": "overwrite_scope: window",
    "partitionOverwriteMode": "overwrite_scope: partitions",
    "txnAppId": "write_mode: append",
    "txnVersion": "write_mode: append",
    "userMetadata": "nothing: it holds the run's id",
}
"""Writer options that Tauro sets itself, and the field that asks for them."""


class Delta(BaseFormat):
    """Delta Lake's `delta`."""

    name = "delta"
    capabilities = Capabilities(
        write_modes=frozenset(WriteMode),
        overwrite_scopes=frozenset(OverwriteScope),
        partition_by=True,
        schema_evolution=True,
        cannot_hold=frozenset({"void", "interval", "daytimeinterval", "yearmonthinterval"}),
        needs_path=True,
    )
    reader_options = frozenset(
        {
            "endingTimestamp",
            "endingVersion",
            "readChangeFeed",
            "startingTimestamp",
            "startingVersion",
            "timestampAsOf",
            "versionAsOf",
        }
    )
    writer_options = frozenset({"compression", "dataChange", "maxRecordsPerFile", "optimizeWrite"})
    option_prefixes = ("delta.",)

    def check_input(self, spec: InputSpec) -> list[str]:
        """What is wrong with an input, as far as that is known without data and without Spark."""
        found = super().check_input(spec)
        options = spec.options.items()
        if value_of(options, "versionAsOf") is not None and value_of(options, "timestampAsOf") is not None:
            found.append("versionAsOf and timestampAsOf exclude each other")
        if spec.schema_ is not None:
            found.append("a Delta table knows its own columns; leave schema out")
        if spec.path is not None and len(spec.path) > 1:
            found.append("delta reads one path")
        return found

    def check_output(self, spec: OutputSpec) -> list[str]:
        """What is wrong with an output, as far as that is known without data and without Spark."""
        own = {name: field for name, field in _OWN.items() if value_of(spec.options.items(), name) is not None}
        others = {name: value for name, value in spec.options.items() if name.lower() not in {o.lower() for o in own}}
        found = super().check_output(spec.model_copy(update={"options": others}))
        found += [f"the option {name!r} is Tauro's to set; use {field}" for name, field in own.items()]
        repeated = sorted({key for key in spec.keys if spec.keys.count(key) > 1})
        return found + ([f"keys names {', '.join(repeated)} more than once"] if repeated else [])

    def schema_problems(self, schema: StructType, spec: OutputSpec | None) -> Iterator[str]:
        """One text for each column that does not fit; without column mapping, names are Parquet's."""
        yield from super().schema_problems(schema, spec)
        options = spec.options if spec is not None else {}
        if (value_of(options.items(), "delta.columnMapping.mode") or "none") != "none":
            return
        for field in schema.fields:
            if _FORBIDDEN & set(field.name):
                yield (
                    f"{field.name!r} has a character of ' ,;{{}}()\\n\\t=' in its name, which needs the option "
                    "delta.columnMapping.mode: name"
                )

    def read(self, request: ReadRequest) -> DataFrame:
        """The table's rows, now or as of a version or time.

        Raises:
            FileNotFoundError: the path does not exist.
        """
        (path,) = request.spec.path or ("",)
        if not is_remote(path) and not local_path(path).exists():
            raise FileNotFoundError(f"nothing at {path}")
        return (
            request.session.read.format("delta")
            .options(**as_spark_options(request.spec.options))
            .load(literal_spark_path(path))
        )

    def is_missing(self, error: Exception) -> bool:
        """Whether an error says that the table does not exist; a missing version of one that does is no such."""
        return super().is_missing(error) or condition_of(error) in (
            "DELTA_MISSING_DELTA_TABLE",
            "DELTA_TABLE_NOT_FOUND",
            "DELTA_PATH_DOES_NOT_EXIST",
        )

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """Checks what can be checked; see `tauro.io.delta.staging`."""
        from tauro.io.delta.staging import DeltaPlace, stage_delta

        assert request.spec.path is not None  # check_output asks for it
        return stage_delta(session, request, frame, DeltaPlace(lambda: session, request.spec.path))

    def staged_from(self, session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
        """What was staged, or what was to be written directly; Spark is needed to publish and to undo."""
        from tauro.io.delta.record import staged_delta_from

        return staged_delta_from(session, request, record)


DELTA = Delta()
