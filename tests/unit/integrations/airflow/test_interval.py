"""The window of a data interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tauro.errors import InvalidValueError
from tauro.integrations.airflow.interval import window_of
from tauro.model.window import Window

BERLIN = timezone(timedelta(hours=1))


def at(text: str, zone: timezone = UTC) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        (at("2025-01-01"), at("2025-01-02"), ("2025-01-01", "2025-01-01")),
        (at("2025-01-01"), at("2025-02-01"), ("2025-01-01", "2025-01-31")),
        (at("2025-01-01T06:00"), at("2025-01-01T07:00"), ("2025-01-01T06:00:00", "2025-01-01T07:00:00")),
        (at("2025-01-01T18:00"), at("2025-01-02"), ("2025-01-01T18:00:00", "2025-01-02T00:00:00")),
        (at("2025-01-01"), at("2025-01-01T06:00"), ("2025-01-01T00:00:00", "2025-01-01T06:00:00")),
        (at("2025-01-02", BERLIN), at("2025-01-03", BERLIN), ("2025-01-01T23:00:00", "2025-01-02T23:00:00")),
        (at("2025-01-02T01:00", BERLIN), at("2025-01-03T01:00", BERLIN), ("2025-01-02", "2025-01-02")),
    ],
)
def test_the_window_holds_exactly_the_interval(start: datetime, end: datetime, window: tuple[str, str]) -> None:
    assert window_of(start, end) == window
    parsed = Window.parse(*window)
    assert (parsed.start, parsed.end) == window
    assert (parsed.lower.replace(tzinfo=UTC), parsed.upper.replace(tzinfo=UTC)) == (start, end)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (None, None, "no data interval"),
        (at("2025-01-01"), at("2025-01-01"), "is empty"),
        (at("2025-01-02"), at("2025-01-01"), "is empty"),
    ],
)
def test_without_an_interval_it_says_what_to_do(start: datetime | None, end: datetime | None, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said) as error:
        window_of(start, end)
    assert "CronDataIntervalTimetable" in (error.value.fix or "")
