"""JDBC: tables of databases."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tauro.io.formats.base import BaseFormat
from tauro.io.options import value_of
from tauro.io.ports import Capabilities, ReadRequest, Record, Staged, WriteRequest
from tauro.launch.jars.coordinates import jdbc_driver
from tauro.model import InputSpec, OutputSpec, OverwriteScope, WriteMode
from tauro.model.settings import Options, as_spark_options

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CONNECTION = frozenset(
    {
        "connectionProvider",
        "dbtable",
        "driver",
        "keytab",
        "numPartitions",
        "password",
        "principal",
        "queryTimeout",
        "refreshKrb5Config",
        "sessionInitStatement",
        "url",
        "user",
    }
)
_PARTITIONING = ("partitionColumn", "lowerBound", "upperBound", "numPartitions")
_NO_TABLE_STATES = frozenset({"42P01", "42S02", "42S04", "42704", "S0002"})
"""SQL states that PostgreSQL, the SQL standard, H2, Db2 and SQL Server give a table that does not exist."""
_OWN = {"truncate": "write_mode overwrite", "cascadeTruncate": "write_mode overwrite"}


class Jdbc(BaseFormat):
    """Spark's `jdbc`; options that Spark does not know are handed to the driver."""

    name = "jdbc"
    capabilities = Capabilities(
        write_modes=frozenset(WriteMode) - {WriteMode.MERGE},
        overwrite_scopes=frozenset({OverwriteScope.TABLE, OverwriteScope.WINDOW}),
        append_by_window=True,
        can_undo=False,
        holds_nested=False,
        cannot_hold=frozenset({"void", "interval", "variant", "daytimeinterval", "yearmonthinterval"}),
        needs_options=("url",),
    )
    reader_options = _CONNECTION | {
        "customSchema",
        "fetchsize",
        "hint",
        "lowerBound",
        "partitionColumn",
        "preferTimestampNTZ",
        "prepareQuery",
        "pushDownAggregate",
        "pushDownJoin",
        "pushDownLimit",
        "pushDownOffset",
        "pushDownPredicate",
        "pushDownTableSample",
        "query",
        "upperBound",
    }
    writer_options = _CONNECTION | {"batchsize", "createTableColumnTypes", "createTableOptions", "isolationLevel"}
    option_prefixes = ("",)
    """All pass on; mistyped ones are found below."""

    def check_input(self, spec: InputSpec) -> list[str]:
        """What is wrong with an input, as far as that is known without data and without Spark."""
        found = super().check_input(spec) + _mistyped(spec.options, self.reader_options)
        options = spec.options.items()
        tables = [one for one in (table_of(spec), value_of(options, "query")) if one is not None]
        if len(tables) != 1:
            found.append(f"jdbc needs one of the options 'dbtable' and 'query', found {len(tables)}")
        given = [name for name in _PARTITIONING if value_of(options, name) is not None]
        missing = [name for name in _PARTITIONING if name not in given]
        if missing and set(given) - {"numPartitions"}:
            found.append(f"a partitioned read needs {', '.join(_PARTITIONING)}; missing: {', '.join(missing)}")
        if value_of(options, "query") is not None and "partitionColumn" in given:
            found.append("a partitioned read needs 'dbtable'; put the query in brackets there: (SELECT ...) AS q")
        if spec.schema_ is not None:
            found.append("a database's table knows its own columns; use the option customSchema")
        return found

    def check_output(self, spec: OutputSpec) -> list[str]:
        """What is wrong with an output, as far as that is known without data and without Spark."""
        found = super().check_output(spec) + _mistyped(spec.options, self.writer_options)
        table = table_of(spec)
        if table is None:
            found.append("jdbc needs the option 'dbtable'")
        elif table.strip().startswith("("):
            found.append("'dbtable' is a query; an output needs a table")
        found += [
            f"the option {name!r} is not used; {use} empties the table in the transaction that fills it"
            for name, use in _OWN.items()
            if value_of(spec.options.items(), name) is not None
        ]
        return found

    def read(self, request: ReadRequest) -> DataFrame:
        """The table's or the query's rows; filters are pushed down."""
        options = connection_options(request.spec)
        if value_of(options.items(), "dbtable") is None and request.spec.table is not None:
            options["dbtable"] = request.spec.table
        return request.session.read.format("jdbc").options(**options).load()

    def is_missing(self, error: Exception) -> bool:
        """Whether the database says that the table does not exist."""
        return sql_state(error) in _NO_TABLE_STATES

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """Writes a table of its own beside the target; see `tauro.io.jdbc.staging`."""
        from tauro.io.jdbc.staging import stage_jdbc

        return stage_jdbc(session, request, frame)

    def staged_from(self, session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
        """The staged table, which the database knows."""
        from tauro.io.jdbc.staging import staged_rows_from

        return staged_rows_from(record, session, request)


def connection_options(spec: InputSpec | OutputSpec) -> dict[str, str]:
    """The entry's options as Spark takes them; see `with_driver`."""
    return with_driver(spec.options)


def with_driver(given: Options) -> dict[str, str]:
    """Options as Spark takes them, and the driver's class for a database whose driver Tauro knows.

    Java looks for drivers among the jars that it was started with; those that a session brings have to be named.
    """
    options = as_spark_options(given)
    known = jdbc_driver(value_of(options.items(), "url") or "")
    if known is not None and value_of(options.items(), "driver") is None:
        options["driver"] = known.class_name
    return options


def table_of(spec: InputSpec | OutputSpec) -> str | None:
    """The table's name in the database; None if none is given."""
    return value_of(spec.options.items(), "dbtable") or spec.table


def sql_state(error: BaseException) -> str | None:
    """The SQL state of the database's error behind one of Spark's; None if there is none."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors.exceptions.captured import CapturedException

    cause = error.java_exception if isinstance(error, Py4JJavaError) else None
    if isinstance(error, CapturedException):
        cause = error._origin
    while cause is not None:
        if "getSQLState" in dir(cause):  # py4j asks Java what the object can
            return str(cause.getSQLState())
        cause = cause.getCause()
    return None


def _mistyped(options: Options, known: frozenset[str]) -> list[str]:
    """Options that are almost, and not quite, ones of Spark's; others may be the driver's own."""
    lower = {name.lower(): name for name in known}
    found = []
    for name in options:
        close = get_close_matches(name.lower(), lower, n=1, cutoff=0.85)
        if close and close[0] != name.lower():
            found.append(f"jdbc has no option {name!r}; did you mean {lower[close[0]]!r}?")
    return found


JDBC = Jdbc()
