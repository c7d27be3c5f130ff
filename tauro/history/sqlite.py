"""The history in a file: SQLite, which needs no set-up."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from loguru import logger

from tauro.errors import HistoryError
from tauro.history.layout import STEPS, Steps
from tauro.history.records import Record
from tauro.history.sql import Dialect, SqlStore

BUSY_TIMEOUT_S = 3.0
"""How long a write waits for another process's; the recorder tries again later."""
_SUFFIXES = (".db", ".sqlite", ".sqlite3")
"""A file that is named otherwise, and is no database, may be anything: it is not touched."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _explain(error: Exception) -> HistoryError:
    code = _code(error)
    if code in _DAMAGED:
        return HistoryError(
            f"it is damaged: {error}", fix="nothing to do: the next run sets it aside and begins a new one"
        )
    return HistoryError(str(error), is_final=code == sqlite3.SQLITE_READONLY)


DIALECT = Dialect(
    placeholder="?",
    begin="begin immediate",
    begin_alone=("begin immediate",),
    by_key="without rowid",
    find_table="select count(*) from sqlite_master where name = ?",
    failure=sqlite3.Error,
    explain=_explain,
)


class SqliteStore(SqlStore):
    """A history in one file, which any number of processes of one machine may share.

    A writer sets a damaged file aside, as `history.db.corrupt-<time>`, and begins a new one.

    Args:
        url: `sqlite:` and an absolute path.
        is_reader: see `OpensHistory`.
        steps: the layout; Tauro's own but in tests.
    """

    def __init__(self, url: str, *, is_reader: bool, steps: Steps = STEPS) -> None:
        self._path = Path(url.removeprefix("sqlite:"))
        try:
            connect = _connect_reader if is_reader else _connect_writer
            connection = connect(self._path)
        except sqlite3.Error as error:
            raise _explain(error) from error
        except OSError as error:
            raise HistoryError(f"{error.strerror or error}", is_final=True) from error
        self._file = _identity(self._path)
        try:
            super().__init__(connection, DIALECT, is_reader=is_reader, steps=steps)
        except BaseException:
            connection.close()
            raise

    def write(self, records: Sequence[Record]) -> None:
        """Writes the records in one transaction.

        Raises:
            HistoryError: it can't; the next store that is opened is a new one if the file is damaged.
        """
        try:
            super().write(records)
        except HistoryError as error:
            if not isinstance(error.__cause__, sqlite3.Error) or _code(error.__cause__) not in _DAMAGED:
                raise
            self.close()
            if _identity(self._path) != self._file:
                raise
            there = _set_aside(self._path)
            raise HistoryError(f"it was damaged, and is now {there.name}; a new one is begun") from error.__cause__

    def remove(self, run_ids: Sequence[str]) -> None:
        """Removes every record of these runs, and makes the file smaller unless somebody else is using it."""
        super().remove(run_ids)
        if run_ids:
            with suppress(sqlite3.OperationalError):
                self._connection.execute("vacuum")


def _connect_writer(path: Path) -> sqlite3.Connection:
    _make_folder(path.parent)
    try:
        return _opened(path)
    except sqlite3.DatabaseError as error:
        if _code(error) not in _DAMAGED or path.suffix not in _SUFFIXES:
            raise
        there = _set_aside(path)
        logger.warning("history: {} was damaged ({}), and is now {}; a new one is begun", path, error, there.name)
    return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("select count(*) from sqlite_master").fetchone()
        with suppress(sqlite3.OperationalError):  # locked: another process is about to do the same
            connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    if not path.exists():
        return sqlite3.connect(":memory:", isolation_level=None)
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, isolation_level=None)  # a read-only folder
    except BaseException:
        connection.close()
        raise
    return connection


def _make_folder(folder: Path) -> None:
    """The folder of the file; what lies in `.tauro` is nothing to keep under version control."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if folder.name == ".tauro" and not ignore.exists():
        ignore.write_text("*\n")


def _set_aside(path: Path) -> Path:
    """Gives a damaged file, and what SQLite keeps beside it, another name."""
    there = path.with_name(f"{path.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    path.rename(there)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{there}{suffix}")
    return there


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _code(error: BaseException) -> int:
    """SQLite's primary result code; 0 where Python's own layer raised."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
