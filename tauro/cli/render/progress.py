"""A run as it happens: a live view on a terminal, a plain line for each event elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tauro.cli.render import words
from tauro.model.events import (
    BreakerOpened,
    Event,
    NodeEnded,
    NodeRetrying,
    NodeStarted,
    OutputPublished,
    RunEnded,
    RunStarted,
)
from tauro.model.outcome import ErrorInfo, NodeResult


def describe(event: Event) -> str:
    """An event in one line."""
    match event:
        case RunStarted(run_id, plan):
            return (
                f"{plan.pipeline.name}: {words.count(len(plan.order), 'node')}, {words.window(plan.window)}, "
                f"at most {plan.max_workers} at once (run {run_id})"
            )
        case NodeStarted(node, attempt):
            return f"{node}: running" + ("" if attempt == 1 else f", attempt {attempt}")
        case NodeRetrying(node, attempt, error, delay_s):
            return f"{node}: attempt {attempt} failed, again in {words.duration(delay_s)}: {headline(error)}"
        case NodeEnded(result):
            return f"{result.name}: {_ended(result)}"
        case OutputPublished(_, output):
            written = words.rows_written([output.rows])
            return f"{output.id}: published" + (f", {written}" if written else "")
        case BreakerOpened(failures, reset_s):
            return f"{failures} failures in a row: nothing new starts for {words.duration(reset_s)}"
        case RunEnded(result):
            return f"{result.pipeline}: {result.status} after {words.duration(result.duration_s)}"


def headline(error: ErrorInfo, at_most: int = 200) -> str:
    """A failure in one bounded line."""
    first = next((line for line in error.message.splitlines() if line.strip()), "").strip()
    text = f"{error.type}: {first}" if first else error.type
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def _ended(result: NodeResult) -> str:
    text = str(result.status)
    if result.attempts:
        text += f" after {words.duration(result.duration_s)}"
    if written := words.rows_written([output.rows for output in result.outputs]):
        text += f", {written}"
    if result.error is not None:
        return f"{text}: {headline(result.error)}"
    return f"{text} ({result.note})" if result.note else text


class PlainProgress:
    """Writes one line for each event, beginning with the time of day.

    Args:
        write: takes one line.
        now: the local time.
    """

    def __init__(self, write: Callable[[str], None], now: Callable[[], datetime] = datetime.now) -> None:
        self._write = write
        self._now = now

    def __call__(self, event: Event) -> None:
        self._write(f"{self._now():%H:%M:%S}  {describe(event)}")
