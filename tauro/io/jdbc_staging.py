"""JDBC outputs: written to a table of their own, then moved into the target in one transaction."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loguru import logger

from tauro.errors import WindowError, WriteError, bounded
from tauro.io.columns import same_type
from tauro.io.database import Database, Instant, Value, connected
from tauro.io.formats.jdbc import JDBC, connection_options, table_of
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import LeftAlone, column_condition, one_line, spark_errors, window_condition
from tauro.model import OutputResult, OverwriteScope, WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

APPENDS = "tauro_appends"
"""The table in which appends without a window are noted, so that none is done twice."""
_WHOLE = {"byte": 0, "short": 1, "integer": 2, "long": 3}
_DIGITS = {"byte": 3, "short": 5, "integer": 10, "long": 19}


def stage_jdbc(session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
    """Writes `frame` to a new table beside the target, and checks it there.

    Raises:
        WriteError: the columns do not fit, the mode refuses what is there, or the write failed; nothing is left behind.
        WindowError: rows lie outside the window, or the run has none.
    """
    spec = request.spec
    table = table_of(spec) or ""
    condition = window_condition(request, frame.schema)
    if spec.write_mode is WriteMode.APPEND and spec.window_column and request.window:
        condition = column_condition(request, frame.schema, request.window)
    if condition is not None and condition.type_name == "string":
        raise WriteError(
            f"window_column {spec.window_column!r} is text, which databases sort each in their own way",
            where=request.where,
            fix="turn it into a date or timestamp",
        )
    JDBC.check_schema(frame.schema, spec)
    schema, _, _ = table.rpartition(".")
    name = f"{schema}{'.' if schema else ''}tauro_stage_{uuid.uuid4().hex[:12]}"
    staged = StagedRows(session, request, frame, table, name, condition)
    try:
        with connected(session, staged.options, table) as database:
            exists = database.has_table(table)
            if exists and spec.write_mode is WriteMode.ERROR:
                raise _refusal(request, table)
            if exists and spec.write_mode is WriteMode.IGNORE:
                return LeftAlone(request)
            if exists:
                staged.check_columns(database)
    except spark_errors() as error:
        raise staged.failure("could not reach the database", error) from error
    try:
        staged.write()
        staged.check_window()
    except BaseException:
        staged.discard()
        raise
    return staged


@dataclass(slots=True)
class StagedRows:
    """Rows in a table of their own."""

    session: SparkSession
    request: WriteRequest
    frame: DataFrame
    target: str
    stage: str
    condition: WindowCondition | None
    is_open: bool = True

    @property
    def options(self) -> dict[str, str]:
        """Spark's options, without the table."""
        given = connection_options(self.request.spec)
        return {name: value for name, value in given.items() if name.lower() != "dbtable"}

    def check_columns(self, database: Database) -> None:
        """Compares the frame's columns with the table's, by name.

        Raises:
            WriteError: naming those that are missing, new, or of another type.
        """
        columns = database.columns(self.target)
        theirs = self._read(self.target).schema
        types = {field.name: field.dataType for field in theirs.fields}
        pairs = _pairs(self.frame.columns, [column.name for column in columns])
        missing = [c.name for c in columns if c.name not in pairs.values() and not c.fills_itself]
        extra = [name for name in self.frame.columns if name not in pairs]
        changed = [
            f"{own} is {self.frame.schema[own].dataType.simpleString()}, in the table {types[name].simpleString()}"
            for own, name in pairs.items()
            if not _fits(self.frame.schema[own].dataType, types[name])
        ]
        named = (("missing", missing), ("not in the table", extra), ("of another type", changed))
        problems = [f"{what}: {bounded(names)}" for what, names in named if names]
        if problems:
            raise WriteError(
                f"the columns do not match those of {self.target}: {'; '.join(problems)}", where=self.request.where
            )

    def write(self) -> None:
        """The one Spark job.

        Raises:
            WriteError: it failed.
        """
        writer = self.frame.write.format("jdbc").options(**self.options, dbtable=self.stage)
        try:
            writer.mode("errorifexists").save()
        except spark_errors() as error:
            raise self.failure("could not write", error) from error

    def check_window(self) -> None:
        """Refuses rows outside the window, asked of the database.

        Raises:
            WindowError: saying how many there are.
        """
        if self.condition is None:
            return
        with connected(self.session, self.options, self.stage) as database:
            where, values = self._where(database, self.frame.columns)
            outside = database.count(f"SELECT COUNT(*) FROM {self.stage} WHERE NOT COALESCE(({where}), FALSE)", values)
        if outside:
            raise WindowError(
                f"{outside} rows outside the window {self.condition.window}, by {self.request.spec.window_column}",
                where=self.request.where,
                fix="filter the result to the run's window",
            )

    def publish(self) -> OutputResult:
        """Moves the rows into the target, in one transaction.

        Raises:
            WriteError: the database refused; the target is as it was.
        """
        spec = self.request.spec
        try:
            with connected(self.session, self.options, self.target) as database, database.transaction():
                exists = database.has_table(self.target)
                if exists and spec.write_mode is WriteMode.ERROR:
                    raise _refusal(self.request, self.target)
                if exists and spec.write_mode is WriteMode.IGNORE:
                    return LeftAlone(self.request).publish()
                if not exists:
                    # the schema as the JVM has it, which Spark's own code takes
                    database.create(self.target, self.frame._jdf.schema())
                rows = self._move(database)
        except spark_errors() as error:
            raise self.failure("could not publish", error) from error
        finally:
            self.discard()
        return OutputResult(
            self.request.output_id,
            "jdbc",
            table=self.target,
            rows=rows or 0,
            schema=self.frame.schema.json(),
            is_written=rows is not None,
        )

    def undo(self) -> bool:
        """Never: what a transaction has replaced is gone."""
        return False

    def rows(self) -> DataFrame:
        """The staged rows, read back."""
        return self._read(self.stage)

    def table(self) -> DataFrame:
        """The target's rows that stay, and the staged ones."""
        staged, spec = self.rows(), self.request.spec
        with connected(self.session, self.options, self.target) as database:
            if spec.replaces_table or not database.has_table(self.target):
                return staged
        there = self._read(self.target)
        pairs = _pairs(staged.columns, there.columns)
        staged = staged.select([staged[own].alias(name) for own, name in pairs.items()])
        if self.condition is not None:
            (column,) = _pairs([spec.window_column or ""], there.columns).values()
            there = there.where(f"NOT coalesce({self.condition.sql(column)}, false)")
        return there.unionByName(staged, allowMissingColumns=True)

    def discard(self) -> None:
        """Drops the staged table."""
        if not self.is_open:
            return
        self.is_open = False
        with connected(self.session, self.options, self.stage) as database:
            if database.has_table(self.stage):
                database.run(f"DROP TABLE {self.stage}")

    def release(self) -> None:
        """Nothing is kept."""

    def record(self) -> Record | None:
        """Not told yet."""
        return None

    @property
    def is_durable(self) -> bool:
        """Not told yet."""
        return False

    def failure(self, what: str, error: Exception) -> WriteError:
        """What is raised in place of an error of Spark or of the driver."""
        return WriteError(f"{what} {self.target}: {one_line(error)}", where=self.request.where)

    def _read(self, table: str) -> DataFrame:
        return self.session.read.format("jdbc").options(**self.options, dbtable=table).load()

    def _move(self, database: Database) -> int | None:
        """The statements of the transaction; the rows inserted, or None where they were in already."""
        columns = database.columns(self.target)
        pairs = _pairs(self.frame.columns, [column.name for column in columns])
        spec = self.request.spec
        if self.condition is not None:
            where, values = self._where(database, [column.name for column in columns])
            database.run(f"DELETE FROM {self.target} WHERE {where}", values)
        elif spec.write_mode is WriteMode.APPEND:
            if not self._note_append(database):
                logger.warning("{}: run {} appended before; nothing is added", self.request.where, self.request.run_id)
                return None
        elif spec.overwrite_scope is OverwriteScope.TABLE:
            database.run(f"DELETE FROM {self.target}")
        types = {column.name: column.type_name for column in columns}
        staged = {column.name: column.type_name for column in database.columns(self.stage)}
        into = ", ".join(database.quoted(name) for name in pairs.values())
        values_of = ", ".join(
            _cast(database.quoted(own), self.frame.schema[own].dataType, staged.get(own), types[name])
            for own, name in pairs.items()
        )
        return database.run(f"INSERT INTO {self.target} ({into}) SELECT {values_of} FROM {self.stage}")

    def _note_append(self, database: Database) -> bool:
        """Notes that this run appends; False if it has before."""
        schema, _, _ = self.target.rpartition(".")
        notes = f"{schema}{'.' if schema else ''}{APPENDS}"
        if not database.has_table(notes):
            database.run(
                f"CREATE TABLE {notes} (id CHAR(64) PRIMARY KEY, target VARCHAR(255), run_id VARCHAR(255), "
                "added TIMESTAMP)"
            )
        request = self.request
        parts = (self.target, request.pipeline or "", request.node, request.output_id, request.run_id)
        id = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if database.count(f"SELECT COUNT(*) FROM {notes} WHERE id = ?", [id]):
            return False
        values = [id, self.target[:255], request.run_id[:255]]
        database.run(f"INSERT INTO {notes} (id, target, run_id, added) VALUES (?, ?, ?, CURRENT_TIMESTAMP)", values)
        return True

    def _where(self, database: Database, names: Sequence[str]) -> tuple[str, list[Value]]:
        """The window as a condition with its values."""
        assert self.condition is not None  # asked for windows only
        pairs = _pairs([self.request.spec.window_column or ""], names)
        column = database.quoted(next(iter(pairs.values())))
        lower, upper = self.condition.bounds()
        values: list[Value] = [lower, upper]
        if self.condition.type_name == "timestamp":
            values = [Instant(self.condition.window.lower), Instant(self.condition.window.upper)]
        return f"{column} >= ? AND {column} < ?", values


