"""The transaction of a database that moves staged rows into their target."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loguru import logger

from tauro.errors import WriteError
from tauro.io.jdbc.columns import cast, paired
from tauro.io.jdbc.database import Database, Instant, Value, beside
from tauro.io.jdbc.notes import Notes
from tauro.io.jdbc.pointer import StagePointer, locked
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition
from tauro.model import OverwriteScope, WriteMode
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

APPENDED = "append "
"""What the ids of notes begin with that tell of an append without a window, so that none is done twice."""
OLDER_APPENDS = "tauro_appends"
"""The table in which earlier versions noted them."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is moved, for whom, from where to where."""

    request: WriteRequest
    schema: StructType
    """The staged rows'."""
    target: str
    name: str
    """The staged table's, without its schema, which is the target's."""
    condition: WindowCondition | None
    """The window that the rows replace; None if they replace none."""

    def publish(self, database: Database) -> StagePointer:
        """Moves the rows into the target and notes that; once that is noted, nothing is done.

        Returns:
            The pointer as it is afterwards, not published if the target is left alone.

        Raises:
            WriteError: the rows are staged no more, or the mode refuses the target.
            py4j.protocol.Py4JJavaError: the database refused, and the target is as it was; or its answer was lost.
        """
        spec = self.request.spec
        notes = Notes(database, self.target)
        with database.transaction():
            pointer = locked(notes, self.name)
            if pointer is not None and pointer.is_published:
                return pointer
            if pointer is None or not database.has_table(self._stage):
                raise WriteError(
                    f"what was staged for {self.target} is there no more",
                    where=self.request.where,
                    fix="run it again; nothing of it was published",
                )
            exists = database.has_table(self.target)
            if exists and not pointer.is_target_ours:
                if spec.write_mode is WriteMode.ERROR:
                    raise refusal(self.request, self.target)
                if spec.write_mode is WriteMode.IGNORE:
                    return pointer
            if not exists:
                # noted first, as some databases commit with every table that is made
                pointer = pointer.model_copy(update={"is_target_ours": True})
                notes.put(pointer.id, pointer.text())
                step("jdbc.create")
                database.create(self.target, self.schema)
                locked(notes, self.name)
            step("jdbc.move")
            rows = self._insert(database)
            pointer = pointer.model_copy(update={"is_published": True, "rows": rows})
            notes.put(pointer.id, pointer.text())
            step("jdbc.publish")
        return pointer

    def undo(self, database: Database) -> bool:
        """Drops a target that was made for rows which never came; False if they did, as what they replaced is gone.

        Raises:
            py4j.protocol.Py4JJavaError: the database refused, or the connection was lost.
        """
        with database.transaction():
            pointer = locked(Notes(database, self.target), self.name)
            if pointer is None or pointer.is_published:
                return pointer is None
            is_made = pointer.is_target_ours and database.has_table(self.target)
            if is_made and not database.count(f"SELECT COUNT(*) FROM {self.target}"):
                step("jdbc.undo")
                database.run(f"DROP TABLE {self.target}")
            return True

    @property
    def _stage(self) -> str:
        return beside(self.target, self.name)

    def _insert(self, database: Database) -> int | None:
        """Makes room and inserts the rows; how many there are, or None where they were in already."""
        columns = database.columns(self.target)
        pairs = paired(self.schema.names, [column.name for column in columns])
        spec = self.request.spec
        if self.condition is not None:
            names = [column.name for column in columns]
            where, values = inside(self.condition, spec.window_column or "", names, database)
            database.run(f"DELETE FROM {self.target} WHERE {where}", values)
        elif spec.write_mode is WriteMode.APPEND:
            if not self._note_append(database):
                logger.warning("{}: run {} appended before; nothing is added", self.request.where, self.request.run_id)
                return None
        elif spec.overwrite_scope is OverwriteScope.TABLE:
            database.run(f"DELETE FROM {self.target}")
        types = {column.name: column.type_name for column in columns}
        staged = {column.name: column.type_name for column in database.columns(self._stage)}
        into = ", ".join(database.quoted(name) for name in pairs.values())
        values_of = ", ".join(
            cast(database.quoted(own), self.schema[own].dataType, staged.get(own), types[name])
            for own, name in pairs.items()
        )
        return database.run(f"INSERT INTO {self.target} ({into}) SELECT {values_of} FROM {self._stage}")

    def _note_append(self, database: Database) -> bool:
        """Notes that this run appends; False if it has before."""
        request = self.request
        parts = (self.target, request.pipeline or "", request.node, request.output_id, request.run_id)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        notes, older = Notes(database, self.target), beside(self.target, OLDER_APPENDS)
        if notes.get(f"{APPENDED}{key}") is not None:
            return False
        if database.has_table(older) and database.count(f"SELECT COUNT(*) FROM {older} WHERE id = ?", [key]):
            return False
        about = {"target": self.target, "run_id": request.run_id, "added": datetime.now(UTC).isoformat()}
        notes.add(f"{APPENDED}{key}", json.dumps(about))
        return True


def inside(
    condition: WindowCondition, column: str, names: Sequence[str], database: Database
) -> tuple[str, list[Value]]:
    """A window as a condition that the database understands, with its values.

    Args:
        condition: the window.
        column: the window's column, as the user writes it.
        names: the table's columns.
        database: where the table is.
    """
    name = database.quoted(next(iter(paired([column], names).values())))
    lower, upper = condition.bounds()
    values: list[Value] = [lower, upper]
    if condition.type_name == "timestamp":
        values = [Instant(condition.window.lower), Instant(condition.window.upper)]
    return f"{name} >= ? AND {name} < ?", values


def refusal(request: WriteRequest, table: str) -> WriteError:
    """What is raised where `write_mode: error` meets a table."""
    return WriteError(
        f"the table {table} exists already, and write_mode is error",
        where=request.where,
        fix="drop the table, or choose another write_mode",
    )
