"""From the data interval of a DAG run to the window of a Tauro run."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from tauro.errors import InvalidValueError

_MIDNIGHT = time()


def window_of(start: datetime | None, end: datetime | None) -> tuple[str, str]:
    """The window, as --start and --end take it, that holds exactly the instants of a data interval.

    An interval of whole days (UTC) is one of dates, both inclusive: its end, a midnight, means the day before. Any
    other is one of date-times in UTC, the end exclusive.

    Args:
        start: the first instant inside, with a time zone; None where the DAG run has no data interval.
        end: the first instant past it, likewise.

    Raises:
        InvalidValueError: there is no interval, or it is empty, as cron schedules have it in Airflow 3 by default.
    """
    fix = "schedule the DAG by CronDataIntervalTimetable, or give the operator start and end, or has_window=False"
    if start is None or end is None:
        raise InvalidValueError("the DAG run has no data interval to take the window from", fix=fix)
    first, past = start.astimezone(UTC), end.astimezone(UTC)
    if first >= past:
        raise InvalidValueError(f"the data interval of the DAG run is empty: {first} .. {past}", fix=fix)
    if first.time() == past.time() == _MIDNIGHT:
        return first.date().isoformat(), (past.date() - timedelta(days=1)).isoformat()
    return _without_zone(first), _without_zone(past)


def _without_zone(moment: datetime) -> str:
    return datetime.combine(moment.date(), moment.time()).isoformat()
