"""Rows for a table of a database, staged beside it in a table of their own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tauro.config.secrets import HIDDEN, redact
from tauro.errors import WindowError, WriteError, bounded
from tauro.io.formats.jdbc import JDBC, connection_options, table_of
from tauro.io.jdbc.columns import fits, paired
from tauro.io.jdbc.database import Database, beside, connected
from tauro.io.jdbc.move import Move, inside, refusal
from tauro.io.jdbc.notes import Notes
from tauro.io.jdbc.pointer import StagePointer, drop, locked
from tauro.io.options import value_of
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import LeftAlone, column_condition, one_line, spark_errors, window_condition
from tauro.model import OutputResult, WriteMode
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


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
    name = f"tauro_stage_{uuid.uuid4().hex[:12]}"
    staged = StagedRows(lambda: session, request, frame.schema, table, name, condition)
    with staged.connected("could not reach the database") as database:
        exists = database.has_table(table)
        if exists and spec.write_mode is WriteMode.ERROR:
            raise refusal(request, table)
        if exists and spec.write_mode is WriteMode.IGNORE:
            return LeftAlone(request)
        if exists:
            staged.check_columns(database)
    try:
        staged.point()
        staged.write(frame)
        staged.check_window()
    except BaseException:
        with suppress(WriteError):  # the note of it stays, for recovery
            staged.discard()
        raise
    return staged


def staged_rows_from(record: Record, session: Callable[[], SparkSession], request: WriteRequest) -> StagedRows:
    """Staged rows from their record; publishing, undoing and discarding them asks the database.

    Args:
        record: what `StagedRows.record` returned, in whatever process.
        session: opens a session, or returns the one that is open.
        request: as it was staged, with the login among its options.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    from pyspark.sql.types import StructType

    schema = StructType.fromJson(json.loads(record["schema"]))
    kind = record["window_type"]
    if kind is not None and request.window is None:
        raise ValueError("the record tells of a window that the request lacks")
    condition = WindowCondition(request.window, kind) if kind is not None and request.window else None
    return StagedRows(session, request, schema, str(record["target"]), str(record["stage"]), condition)