def _pairs(ours: Sequence[str], theirs: Sequence[str]) -> dict[str, str]:
    """Our columns and the table's that they mean: of the same name, or else of the same but for its case."""
    lower = {name.lower(): name for name in reversed(theirs)}
    found = {name: name if name in theirs else lower.get(name.lower()) for name in ours}
    return {name: other for name, other in found.items() if other is not None}


def _fits(ours: DataType, theirs: DataType) -> bool:
    """Whether every value of one Spark type is one of another: the same, or a wider number or time."""
    from pyspark.sql.types import DecimalType

    if same_type(ours, theirs):
        return True
    one, other = ours.typeName(), theirs.typeName()
    if one in _WHOLE and other in _WHOLE:
        return _WHOLE[one] <= _WHOLE[other]
    if isinstance(theirs, DecimalType):
        if isinstance(ours, DecimalType):
            return ours.scale <= theirs.scale and ours.precision - ours.scale <= theirs.precision - theirs.scale
        return one in _DIGITS and _DIGITS[one] <= theirs.precision - theirs.scale
    return (one, other) in {
        ("float", "double"),
        ("timestamp", "timestamp_ntz"),
        ("timestamp_ntz", "timestamp"),
    }


def _cast(column: str, data_type: DataType, staged: str | None, target: str) -> str:
    """The staged column as the target takes it: text for a type of the database's own, such as `jsonb`, is cast."""
    is_text = data_type.typeName() == "string"
    return (
        f"CAST({column} AS {target})"
        if is_text and target in ("json", "jsonb", "uuid") and staged != target
        else column
    )


def _refusal(request: WriteRequest, table: str) -> WriteError:
    return WriteError(
        f"the table {table} exists already, and write_mode is error",
        where=request.where,
        fix="drop the table, or choose another write_mode",
    )
