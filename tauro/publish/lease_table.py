"""The note in a database in which the holders of one of its tables stand: changed in transactions that lock it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from threading import get_ident
from typing import TYPE_CHECKING

from tauro.config.secrets import HIDDEN, redact
from tauro.errors import SessionError
from tauro.io.formats.jdbc import sql_state
from tauro.io.jdbc.database import Database, beside, connected, last_part
from tauro.io.jdbc.notes import LOCK_TIMEOUT_S, NOTES, Notes
from tauro.io.jdbc.pointer import drop, stages_beside
from tauro.io.options import value_of
from tauro.io.writing import one_line, spark_errors
from tauro.publish.holder import Holder, LeaseDocument, read_lease
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HELD = "lease "
"""What the ids of these notes begin with; the table's name follows, without its schema, in lower case."""
_LONGEST = 180
_IS_THERE, _COLLISION = "23", "40"
"""Classes of SQL states: another process has added the row; or has changed it so that the transaction can't go on."""


class LeaseTable:
    """The lease of a database's table, in the table `_tauro` of its schema.

    Args:
        session: opens a session that has the driver, or returns the one that is open; asked when it is needed.
        options: Spark's JDBC options, with the login; what they say of a table does not count.
        table: the table, as the user writes it.
        output: the id of the output that the table is, by which its options are found again.
        location: the output's.
    """

    def __init__(
        self,
        session: Callable[[], SparkSession],
        options: Mapping[str, str],
        table: str,
        *,
        output: str = "",
        location: str = "",
    ) -> None:
        self._session = session
        self._options = {name: value for name, value in options.items() if name.lower() != "dbtable"}
        self._table = table
        self._output = output
        self._location = location
        self._inside: dict[int, Notes] = {}  # thread -> its transaction

    @property
    def name(self) -> str:
        """The database and the table, in one spelling."""
        return f"{self._url}#{_plain(self._table)}"

    @property
    def home(self) -> str:
        """The table in which it stands."""
        return f"the table {beside(self._table, NOTES)} of {self._url}"

    @property
    def address(self) -> dict[str, str]:
        """Where it is, and the output whose options have the login."""
        return {"url": self._url, "table": self._table, "output": self._output, "location": self._location}

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keeps everybody else from changing it, by a lock in a transaction, for as long as the block lasts.

        Raises:
            TimeoutError: somebody else is at it for too long.
            OSError: the database can't be reached, or refuses.
        """
        with self._connected() as database:
            notes = Notes(database, self._table)
            notes.make()
            with self._locked(database, notes):
                self._inside[get_ident()] = notes
                try:
                    yield
                finally:
                    del self._inside[get_ident()]
                step("lease.commit")

    def holders(self) -> tuple[Holder, ...]:
        """Those who hold it; nobody if there is no note.

        Raises:
            ValueError: what is there is no lease.
            OSError: the database can't be reached, or refuses.
        """
        inside = self._inside.get(get_ident())
        if inside is not None:
            with self._failures():
                text = inside.get(self._id)
        else:
            with self._connected() as database:
                notes = Notes(database, self._table)
                text = notes.get(self._id) if notes.is_there else None
        return read_lease(text) if text is not None else ()

    def put(self, holders: Sequence[Holder]) -> None:
        """Replaces what is there, inside `changing`; without holders no note is left.

        Raises:
            OSError: the database refuses.
        """
        notes = self._inside[get_ident()]
        document = LeaseDocument(holders=tuple(holders)).model_dump(mode="json", exclude_none=True)
        with self._failures():
            if holders:
                notes.put(self._id, json.dumps(document))  # ASCII, which every database takes
            else:
                notes.drop(self._id)

    def tidy(self) -> None:
        """Nothing: the table `_tauro` stays, also when it is empty."""

    def sweep(self, run_id: str) -> None:
        """Drops the tables in which a run that has ended has staged rows, whatever their targets in this schema.

        Raises:
            OSError: the database can't be reached; or somebody still writes to one of them or reads it.
        """
        with self._connected() as database:
            for pointer in stages_beside(database, self._table):
                if pointer.run_id == run_id:
                    drop(database, self._table, pointer.stage)

    @property
    def _url(self) -> str:
        return redact(value_of(self._options.items(), "url") or "")

    @property
    def _id(self) -> str:
        name = _plain(last_part(self._table))
        short = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{sha256(name.encode()).hexdigest()[:16]}"
        return f"{HELD}{short}"

    @contextmanager
    def _connected(self) -> Iterator[Database]:
        url = value_of(self._options.items(), "url")
        if url is None or HIDDEN in url:
            raise ConnectionError(f"the login of the database of {self._table} (output {self._output!r}) is not known")
        try:
            session = self._session()
        except SessionError as error:
            raise ConnectionError(f"{self.home}: no session to reach it with: {error}") from error
        with self._failures(), connected(session, self._options, self._table) as database:
            yield database

    @contextmanager
    def _failures(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except spark_errors() as error:
            message = f"{self.home}: {redact(one_line(error))}"
            if time.monotonic() - began >= LOCK_TIMEOUT_S:
                raise TimeoutError(message) from error
            raise OSError(message) from error

    def _locked(self, database: Database, notes: Notes) -> ExitStack:
        """A transaction that has the lock; the note is made if it is not there."""
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            self._add(notes)
            try:
                with ExitStack() as stack:
                    stack.enter_context(database.transaction())
                    if notes.lock(self._id, timeout_s=LOCK_TIMEOUT_S):
                        return stack.pop_all()
            except spark_errors() as error:
                if _state_class(error) != _COLLISION or time.monotonic() >= deadline:
                    raise
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{self.home}: others change the lease of {self._table} all the time")

    def _add(self, notes: Notes) -> None:
        if notes.get(self._id) is not None:
            return
        try:
            notes.add(self._id, "{}")
        except spark_errors() as error:
            if _state_class(error) != _IS_THERE:
                raise


def _plain(name: str) -> str:
    """A table's name in lower case and without quotes.

    Tables whose names differ in case alone share a lease: whether they are one table, each database says otherwise.
    """
    return "".join(mark for mark in name if mark not in '"`[]').lower()


def _state_class(error: Exception) -> str:
    return (sql_state(error) or "")[:2]
