"""The result of a run as a table of HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tauro.model.outcome import NodeResult, OutputResult, RunResult

_HEAD = ("node", "status", "attempts", "seconds", "output", "rows", "where")


def as_html(result: RunResult) -> str:
    """A line about the run, then a table with a row for each output, and one for each node without any."""
    window = f" {result.window}" if result.window else ""
    about = f"{result.pipeline}{window}: {result.status} in {result.duration_s:.1f} s, run {result.run_id}"
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    rows = "".join(row for node in result.nodes for row in _rows(node))
    error = f"<p><b>{escape(result.error.type)}</b>: {escape(result.error.message)}</p>" if result.error else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<div><p>{escape(about)}</p>{error}{table}</div>"


def _rows(node: NodeResult) -> Iterable[str]:
    about = (node.name, str(node.status), str(node.attempts), f"{node.duration_s:.1f}")
    if not node.outputs:
        yield _row((*about, "", "", node.note or ""))
    for at, output in enumerate(node.outputs):
        yield _row((*(about if at == 0 else ("",) * len(about)), *_told(output)))


def _told(output: OutputResult) -> tuple[str, str, str]:
    rows = "" if output.rows is None else f"{output.rows:,}"
    place = output.table or output.path or ""
    return output.id, rows, place if output.is_published else f"{place} (not published)"


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
