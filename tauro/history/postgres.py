"""The history in PostgreSQL, where many machines share it."""

from __future__ import annotations

import psycopg

from tauro.errors import HistoryError
from tauro.history.layout import STEPS, Steps
from tauro.history.sql import Dialect, SqlStore

CONNECT_TIMEOUT_S = 4
"""Shorter than a run waits at its end for what is still to be written."""
_STATEMENT_TIMEOUT_MS = 10_000
_LOCK = 7_105_811_487
"""The advisory lock of those who change the tables' layout; any number, the same in every release."""

# to_regclass would do, but once it has found nothing it does not see what another process made meanwhile.
_FIND_TABLE = """select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relname = %s and n.nspname = any(current_schemas(false))"""


def _explain(error: Exception) -> HistoryError:
    return HistoryError(str(error).strip(), is_final=isinstance(error, psycopg.ProgrammingError))


DIALECT = Dialect(
    placeholder="%s",
    begin="begin",
    begin_alone=("begin", f"select pg_advisory_xact_lock({_LOCK})"),
    by_key="",
    find_table=_FIND_TABLE,
    failure=psycopg.Error,
    explain=_explain,
)


class PostgresStore(SqlStore):
    """A history in a database, in the schema that comes first on the connection's search path.

    Args:
        url: `postgresql://user:password@host:port/database`, with any parameters of libpq.
        is_reader: see `OpensHistory`.
        steps: the layout; Tauro's own but in tests.
    """

    def __init__(self, url: str, *, is_reader: bool, steps: Steps = STEPS) -> None:
        try:
            asked = psycopg.conninfo.conninfo_to_dict(url)
            missing = {
                name: value
                for name, value in (("connect_timeout", CONNECT_TIMEOUT_S), ("application_name", "tauro"))
                if name not in asked
            }
            connection = psycopg.connect(psycopg.conninfo.make_conninfo(url, **missing), autocommit=True)
        except psycopg.Error as error:
            raise _explain(error) from error
        try:
            connection.execute(f"set statement_timeout = {_STATEMENT_TIMEOUT_MS}")
            super().__init__(connection, DIALECT, is_reader=is_reader, steps=steps)
        except psycopg.Error as error:
            connection.close()
            raise _explain(error) from error
        except BaseException:
            connection.close()
            raise