@dataclass(frozen=True, slots=True)
class StagedRows:
    """Rows in a table of their own, to which a note in the table `_tauro` points."""

    session: Callable[[], SparkSession]
    request: WriteRequest
    schema: StructType
    target: str
    name: str
    """The staged table's, without its schema, which is the target's."""
    condition: WindowCondition | None

    @property
    def stage(self) -> str:
        """The staged table."""
        return beside(self.target, self.name)

    @property
    def options(self) -> dict[str, str]:
        """Spark's options, without the table."""
        given = connection_options(self.request.spec)
        return {name: value for name, value in given.items() if name.lower() != "dbtable"}

    @contextmanager
    def connected(self, what: str) -> Iterator[Database]:
        """A connection for as long as the block lasts.

        Args:
            what: what can't be done where the database refuses.

        Raises:
            WriteError: there is no login, or the database refuses.
        """
        url = value_of(self.options.items(), "url")
        if url is None or HIDDEN in url:
            raise self._lacks_login(url)
        try:
            with connected(self.session(), self.options, self.target) as database:
                yield database
        except spark_errors() as error:
            raise self.failure(what, error) from error

    def check_columns(self, database: Database) -> None:
        """Compares the frame's columns with the table's, by name.

        Raises:
            WriteError: naming those that are missing, new, or of another type.
        """
        columns = database.columns(self.target)
        theirs = self._read(self.target).schema
        types = {field.name: field.dataType for field in theirs.fields}
        pairs = paired(self.schema.names, [column.name for column in columns])
        missing = [c.name for c in columns if c.name not in pairs.values() and not c.fills_itself]
        extra = [name for name in self.schema.names if name not in pairs]
        changed = [
            f"{own} is {self.schema[own].dataType.simpleString()}, in the table {types[name].simpleString()}"
            for own, name in pairs.items()
            if not fits(self.schema[own].dataType, types[name])
        ]
        named = (("missing", missing), ("not in the table", extra), ("of another type", changed))
        problems = [f"{what}: {bounded(names)}" for what, names in named if names]
        if problems:
            raise WriteError(
                f"the columns do not match those of {self.target}: {'; '.join(problems)}", where=self.request.where
            )

    def point(self) -> None:
        """Notes in the database what will be staged there, before it is.

        Raises:
            WriteError: the user may make no table there.
        """
        request = self.request
        pointer = StagePointer(
            stage=self.name,
            target=self.target,
            run_id=request.run_id,
            pipeline=request.pipeline,
            node=request.node,
            output=request.output_id,
            home=request.home,
        )
        with self.connected("could not stage rows for") as database:
            notes = Notes(database, self.target)
            notes.make()
            step("jdbc.pointer")
            notes.add(pointer.id, pointer.text())

    def write(self, frame: DataFrame) -> None:
        """The one Spark job.

        Raises:
            WriteError: it failed.
        """
        writer = frame.write.format("jdbc").options(**self.options, dbtable=self.stage)
        step("jdbc.stage")
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
        with self.connected("could not check the rows for") as database:
            where, values = inside(self.condition, self.request.spec.window_column or "", self.schema.names, database)
            outside = database.count(f"SELECT COUNT(*) FROM {self.stage} WHERE NOT COALESCE(({where}), FALSE)", values)
        if outside:
            raise WindowError(
                f"{outside} rows outside the window {self.condition.window}, by {self.request.spec.window_column}",
                where=self.request.where,
                fix="filter the result to the run's window",
            )

    def publish(self) -> OutputResult:
        """Moves the rows into the target and notes that, in one transaction; once that is noted, nothing is done.

        Raises:
            WriteError: the database refused, and the target is as it was; or the rows are staged no more.
        """
        try:
            with self.connected("could not publish") as database:
                pointer = self._move.publish(database)
        except WriteError as error:
            noted = self._noted() if error.__cause__ is not None else None
            if noted is None or not noted.is_published:
                raise
            pointer = noted  # the answer was lost, and not the transaction
        if not pointer.is_published:
            return LeftAlone(self.request).publish()
        return OutputResult(
            self.request.output_id,
            "jdbc",
            table=self.target,
            rows=pointer.rows or 0,
            schema=self.schema.json(),
            is_written=pointer.rows is not None,
        )

    def undo(self) -> bool:
        """True if nothing was published; what a transaction has replaced is gone.

        Raises:
            WriteError: the database can't be reached.
        """
        with self.connected("could not undo what was published to") as database:
            return self._move.undo(database)

    def rows(self) -> DataFrame:
        """The staged rows, read back."""
        return self._read(self.stage)

    def table(self) -> DataFrame:
        """The target's rows that stay, and the staged ones."""
        staged, spec = self.rows(), self.request.spec
        with self.connected("could not look at") as database:
            if spec.replaces_table or not database.has_table(self.target):
                return staged
        there = self._read(self.target)
        pairs = paired(staged.columns, there.columns)
        staged = staged.select([staged[own].alias(name) for own, name in pairs.items()])
        if self.condition is not None:
            (column,) = paired([spec.window_column or ""], there.columns).values()
            there = there.where(f"NOT coalesce({self.condition.sql(column)}, false)")
        return there.unionByName(staged, allowMissingColumns=True)

    def discard(self) -> None:
        """Drops the staged table, then the note that points to it.

        Raises:
            WriteError: the database can't be reached; or somebody still writes to the table or reads it.
        """
        with self.connected(f"could not drop {self.name}, which was staged for") as database:
            drop(database, self.target, self.name)

    def release(self) -> None:
        """Nothing is kept."""

    def record(self) -> Record:
        """The staged table; `staged_rows_from` reads it."""
        return {
            "stage": self.name,
            "target": self.target,
            "schema": self.schema.json(),
            "window_type": self.condition.type_name if self.condition else None,
        }

    @property
    def is_durable(self) -> bool:
        """The rows are in the database."""
        return True

    def failure(self, what: str, error: Exception) -> WriteError:
        """What is raised in place of an error of Spark or of the driver."""
        return WriteError(f"{what} {self.target}: {redact(one_line(error))}", where=self.request.where)

    @property
    def _move(self) -> Move:
        return Move(self.request, self.schema, self.target, self.name, self.condition)

    def _lacks_login(self, url: str | None) -> WriteError:
        return WriteError(
            f"the login of the database {url or 'of ' + self.target} is not known here: it is recorded nowhere",
            where=self.request.where,
            fix=f"run `tauro recover` in the project that has the output {self.request.output_id!r} with its login",
        )

    def _read(self, table: str) -> DataFrame:
        return self.session().read.format("jdbc").options(**self.options, dbtable=table).load()

    def _noted(self) -> StagePointer | None:
        """The note after the connection was lost; None if there is none, or it can't be read."""
        try:
            with self.connected("could not publish") as database, database.transaction():
                return locked(Notes(database, self.target), self.name)
        except WriteError:
            return None
