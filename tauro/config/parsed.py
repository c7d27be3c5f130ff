"""What the reader of one file format hands back: plain values, the lines of their keys, what is wrong with the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Plain = Any
"""Any: whatever a document can hold (mapping, list, text, number, boolean, null); the specs judge it later."""
Path = tuple[str | int, ...]
"""Keys and positions (counted from 0) that lead from a document's top to a value."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with a file's text."""

    message: str
    line: int | None = None
    """Counted from 1; None where the format does not tell."""
    path: Path = ()
    """The value at fault; empty for the file as a whole."""
    notes: tuple[str, ...] = ()
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's content."""

    value: Plain
    """None for an empty file, and for one that could not be read."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """The lines of the top keys, as far as the format tells them without further work."""
    flaws: tuple[Flaw, ...] = ()


def kind_of(value: object) -> str:
    """What a value is, in words: `a list`, `the number 3`, `nothing`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shortened(value)!r}"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return f"a Python {type(value).__name__}"


def shortened(text: str, at_most: int = 80) -> str:
    """`text`, cut where it gets too long for a message."""
    return text if len(text) <= at_most else f"{text[:at_most]}..."


def dotted(path: Path) -> str:
    """A path as messages show it: `retry.retries`, `path[1]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
