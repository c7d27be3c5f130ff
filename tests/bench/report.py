"""The figures as text: for the terminal, and for the table in the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.timing import Row

PAGE = Path("docs/benchmarks.md")
_BEGIN, _END = "<!-- figures of {part} -->\n", "<!-- end of {part} -->"
_HEAD = ("what", "against", "ratio", "limit", "A/A", "measured")


def as_text(rows: Sequence[Row]) -> str:
    """Columns under each other; a limit that is missed says so."""
    cells = [_HEAD, *(_cells(row, "MISSED") for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_HEAD))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in cells)


def as_markdown(rows: Iterable[Row]) -> str:
    """The same as a table for a page."""
    lines = [_HEAD, ("---", "---", "---:", "---:", "---:", "---"), *(_cells(row, "**missed**") for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(part: str, rows: Iterable[Row], page: Path = PAGE) -> None:
    """Puts the figures of one part in place of those that the page holds.

    Raises:
        ValueError: the page has no place for them.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = _BEGIN.format(part=part), _END.format(part=part)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no lines {begin.strip()!r} and {end!r}")
    page.write_text(f"{before}{begin}{as_markdown(rows)}{end}{after}", encoding="utf-8")


def machine() -> str:
    """What the figures were measured on."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}"


def _cells(row: Row, missed: str) -> tuple[str, ...]:
    limit = "" if row.limit is None else f"{row.limit:.2f}"
    verdict = "" if row.is_within else f" {missed}"
    return (row.name, row.against, f"{row.ratio}{verdict}", limit, str(row.same), row.detail)
