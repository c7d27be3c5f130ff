"""The table `_tauro` of a database, in which Tauro keeps what has to lie beside the data: texts by their ids."""

from __future__ import annotations

from tauro.io.jdbc.database import Database, beside
from tauro.storage.steps import step

NOTES = "_tauro"
"""The table's name."""
LOCK_TIMEOUT_S = 20
"""How long the change of a note, which takes milliseconds, may keep others waiting: longer than `IDLE_TIMEOUT_S`."""


class Notes:
    """The notes in the schema of a table; all that it does is done in the transaction that is under way, if one is.

    Args:
        database: a connection.
        table: the table beside which they lie, as the user writes it.
    """

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._name = beside(table, database.quoted(NOTES))
        self._id, self._body, self._turn = (database.quoted(name) for name in ("id", "body", "turn"))

    @property
    def is_there(self) -> bool:
        """Whether the table has been made."""
        return self._database.has_table(self._name)

    def make(self) -> None:
        """Makes the table if there is none, outside a transaction; any number of processes may do so at once.

        Raises:
            py4j.protocol.Py4JJavaError: the user may not make tables there.
        """
        from py4j.protocol import Py4JJavaError

        if self.is_there:
            return
        step("jdbc.notes")
        try:
            self._database.run(self.statement)
        except Py4JJavaError:
            if not self.is_there:  # else another process was faster
                raise

    @property
    def statement(self) -> str:
        """What makes the table."""
        return (
            f"CREATE TABLE {self._name} ({self._id} VARCHAR(255) NOT NULL PRIMARY KEY, "
            f"{self._turn} INTEGER NOT NULL, {self._body} {self._database.long_text})"
        )

    def get(self, id: str) -> str | None:
        """A note's text; None if there is no such note."""
        found = self._database.texts(f"SELECT {self._body} FROM {self._name} WHERE {self._id} = ?", [id])
        return found[0][0] if found else None

    def starting_with(self, prefix: str) -> dict[str, str]:
        """The notes whose ids start so; `prefix` holds none of `%`, `_`."""
        found = self._database.texts(
            f"SELECT {self._id}, {self._body} FROM {self._name} WHERE {self._id} LIKE ?", [f"{prefix}%"]
        )
        return dict((id, body) for id, body in found)  # noqa: C402 - says how many columns there are

    def lock(self, id: str, *, timeout_s: int = 0) -> bool:
        """Keeps everybody else from changing a note until the transaction ends; False if there is no such note.

        Args:
            id: the note's.
            timeout_s: how long to wait for others; 0 for as long as they take.
        """
        sql = f"UPDATE {self._name} SET {self._turn} = 1 - {self._turn} WHERE {self._id} = ?"
        return self._database.run(sql, [id], timeout_s=timeout_s) > 0

    def add(self, id: str, body: str) -> None:
        """Adds a note.

        Raises:
            py4j.protocol.Py4JJavaError: there is one of this id.
        """
        sql = f"INSERT INTO {self._name} ({self._id}, {self._turn}, {self._body}) VALUES (?, 0, ?)"
        self._database.run(sql, [id, body])

    def put(self, id: str, body: str) -> None:
        """Replaces a note's text."""
        self._database.run(f"UPDATE {self._name} SET {self._body} = ? WHERE {self._id} = ?", [body, id])

    def drop(self, id: str) -> None:
        """Drops a note; that it is gone already changes nothing."""
        sql = f"DELETE FROM {self._name} WHERE {self._id} = ?"
        self._database.run(sql, [id], timeout_s=LOCK_TIMEOUT_S)
