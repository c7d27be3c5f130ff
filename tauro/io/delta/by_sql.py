"""What Delta does beside reading and writing, asked for in SQL: every kind of session takes that, on any storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from tauro.io.formats.base import condition_of
from tauro.io.windows import quoted
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

_MISSING = frozenset(
    {
        "DELTA_MISSING_DELTA_TABLE",
        "DELTA_PATH_DOES_NOT_EXIST",
        "DELTA_TABLE_NOT_FOUND",
        "DELTA_TABLE_ONLY_OPERATION",
        "PATH_NOT_FOUND",
    }
)
"""What Delta says of a path where no table is."""
_NOTE = "spark.databricks.delta.commitInfo.userMetadata"
_merging = Lock()
"""Held while a session bears the note of one merge: writes have options of their own, which win over it."""


def is_table(session: SparkSession, path: str) -> bool:
    """Whether a Delta table is there."""
    from pyspark.errors import AnalysisException

    try:
        session.sql(f"DESCRIBE HISTORY {_table(path)} LIMIT 1").collect()
    except AnalysisException as error:
        if condition_of(error) in _MISSING:
            return False
        raise
    return True


def history(session: SparkSession, path: str, after: int = -1, newest: int | None = None) -> list[Row]:
    """The commits after a version, or the newest ones, the oldest first, as DESCRIBE HISTORY has them."""
    limit = "" if newest is None else f" LIMIT {newest}"
    told = session.sql(f"DESCRIBE HISTORY {_table(path)}{limit}")
    rows: list[Row] = told.where(f"version > {after}").orderBy("version").collect()
    return rows


def restore(session: SparkSession, path: str, version: int) -> None:
    """Makes a table what it was at a version, by a commit of its own."""
    session.sql(f"RESTORE TABLE {_table(path)} TO VERSION AS OF {version}").collect()


def merge(
    session: SparkSession, path: str, source: DataFrame, condition: str, *, evolves: bool, note: str | None
) -> Row:
    """Updates the rows that match, and inserts the others; by a session over Spark Connect.

    Args:
        session: the session.
        path: the table.
        source: the rows.
        condition: when a row of `source` matches one of `target`.
        evolves: whether new columns of the source are added.
        note: what the commit says of itself.

    Returns:
        `num_updated_rows` and `num_inserted_rows`, among others.
    """
    evolving = "WITH SCHEMA EVOLUTION " if evolves else ""
    text = (
        f"MERGE {evolving}INTO {_braced(_table(path))} AS target USING {{source}} AS source ON {_braced(condition)} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    with _noted(session, note):
        (row,) = session.sql(text, source=source).collect()
    found: Row = row
    return found


@contextmanager
def _noted(session: SparkSession, note: str | None) -> Iterator[None]:
    if note is None:
        yield
        return
    conf: Any = session.conf  # Any: that of sessions over Connect is another class
    with _merging:
        before = conf.get(_NOTE, None)
        conf.set(_NOTE, note)
        try:
            yield
        finally:
            if before is None:
                conf.unset(_NOTE)
            else:
                conf.set(_NOTE, before)


def _table(path: str) -> str:
    return f"delta.{quoted(spark_path(path))}"


def _braced(text: str) -> str:
    """`text` as it stands, where braces name frames."""
    return text.replace("{", "{{").replace("}", "}}")
