"""Tables: of a run's nodes, of pipelines, of nodes and of settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tauro.cli.render import words
from tauro.errors import bounded
from tauro.model.outcome import OutputResult, RunResult, Status

STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "bold red",
    Status.CANCELLED: "yellow",
    Status.RETRYING: "yellow",
    Status.RUNNING: "cyan",
    Status.PENDING: "dim",
    Status.SKIPPED: "dim",
}
UNFOLDED = 10_000
"""The width of what no terminal shows: nothing is folded or cut for a file or a pipe."""


def console_for(stream: TextIO) -> Console:
    """A console that writes plain, unfolded text where `stream` is no terminal, and keeps to NO_COLOR."""
    width = None if stream.isatty() else UNFOLDED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def result_table(result: RunResult) -> Table:
    """Each node of a run: status, attempts, rows written and duration."""
    table = _table("node", "status", "attempts>", "rows>", "duration>")
    for node in result.nodes:
        table.add_row(
            node.name,
            Text(str(node.status), style=STYLES[node.status]),
            str(node.attempts) if node.attempts else "",
            words.rows_of([(output.rows, output.is_published) for output in node.outputs]),
            words.duration(node.duration_s) if node.attempts else "",
        )
    return table


def summary(result: RunResult) -> str:
    """A run in one line."""
    before = sum(node.status is Status.SKIPPED for node in result.nodes)
    done = sum(node.status is Status.COMPLETED for node in result.nodes) + before
    window = f", {words.window(result.window)}" if result.window else ""
    nodes = f"{done} of {words.count(len(result.nodes), 'node')} done" + (
        f" ({before} of them before)" if before else ""
    )
    took = words.duration(result.duration_s)
    return f"{result.pipeline}{window}: {result.status}, {nodes} in {took} (run {result.run_id})"


def skipped(result: RunResult) -> list[str]:
    """A line for each reason for which nodes were not run, with the nodes."""
    groups: dict[str, list[str]] = {}
    for node in result.nodes:
        if node.status is Status.SKIPPED and node.note:
            groups.setdefault(node.note, []).append(node.name)
    return [f"skipped ({note}): {bounded(names)}" for note, names in groups.items()]


def locations(result: RunResult) -> list[str]:
    """A line for each output that was written, or left alone, with its location."""
    outputs = [output for node in result.nodes for output in node.outputs]
    width = max((len(output.id) for output in outputs), default=0)
    return [f"{output.id:<{width}}  {_location(output)}" for output in outputs]


def _location(output: OutputResult) -> str:
    place = _from_here(output.path) if output.path else output.table or "in memory"
    if not output.is_published:
        return f"{place} (not published)"
    return place if output.is_written else f"{place} (there already, left as it is)"


def _from_here(path: str) -> str:
    """A path below the current folder as it is called from there; any other as it is."""
    below = os.getcwd() + os.sep
    return path.removeprefix(below)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of text; a column whose name ends in `>` is aligned to the right."""
    table = _table(*columns)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return table
