"""A window on values of every kind a column may have."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

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


def test_bounds_of_a_date_column_are_days_whose_midnight_lies_inside() -> None:
    assert WindowCondition(HOURS, "date").bounds() == (date(2013, 1, 2), date(2013, 1, 2))
    assert WindowCondition(DAYS, "date").bounds() == (date(2013, 1, 1), date(2013, 1, 8))
    assert WindowCondition(HOURS, "timestamp").bounds() == (datetime(2013, 1, 1, 6), datetime(2013, 1, 2))


def test_names_are_quoted_whatever_they_hold() -> None:
    assert quoted("a`b.c") == "`a``b.c`"
    assert "`my day`" in WindowCondition(DAYS, "date").sql("my day")
