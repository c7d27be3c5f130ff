"""The run's start and end, and exactly which instants lie between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tauro.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Window:
    """A run's start and end as ISO strings: dates are both inclusive, of date-times the end is exclusive.

    A date beside a date-time stands for that day's midnight. Date-times with an offset are turned into UTC,
    those without are taken as UTC.
    """

    start: str
    end: str

    @classmethod
    def parse(cls, start: str, end: str) -> Window:
        """The window from two ISO strings, in canonical spelling (`2013-01-01`, `2013-01-01T06:00:00`).

        Raises:
            InvalidValueError: a string is not an ISO date or date-time, or the window is empty.
        """
        first, last = _parse("start", start), _parse("end", end)
        if isinstance(first, datetime) or isinstance(last, datetime):
            first, last = _at_midnight(first), _at_midnight(last)
            if first >= last:
                raise InvalidValueError(f"the window is empty: start {start} is not before end {end}")
        elif first > last:
            raise InvalidValueError(f"the window is empty: start {start} is after end {end}")
        return cls(first.isoformat(), last.isoformat())

    @property
    def holds_dates(self) -> bool:
        """Whether the window is one of whole days."""
        return "T" not in self.start

    @property
    def lower(self) -> datetime:
        """The first instant inside (UTC, naive)."""
        return datetime.fromisoformat(self.start)

    @property
    def upper(self) -> datetime:
        """The first instant past the window (UTC, naive)."""
        end = datetime.fromisoformat(self.end)
        return end + timedelta(days=1) if self.holds_dates else end

    def __str__(self) -> str:
        return f"{self.start} .. {self.end}" + ("" if self.holds_dates else " (end exclusive)")


def _parse(what: str, text: str) -> date:
    """A date, or a naive date-time in UTC, from an ISO string."""
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise InvalidValueError(
            f"{what} date {text!r} is not an ISO date or date-time", fix="write it as 2013-01-31 or 2013-01-31T06:00:00"
        ) from None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _at_midnight(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)
