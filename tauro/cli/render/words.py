"""Numbers, durations and windows as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tauro.model.window import Window


def count(number: int, noun: str) -> str:
    """`1 node`, `1,234 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """`0.4 s`, `12.0 s`, `3 min 05 s`, `2 h 03 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(iso: str, *, with_milliseconds: bool = False) -> str:
    """A time with its zone, in the local one: `2025-01-31 12:00:00`."""
    local = datetime.fromisoformat(iso).astimezone()
    return local.isoformat(sep=" ", timespec="milliseconds" if with_milliseconds else "seconds")[:-6]


def rows(numbers: Sequence[int | None]) -> str:
    """The rows of several outputs together: `1,234`; empty without outputs, `?` where one is not known."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        return "?"
    return f"{sum(known):,}" if known else ""


def rows_of(outputs: Sequence[tuple[int | None, bool]]) -> str:
    """As `rows`, of outputs of which it is known whether they are published: `staged` before that makes rows known."""
    if any(number is None and not is_published for number, is_published in outputs):
        return "staged"
    return rows([number for number, _ in outputs])


def rows_written(numbers: Sequence[int | None]) -> str:
    """The rows of several outputs together: `1,234 rows`; empty without outputs, or where one is not known."""
    text = rows(numbers)
    if text in ("", "?"):
        return ""
    return f"{text} row" if text == "1" else f"{text} rows"


def window(value: Window | None) -> str:
    """`2025-01-01 .. 2025-01-31`, or `no window`."""
    return "no window" if value is None else str(value)
