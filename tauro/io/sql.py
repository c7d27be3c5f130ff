"""One query over named frames: checked without Spark, run with its values bound."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from tauro.io.sql_text import parameters_of, without_end
from tauro.io.windows import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["check_query", "parameters_of", "referenced", "run_query", "view_name"]


def check_query(text: str) -> tuple[list[str], list[str]]:
    """What is wrong with a text that is to be one query: errors, and warnings.

    Text that the parser can't read is a warning, since Spark may read it. What it can read has to be exactly one
    SELECT, WITH, VALUES or set operation that changes no data.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if not without_end(text).strip():
        return ["the query is empty"], []
    logging.getLogger("sqlglot").addHandler(logging.NullHandler())  # else its own warnings reach stderr
    try:
        statements = [one for one in sqlglot.parse(text, dialect="spark") if not _is_nothing(one)]
    except SqlglotError as error:
        return [], [f"the parser can't read the query: {_plain(error)}"]
    if len(statements) > 1:
        return [f"expected one query, found {len(statements)} statements"], []
    (statement,) = statements
    if statement is None:
        return ["the query is empty"], []
    for kind in (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable):
        found = statement.find(kind)
        if found is not None:
            return [f"the query changes data: {_keyword(found)}; it has to be one SELECT"], []
    if isinstance(statement, exp.Command):
        return [f"expected a query, found {str(statement.this).upper()}"], []
    if isinstance(statement, exp.Query | exp.Values):
        return [], []
    if isinstance(
        statement, exp.Describe | exp.Show | exp.Set | exp.Use | exp.Cache | exp.Uncache | exp.Refresh | exp.Grant
    ):
        return [f"expected a query, found {_keyword(statement)}"], []
    return [], [f"the parser does not take the text for a query: {_first_words(text)}"]


def referenced(text: str, ids: Mapping[str, str]) -> list[str]:
    """The ids, of those in `ids` (view name -> id), whose views a query names, in the order of `ids`.

    Names that the query's own WITH binds, as well as tables of a database (`db.events`), are no inputs. Of a text that
    the parser can't read, every word counts, also one that is a column.
    """
    words = {word.lower() for found in re.findall(r"`([^`]+)`|(\w+)", text) for word in found}
    named = [id for view, id in ids.items() if view.lower() in words]
    tables = _tables_of(text) if named else None
    return named if tables is None else [id for view, id in ids.items() if view.lower() in tables]


def view_name(id: str) -> str:
    """The name by which SQL knows an input: its id with dots as underscores."""
    return id.replace(".", "_")


def run_query(
    spark: SparkSession, text: str, frames: Mapping[str, DataFrame], params: Mapping[str, object]
) -> DataFrame:
    """The rows of one query; an ORDER BY of the query is kept.

    The frames are views for this query alone: others that run at the same time do not see them, and none is left.

    Args:
        spark: the session.
        text: one query; a WITH of its own, comments and a trailing semicolon are welcome.
        frames: view name -> frame.
        params: values for `:name`, bound and never pasted; dates become text; those the text does not use are ignored.

    Raises:
        pyspark.errors.AnalysisException: the query names tables or columns that do not exist.
    """
    from tauro.spark.jobs import is_classic  # needs pyspark, which the checks do without

    used = parameters_of(text)
    values = {name: _literal(value) for name, value in params.items() if name in used}
    query = f"SELECT * FROM (\n{without_end(text)}\n)"  # in brackets, nothing but a query can be run
    if not is_classic(spark):
        return _query_with_frames(spark, query, frames, values)
    database = spark.conf.get("spark.sql.globalTempDatabase", "global_temp")
    views = {name: f"tauro_{uuid.uuid4().hex}" for name in frames}
    try:
        for name, frame in frames.items():
            frame.createGlobalTempView(views[name])
        if views:
            named = ", ".join(f"{quoted(name)} AS (SELECT * FROM {database}.{view})" for name, view in views.items())
            query = f"WITH {named}\n{query}"
        return spark.sql(query, args=values) if values else spark.sql(query)
    finally:
        for view in views.values():
            spark.catalog.dropGlobalTempView(view)


def _query_with_frames(
    spark: SparkSession, query: str, frames: Mapping[str, DataFrame], values: Mapping[str, Any]
) -> DataFrame:
    """The query with its frames in it: over Connect it is analysed when it is used, and views would be gone by then."""
    keys = {name: f"frame_{at}" for at, name in enumerate(frames)}
    query = query.replace("{", "{{").replace("}", "}}")
    if keys:
        names = {name: quoted(name).replace("{", "{{").replace("}", "}}") for name in keys}
        named = ", ".join(f"{names[name]} AS (SELECT * FROM {{{key}}})" for name, key in keys.items())
        query = f"WITH {named}\n{query}"
    else:
        query = query.replace("{{", "{").replace("}}", "}")  # without frames, braces are what they are
    return spark.sql(query, args=dict(values) or None, **{key: frames[name] for name, key in keys.items()})


def _literal(value: object) -> Any:  # Any: what spark.sql takes
    """A value as Spark binds it."""
    from pyspark.sql import functions

    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, list | tuple):
        return functions.array(*[functions.lit(_literal(one)) for one in value])
    return value


def _tables_of(text: str) -> set[str] | None:
    """The tables without a database that a query names from outside, in lower case; None if it can't be parsed."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = sqlglot.parse(text, dialect="spark")
    except SqlglotError:
        return None
    tables = [table for one in statements if one is not None for table in one.find_all(exp.Table)]
    return {table.name.lower() for table in tables if not table.db and not _is_bound(table)}


def _is_bound(table: Any) -> bool:  # Any: see _keyword
    """Whether a WITH round a table binds its name: each part of a WITH sees the parts before it, the query sees all.

    In `WITH events AS (SELECT * FROM events) ...` the inner name is the one from outside.
    """
    from sqlglot import exp

    name, inner = table.name.lower(), table
    while inner.parent is not None:
        outer = inner.parent
        if isinstance(outer, exp.With):
            before = next(at for at, part in enumerate(outer.expressions) if part is inner)
            seen = outer.expressions[: before + bool(outer.recursive)]
        elif isinstance(inner, exp.With):
            seen = []  # its parts have been looked at
        else:
            seen = [part for value in outer.args.values() if isinstance(value, exp.With) for part in value.expressions]
        if any(part.alias.lower() == name for part in seen):
            return True
        inner = outer
    return False


def _is_nothing(statement: object) -> bool:
    """Whether what the parser found between semicolons is nothing but comments."""
    from sqlglot import exp

    return statement is None or isinstance(statement, exp.Semicolon)


def _keyword(statement: Any) -> str:  # Any: sqlglot's nodes are not typed alike across its versions
    return str(statement.key).upper().removesuffix("TABLE")


def _first_words(text: str) -> str:
    return " ".join(text.split()[:5])


def _plain(error: Exception) -> str:
    """The parser's message without the colours of a terminal."""
    lines = str(error).splitlines()
    return re.sub(r"\x1b\[[0-9;]*m", "", lines[0]) if lines else type(error).__name__
