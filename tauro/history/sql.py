"""A history in an SQL database, whichever it is: the statements that SQLite and PostgreSQL have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tauro.errors import HistoryError
from tauro.history.layout import STEPS, TABLES, Steps
from tauro.history.ports import R
from tauro.history.records import Record, RunQuery, RunRecord

VERSION_TABLE = "tauro_history"


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what databases differ."""

    placeholder: str
    begin: str
    """Begins a transaction that writes."""
    begin_alone: tuple[str, ...]
    """The statements that begin a transaction that only one writer is in at a time."""
    by_key: str
    """What has a new table keep its rows in the order of their key, so that a row is written once, not twice."""
    find_table: str
    """A query for the table named by its one argument; its first value is true if there is one."""
    failure: type[Exception]
    """What the driver raises."""
    explain: Callable[[Exception], HistoryError]
    """Puts what the driver raised in words."""


class SqlStore:
    """A history in a database that is open.

    Args:
        connection: a DB-API connection in autocommit mode, with `execute`.
        dialect: how the database differs from others.
        is_reader: whether to leave a database that holds no history as it is.
        steps: the layout; Tauro's own but in tests.

    Raises:
        HistoryError: the history is a newer Tauro's, or the database can't be used.
    """

    def __init__(
        self,
        connection: Any,  # Any: DB-API has no types
        dialect: Dialect,
        *,
        is_reader: bool,
        steps: Steps = STEPS,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._is_empty = False
        self._is_closed = False
        with self._explained():
            self._bring_up_to_date(steps, is_reader)

    def write(self, records: Sequence[Record]) -> None:
        """Writes the records in one transaction."""
        kinds: dict[type[Record], list[Record]] = {}
        for record in records:
            kinds.setdefault(type(record), []).append(record)
        with self._explained(), self._transaction():
            cursor = self._connection.cursor()
            for kind, rows in kinds.items():
                cursor.executemany(self._upsert(kind), rows)

    def runs(self, query: RunQuery) -> list[RunRecord]:
        """The runs that fit, latest first."""
        terms: list[str] = []
        values: list[object] = []
        for term, value in (
            ("pipeline = ?", query.pipeline),
            ("started_at >= ?", query.since),
            ("started_at < ?", query.until),
        ):
            if value is not None:
                terms.append(term)
                values.append(value)
        if query.statuses:
            terms.append(f"status in ({', '.join('?' * len(query.statuses))})")
            values += query.statuses
        where = f" where {' and '.join(terms)}" if terms else ""
        order = " order by started_at desc, run_id desc"
        if query.limit is not None:
            order += " limit ?"
            values.append(query.limit)
        return self._select(RunRecord, where + order, values)

    def run_ids(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, latest first."""
        text = "select run_id from tauro_runs where substr(run_id, 1, ?) = ? order by started_at desc, run_id desc"
        return [row[0] for row in self._query(text, (len(prefix), prefix))]

    def records(self, kind: type[R], run_id: str) -> list[R]:
        """All records of one kind that a run has."""
        return self._select(kind, " where run_id = ?", (run_id,))

    def remove(self, run_ids: Sequence[str]) -> None:
        """Removes every record of these runs."""
        if not run_ids or self._is_empty:
            return
        with self._explained(), self._transaction():
            cursor = self._connection.cursor()
            for table in TABLES.values():
                cursor.executemany(self._sql(f"delete from {table.name} where run_id = ?"), [(one,) for one in run_ids])

    def close(self) -> None:
        """Closes the connection."""
        if not self._is_closed:
            self._is_closed = True
            with suppress(self._dialect.failure):
                self._connection.close()

    def _bring_up_to_date(self, steps: Steps, is_reader: bool) -> None:
        version = self._version()
        if version == 0 and is_reader:
            self._is_empty = True
            return
        if version < len(steps):
            with self._transaction(is_alone=True):
                version = self._version()  # another process may have been at it
                for step in steps[version:]:
                    for statement in step:
                        self._connection.execute(statement.replace("{by_key}", self._dialect.by_key))
                if version == 0:
                    self._connection.execute(f"create table {VERSION_TABLE} (version integer not null)")
                    self._connection.execute(f"insert into {VERSION_TABLE} values (0)")
                self._connection.execute(f"update {VERSION_TABLE} set version = {max(version, len(steps))}")
        if version > len(steps):
            raise HistoryError(
                f"the history was made by a newer Tauro (version {version}, this one knows {len(steps)})",
                is_final=True,
                fix="upgrade Tauro, or name another history in global_settings",
            )

    def _version(self) -> int:
        found = self._connection.execute(self._sql(self._dialect.find_table), (VERSION_TABLE,)).fetchone()
        if not found or not found[0]:
            return 0
        return int(self._connection.execute(f"select version from {VERSION_TABLE}").fetchone()[0])

    def _select(self, kind: type[R], rest: str, values: Sequence[object]) -> list[R]:
        text = f"select {', '.join(kind._fields)} from {TABLES[kind].name}{rest}"
        return [kind(*row) for row in self._query(text, values)]

    def _query(self, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:  # Any: whatever columns hold
        if self._is_empty:
            return []
        with self._explained():
            rows: list[tuple[Any, ...]] = self._connection.execute(self._sql(text), tuple(values)).fetchall()
            return rows

    def _upsert(self, kind: type[Record]) -> str:
        table = TABLES[kind]
        fields = kind._fields
        changed = [name for name in fields if name not in (*table.key, *table.kept)]
        update = f"update set {', '.join(f'{name} = excluded.{name}' for name in changed)}" if changed else "nothing"
        unless = f" where not ({table.unless})" if table.unless else ""
        return self._sql(
            f"insert into {table.name} ({', '.join(fields)}) values ({', '.join('?' * len(fields))}) "
            f"on conflict ({', '.join(table.key)}) do {update}{unless}"
        )

    def _sql(self, text: str) -> str:
        return text.replace("?", self._dialect.placeholder)

    @contextmanager
    def _transaction(self, *, is_alone: bool = False) -> Iterator[None]:
        for statement in self._dialect.begin_alone if is_alone else (self._dialect.begin,):
            self._connection.execute(statement)
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            with suppress(self._dialect.failure):
                self._connection.execute("rollback")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._dialect.failure as error:
            raise self._dialect.explain(error) from error
