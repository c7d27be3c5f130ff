"""A window on values of every kind a column may have."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tauro.io.windows import WindowCondition, quoted
from tauro.model import Window

DAYS = Window.parse("2013-01-01", "2013-01-07")
HOURS = Window.parse("2013-01-01T06:00:00", "2013-01-02T00:00:00")


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        (date(2012, 12, 31), False),
        (date(2013, 1, 1), True),
        (date(2013, 1, 7), True),
        (date(2013, 1, 8), False),
        (datetime(2013, 1, 7, 23, 59, 59, 999999), True),
        (datetime(2013, 1, 8), False),
        (datetime(2013, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), False),
        ("2013-01-07", True),
        ("2013-01-07 23:59", True),
        ("2013-01-07T23:59:59.9Z", True),
        ("2013-01-08", False),
        ("2012-12-31T23:59:59", False),
        (None, False),
        (7, False),
    ],
)
def test_days_hold_their_last_afternoon(value: object, inside: bool) -> None:
    assert WindowCondition(DAYS, "string").holds(value) == inside


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        ("2013-01-01T05:59:59.999", False),
        ("2013-01-01T06:00", True),
        ("2013-01-01 06:00:00", True),
        ("2013-01-01 06:00:00.000", True),
        ("2013-01-01", False),
        ("2013-01-01T23:59:59", True),
        ("2013-01-02", False),
        ("2013-01-02T00:00", False),
        (date(2013, 1, 1), False),
        (date(2013, 1, 2), False),
        (datetime(2013, 1, 1, 6), True),
    ],
)
def test_date_times_end_before_their_end(value: object, inside: bool) -> None:
    assert WindowCondition(HOURS, "string").holds(value) == inside


OFFSETS = [
    ("2013-01-01T23:30:00-05:00", True),
    ("2013-01-07T23:30:00-05:00", False),
    ("2013-01-07 18:59:59.9-0500", True),
    ("2012-12-31T19:00:00-05:00", True),
    ("2012-12-31T18:59:59-05:00", False),
    ("2013-01-01T01:00:00+02:00", False),
    ("2013-01-08T01:00:00+02:00", True),
    ("2013-01-08T02:00:00+02:00", False),
    ("2013-01-01T00:00:00+00:00", True),
    ("2013-01-08T00:00:00+00:00", False),
    ("2013-01-03T99:00:00+02:00", False),
]


@pytest.mark.parametrize(("value", "inside"), OFFSETS)
def test_text_with_an_offset_is_an_instant(value: str, inside: bool) -> None:
    assert WindowCondition(DAYS, "string").holds(value) == inside


@pytest.mark.parametrize("window", [DAYS, HOURS], ids=["days", "hours"])
@pytest.mark.parametrize(
    "value",
    [
        *(value for value, _ in OFFSETS),
        "2012-12-31",
        "2013-01-01",
        "2013-01-01 05:59",
        "2013-01-01T06:00:00.5Z",
        "2013-01-02",
        "2013-01-07 23:59",
        "2013-01-08",
        "2013-01-01T08:00:00+02:00",
        "2013-01-01T07:59:59+02:00",
        "2013-01-01T18:59:59-05:00",
        "2013-01-01T19:00:00-05:00",
    ],
)
def test_sql_selects_the_text_that_the_window_holds(window: Window, value: str) -> None:
    condition = WindowCondition(window, "string")
    assert selects(condition.sql("day"), value) == condition.holds(value)


def selects(sql: str, value: str) -> bool:
    """Whether a condition of Spark SQL on the column `day` is true of a text, as SQLite works it out."""
    database = sqlite3.connect(":memory:")
    database.create_function("instant", 1, instant)
    database.create_function("regexp", 2, lambda pattern, text: re.search(pattern, text) is not None)
    sql = sql.replace("CAST(`day` AS TIMESTAMP)", "instant(`day`)").replace("RLIKE", "REGEXP")
    sql = re.sub(r"TIMESTAMP ('[^']*')", r"instant(\1)", sql)
    (found,) = database.execute(f"SELECT {sql} FROM (SELECT ? AS day)", (value,)).fetchone()
    database.close()
    return bool(found == 1)


def instant(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        return None


def test_bounds_of_a_date_column_are_days_whose_midnight_lies_inside() -> None:
    assert WindowCondition(HOURS, "date").bounds() == (date(2013, 1, 2), date(2013, 1, 2))
    assert WindowCondition(DAYS, "date").bounds() == (date(2013, 1, 1), date(2013, 1, 8))
    assert WindowCondition(HOURS, "timestamp").bounds() == (datetime(2013, 1, 1, 6), datetime(2013, 1, 2))


def test_names_are_quoted_whatever_they_hold() -> None:
    assert quoted("a`b.c") == "`a``b.c`"
    assert "`my day`" in WindowCondition(DAYS, "date").sql("my day")
