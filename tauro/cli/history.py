"""The history of the project that a command is about, and the times that its options name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from tauro.errors import InvalidValueError

if TYPE_CHECKING:
    from tauro.config import Context
    from tauro.history.reading import History

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def open_history(context: Context) -> History:
    """The history of the project, open for reading.

    Raises:
        InvalidValueError: the project keeps none.
        HistoryError: it can't be read.
        UnknownNameError, MissingExtraError: there is no such store, or it needs a package.
    """
    history = history_if_kept(context)
    if history is None:
        from tauro.history.stores import OFF

        raise InvalidValueError(
            "the project keeps no history",
            where="global_settings: history",
            fix=f"take `history: {OFF}` out, and runs are recorded",
        )
    return history


def history_if_kept(context: Context) -> History | None:
    """The history of the project, open for reading; None if it keeps none.

    Raises:
        HistoryError: it can't be read.
        UnknownNameError, MissingExtraError: there is no such store, or it needs a package.
    """
    from tauro.errors import HistoryError
    from tauro.history.reading import History
    from tauro.history.stores import open_store, url_of

    url = url_of(context.settings.history, context.root)
    if url is None:
        return None
    try:
        return History(open_store(url, is_reader=True))
    except HistoryError as error:
        raise HistoryError(error.message, where=f"history {url.removeprefix('sqlite:')}", fix=error.fix) from error


def moment(text: str, option: str, *, is_end: bool = False) -> str:
    """A date or date-time of the local time zone as the history has it.

    Args:
        text: such as 2025-01-31, or 2025-01-31T06:00:00.
        option: for the message.
        is_end: whether a date stands for the end of its day.

    Raises:
        InvalidValueError: it is neither.
    """
    from tauro.history.records import stamp

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValueError(
            f"{text!r} is neither a date nor a date-time", where=option, fix="write 2025-01-31, or 2025-01-31T06:00:00"
        ) from None
    if is_end and re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
        found += timedelta(days=1)
    return stamp(found.astimezone().timestamp())


def age(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The time that lies as long ago as `30d` or `12h` says; a callback of click."""
    from tauro.history.records import stamp

    found = re.fullmatch(r"(\d+)([smhdw])", value.strip())
    if not found:
        raise click.BadParameter(f"{value!r} is no age, such as 30d, 12h or 8w", ctx, param)
    try:
        return stamp((datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})).timestamp())
    except OverflowError:
        raise click.BadParameter(f"{value!r} is longer ago than dates go back", ctx, param) from None
