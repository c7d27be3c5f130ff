"""A window as a condition on a column: the same instants in SQL, in partition names and in messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tauro.model import Window

WINDOW_TYPES = ("date", "timestamp", "timestamp_ntz", "string")
"""Spark types, by name, that a window column may have."""

_OFFSET = r"[+-][0-9]{2}:?[0-9]{2}$"
_LONGEST_WITHOUT_OFFSET = len("2013-01-01T06:00")


@dataclass(frozen=True, slots=True)
class WindowCondition:
    """A window on a column of one type."""

    window: Window
    type_name: str
    """One of `WINDOW_TYPES`."""

    def sql(self, column: str) -> str:
        """The condition as Spark SQL; pushed down to files, partitions, Delta and databases.

        Text is compared as text, which is right for `2013-01-01`, `2013-01-01 06:00` and `2013-01-01T06:00:00.5Z`
        alike; text with an offset other than `Z` is turned into an instant first.

        Args:
            column: the column's plain name, or an expression that stands in backticks already.
        """
        name = column if column.startswith("`") else quoted(column)
        lower, upper = self.window.lower, self.window.upper
        if self.type_name == "date":
            return f"({name} >= DATE '{_day_from(lower)}' AND {name} < DATE '{_day_from(upper)}')"
        if self.type_name == "timestamp_ntz":
            return f"({name} >= TIMESTAMP_NTZ '{lower}' AND {name} < TIMESTAMP_NTZ '{upper}')"
        if self.type_name == "timestamp":
            return f"({name} >= {_instant(lower)} AND {name} < {_instant(upper)})"
        coarse = f"{name} >= '{lower.date() - timedelta(days=1)}' AND {name} < '{upper.date() + timedelta(days=2)}'"
        text = f"replace({name}, ' ', 'T')"
        plain = f"({text} >= '{_shortest(lower)}' AND {text} < '{_shortest(upper)}')"
        moment = f"CAST({name} AS TIMESTAMP)"
        shifted = f"({moment} >= {_instant(lower)} AND {moment} < {_instant(upper)})"
        is_shifted = f"length({name}) > {_LONGEST_WITHOUT_OFFSET} AND {name} RLIKE '{_OFFSET}'"
        return f"({coarse} AND CASE WHEN {is_shifted} THEN {shifted} ELSE {plain} END)"

    def bounds(self) -> tuple[date | datetime, date | datetime]:
        """The first value inside and the first past it: days for a date column, moments in UTC for others."""
        lower, upper = self.window.lower, self.window.upper
        return (_day_from(lower), _day_from(upper)) if self.type_name == "date" else (lower, upper)

    def holds(self, value: object) -> bool:
        """Whether a date, a `datetime` or ISO text lies inside, as `sql` has it; nothing else does.

        What has an offset is an instant; text that ends in an offset but tells no instant lies outside.
        """
        if isinstance(value, datetime):
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return self.window.lower <= moment < self.window.upper
        if isinstance(value, date):
            return _day_from(self.window.lower) <= value < _day_from(self.window.upper)
        if not isinstance(value, str):
            return False
        if len(value) > _LONGEST_WITHOUT_OFFSET and re.search(_OFFSET, value):
            try:
                return self.holds(datetime.fromisoformat(value))
            except ValueError:
                return False
        text = value.replace(" ", "T")
        return _shortest(self.window.lower) <= text < _shortest(self.window.upper)


def quoted(column: str) -> str:
    """A column's name as Spark SQL writes it, whatever characters it holds."""
    return "`" + column.replace("`", "``") + "`"


def _day_from(moment: datetime) -> date:
    """The first day whose midnight is not before `moment`."""
    day = moment.date()
    return day if moment == datetime(day.year, day.month, day.day) else day + timedelta(days=1)


def _instant(moment: datetime) -> str:
    return f"TIMESTAMP '{moment}+00:00'"


def _shortest(moment: datetime) -> str:
    """The shortest text that no later spelling of the same moment sorts before: `2013-01-01T06` for 06:00:00."""
    text = moment.isoformat()
    for zeros in (":00", ":00", "T00"):
        if not text.endswith(zeros):
            break
        text = text.removesuffix(zeros)
    return text
