"""A failed run in words: the root causes whole, the nodes that were cancelled, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tauro.cli.render import words
from tauro.cli.render.causes import shorten
from tauro.errors import bounded
from tauro.model.outcome import ErrorInfo, NodeResult, RunResult, Status

SHOWN_FAILURES = 5
"""How many failed nodes are shown with their root cause before the rest are named alone."""


def failure_text(result: RunResult, resume: str | None, *, is_whole: bool = False) -> str:
    """What went wrong.

    Args:
        result: the run's result.
        resume: the command that goes on from there; it makes the last lines.
        is_whole: whether causes are shown with every frame and line.
    """
    return "\n".join(_lines(result, resume, is_whole)).rstrip()


def _lines(result: RunResult, resume: str | None, is_whole: bool) -> Iterator[str]:
    failed = [node for node in result.nodes if node.status is Status.FAILED]
    for node in failed[:SHOWN_FAILURES]:
        yield from _node_lines(node, is_whole)
        yield ""
    if len(failed) > SHOWN_FAILURES:
        rest = [node.name for node in failed[SHOWN_FAILURES:]]
        yield f"{len(rest)} more failed: {bounded(rest)}"
        yield ""
    if not failed and result.error is not None:
        yield from _error_lines(result.error, is_whole)
        yield ""
    for note, names in _by_note(result.nodes):
        yield f"cancelled{f' ({note})' if note else ''}: {bounded(names)}"
    if any(node.status is Status.CANCELLED for node in result.nodes):
        yield ""
    if resume is not None:
        yield "go on from there with:"
        yield f"  {resume}"


def _node_lines(node: NodeResult, is_whole: bool) -> Iterator[str]:
    attempts = "" if node.attempts <= 1 else f" in {words.count(node.attempts, 'attempt')}"
    yield f"node {node.name!r} failed{attempts} after {words.duration(node.duration_s)}"
    if node.error is not None:
        yield from _error_lines(node.error, is_whole)


def _error_lines(error: ErrorInfo, is_whole: bool) -> Iterator[str]:
    headline = f"{error.type}: {error.message}".rstrip()
    for line in (headline if is_whole else _bounded_lines(headline)).splitlines():
        yield f"  {line}"
    if error.cause and error.cause.strip() != headline:
        yield ""
        for line in (error.cause if is_whole else shorten(error.cause)).rstrip().splitlines():
            yield f"    {line}"


def _bounded_lines(text: str, at_most: int = 10) -> str:
    lines = text.splitlines()
    if len(lines) <= at_most:
        return text
    return "\n".join([*lines[:at_most], f"... {len(lines) - at_most} more lines (--verbose shows them)"])


def _by_note(nodes: Sequence[NodeResult]) -> list[tuple[str, list[str]]]:
    """Cancelled nodes by the reason they give, in order."""
    groups: dict[str, list[str]] = {}
    for node in nodes:
        if node.status is Status.CANCELLED:
            groups.setdefault(node.note or "", []).append(node.name)
    return list(groups.items())
