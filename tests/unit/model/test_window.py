"""A window of dates holds its whole end day; one of date-times ends before its end."""

from __future__ import annotations

from datetime import datetime

import pytest

from tauro.errors import InvalidValueError
from tauro.model.window import Window


def test_a_window_of_dates_holds_the_whole_end_day() -> None:
    window = Window.parse("2013-01-01", "2013-01-07")
    assert window.holds_dates
    assert (window.lower, window.upper) == (datetime(2013, 1, 1), datetime(2013, 1, 8))
    assert str(window) == "2013-01-01 .. 2013-01-07"


def test_a_window_of_one_day_is_that_day() -> None:
    window = Window.parse("2013-01-01", "2013-01-01")
    assert (window.upper - window.lower).days == 1


def test_a_window_of_date_times_ends_before_its_end() -> None:
    window = Window.parse("2013-01-01T06:00", "2013-01-01T18:30:00")
    assert (window.start, window.end) == ("2013-01-01T06:00:00", "2013-01-01T18:30:00")
    assert window.upper == datetime(2013, 1, 1, 18, 30)
    assert str(window).endswith("(end exclusive)")


def test_a_date_beside_a_date_time_is_its_midnight() -> None:
    assert Window.parse("2013-01-01", "2013-01-02T06:00").lower == datetime(2013, 1, 1)
    assert Window.parse("2013-01-01T06:00", "2013-01-02").upper == datetime(2013, 1, 2)


def test_an_offset_is_turned_into_utc() -> None:
    window = Window.parse("2013-01-01T00:00:00+02:00", "2013-01-01T00:00:00Z")
    assert window.start == "2012-12-31T22:00:00"
    assert window.end == "2013-01-01T00:00:00"


@pytest.mark.parametrize("text", ["01/02/2013", "2013-02-30", "yesterday", "", "2013-13-01T00:00"])
def test_what_is_no_iso_date_is_an_error(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not an ISO date"):
        Window.parse(text, "2013-01-01")


@pytest.mark.parametrize(
    ("start", "end"),
    [("2013-01-02", "2013-01-01"), ("2013-01-01T06:00", "2013-01-01T06:00"), ("2013-01-02T00:00", "2013-01-02")],
)
def test_an_empty_window_is_an_error(start: str, end: str) -> None:
    with pytest.raises(InvalidValueError, match="the window is empty"):
        Window.parse(start, end)
