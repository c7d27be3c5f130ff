"""A database through the driver that Spark has loaded: one connection, statements and transactions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from tauro.errors import UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

IDLE_TIMEOUT_S = 15
"""How long a process may sleep inside a transaction, which others wait for, before PostgreSQL ends it."""
VALID_TIMEOUT_S = 10
"""How long a database may take to show that it is still there."""
_NAME = r"""(?:"[^"]*"|`[^`]*`|\[[^\]]*\]|[^."`\[])+"""
"""One part of a table's name, quoted in the ways of databases or not."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in UTC, for a column that holds instants."""

    moment: datetime
    """Naive."""


Value = str | date | datetime | Instant


def beside(table: str, name: str) -> str:
    """The name of a table in the same schema.

    Args:
        table: as the user writes it: `events`, `gold.events`, `"Gold"."Events"`.
        name: the other table's, without a schema, quoted where it needs to be.
    """
    return table[: len(table) - len(last_part(table))] + name


def last_part(table: str) -> str:
    """A table's name without its schema, as it is written."""
    parts = re.findall(_NAME, table)
    return parts[-1] if parts and table.endswith(parts[-1]) else table


@dataclass(frozen=True, slots=True)
class DatabaseColumn:
    """A column of a table, as the driver describes it."""

    name: str
    type_name: str
    fills_itself: bool
    """Whether the database numbers its rows."""


class Database:
    """An open connection; Spark's own code chooses driver, login and dialect, as for its reads and writes."""

    # Any: py4j's objects have no types
    def __init__(self, jvm: Any, connection: Any, dialect: Any, options: Any, url: str = "") -> None:
        self._jvm = jvm
        self._is_postgres = url.lower().startswith("jdbc:postgresql:")
        self._connection = connection
        self._dialect = dialect
        self._options = options

    def quoted(self, name: str) -> str:
        """A column's name as this database writes it."""
        return str(self._dialect.quoteIdentifier(name))

    def has_table(self, table: str) -> bool:
        """Whether the table exists, asked in a way that does not spoil a transaction.

        Raises:
            py4j.protocol.Py4JJavaError: the connection is lost.
        """
        from py4j.protocol import Py4JJavaError

        with self._statement() as statement:
            savepoint = None if self._connection.getAutoCommit() else self._connection.setSavepoint()
            try:
                statement.executeQuery(self._dialect.getTableExistsQuery(table)).close()
            except Py4JJavaError:
                if savepoint is not None:
                    self._connection.rollback(savepoint)
                if not self._connection.isValid(VALID_TIMEOUT_S):
                    raise
                return False
            if savepoint is not None:
                self._connection.releaseSavepoint(savepoint)
            return True

    def columns(self, table: str) -> list[DatabaseColumn]:
        """The table's columns, in its order."""
        with self._statement() as statement:
            about = statement.executeQuery(f"SELECT * FROM {table} WHERE 1=0").getMetaData()
            return [
                DatabaseColumn(about.getColumnName(at), about.getColumnTypeName(at), bool(about.isAutoIncrement(at)))
                for at in range(1, about.getColumnCount() + 1)
            ]

    def create(self, table: str, schema: StructType) -> None:
        """Makes a table with the columns of a frame, as Spark would."""
        java_schema = self._jvm.org.apache.spark.sql.types.DataType.fromJson(schema.json())
        utils = self._jvm.org.apache.spark.sql.execution.datasources.jdbc.JdbcUtils
        utils.createTable(self._connection, table, java_schema, False, self._options)

    @property
    def long_text(self) -> str:
        """The type of a column that holds text of any length, as Spark's dialect knows it."""
        utils = self._jvm.org.apache.spark.sql.execution.datasources.jdbc.JdbcUtils
        text = self._jvm.org.apache.spark.sql.types.DataTypes.StringType
        name = str(utils.getJdbcType(text, self._dialect).databaseTypeDefinition())
        return "CLOB" if re.search(r"\(\d+\)", name) else name

    def run(self, sql: str, values: Sequence[Value] = (), *, timeout_s: int = 0) -> int:
        """Runs one statement; returns how many rows it changed.

        Args:
            sql: the statement, with `?` for each value.
            values: what stands for them.
            timeout_s: how long it may take, as far as the driver heeds that; 0 for any time.
        """
        with self._prepared(sql, values) as statement:
            if timeout_s:
                statement.setQueryTimeout(timeout_s)
            return int(statement.executeUpdate())

    def texts(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[str, ...]]:
        """The rows that a query returns, each value as text."""
        with self._prepared(sql, values) as statement:
            result = statement.executeQuery()
            columns = range(1, result.getMetaData().getColumnCount() + 1)
            found = []
            while result.next():
                found.append(tuple(str(result.getString(at)) for at in columns))
            return found

    def count(self, sql: str, values: Sequence[Value] = ()) -> int:
        """The one number that a query returns."""
        with self._prepared(sql, values) as statement:
            result = statement.executeQuery()
            result.next()
            return int(result.getLong(1))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block, or none."""
        from py4j.protocol import Py4JError

        self._connection.setAutoCommit(False)
        try:
            if self._is_postgres:
                self.run(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_TIMEOUT_S * 1000}")
            yield
            self._connection.commit()
        except BaseException:
            with suppress(Py4JError):  # a connection that is lost; the database rolls back
                self._connection.rollback()
                self._connection.setAutoCommit(True)
            raise
        self._connection.setAutoCommit(True)

    @contextmanager
    def _statement(self) -> Iterator[Any]:
        statement = self._connection.createStatement()
        try:
            yield statement
        finally:
            statement.close()

    @contextmanager
    def _prepared(self, sql: str, values: Sequence[Value]) -> Iterator[Any]:
        statement = self._connection.prepareStatement(sql)
        try:
            for at, value in enumerate(values, start=1):
                self._bind(statement, at, value)
            yield statement
        finally:
            statement.close()

    def _bind(self, statement: Any, at: int, value: Value) -> None:
        times = self._jvm.java.sql
        if isinstance(value, str):
            statement.setString(at, value)
        elif isinstance(value, Instant):
            moment = value.moment.replace(tzinfo=UTC)
            stamp = times.Timestamp(int(moment.timestamp()) * 1000)
            stamp.setNanos(moment.microsecond * 1000)
            statement.setTimestamp(at, stamp)
        elif isinstance(value, datetime):
            statement.setTimestamp(at, times.Timestamp.valueOf(value.isoformat(" ")))
        else:
            statement.setDate(at, times.Date.valueOf(value.isoformat()))


@contextmanager
def connected(session: SparkSession, options: Mapping[str, str], table: str) -> Iterator[Database]:
    """A connection for as long as the block lasts.

    Args:
        session: a classic session that has the driver.
        options: Spark's JDBC options.
        table: the table that it is about.

    Raises:
        UnsupportedError: the session has no JVM beside this process.
        py4j.protocol.Py4JJavaError: the database can't be reached.
    """
    from tauro.spark.jobs import is_classic  # needs pyspark

    if not is_classic(session):
        raise UnsupportedError(
            "databases are not written over Spark Connect: their transactions need a JVM beside this process",
            fix="mode: local or distributed; or write to Delta",
        )
    jvm: Any = session._jvm
    given = jvm.java.util.HashMap()
    for name, value in options.items():
        if name.lower() not in ("dbtable", "query"):
            given.put(name, value)
    given.put("dbtable", table)
    url = next(value for name, value in options.items() if name.lower() == "url")
    jdbc = jvm.org.apache.spark.sql.execution.datasources.jdbc
    written = jdbc.JdbcOptionsInWrite(jvm.org.apache.spark.api.python.PythonUtils.toScalaMap(given))
    dialect = jvm.org.apache.spark.sql.jdbc.JdbcDialects.get(url)
    connection = dialect.createConnectionFactory(written).apply(-1)
    try:
        yield Database(jvm, connection, dialect, written, url)
    finally:
        connection.close()
