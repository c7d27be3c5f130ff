"""The rows of the history: plain values, one class a table, one field a column.

Times are UTC as `2025-01-31T12:00:00.000000Z`, which sorts as text. Rows are named tuples, as a run of ten thousand
nodes makes tens of thousands of them while it is under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

DIED = "died"
"""The status that readers give a run whose process is gone without having said how the run ended."""


class RunRecord(NamedTuple):
    """One run."""

    run_id: str
    project: str
    env: str | None
    pipeline: str
    window_start: str | None
    window_end: str | None
    status: str
    """`running`, or how it ended: `completed`, `failed`, `cancelled`; readers see `died` too."""
    started_at: str
    ended_at: str | None
    duration_s: float | None
    """How long the process that ended it was at it; `duration_of` tells how long the run took in all."""
    seen_at: str
    """When its process last wrote here; at most about 15 s ago while it lives."""
    host: str
    pid: int
    process_began: str | None
    """What tells the process from a later one of the same number; None where the system does not say."""
    boot_id: str | None
    pid_namespace: str | None
    """The set of processes in which `pid` counts; differs between containers of one machine."""
    tauro_version: str
    nodes: int
    nodes_done: int
    """Nodes completed, or skipped because they need not run."""
    error_type: str | None = None
    error_message: str | None = None
    error_cause: str | None = None
    """The chain of causes with its traceback."""
    user_name: str | None = None


class PlanRecord(NamedTuple):
    """What a run was to do."""

    run_id: str
    plan: str
    """A JSON object: `order`, `nodes`, `max_workers`, `on_failure`, `publish`, `left_out`."""


class NodeRecord(NamedTuple):
    """How a node of a run ended; nodes that did not end have no row."""

    run_id: str
    node: str
    status: str
    attempts: int
    ended_at: str
    duration_s: float
    note: str | None
    """Why it was cancelled or skipped."""
    started_at: str | None = None
    """When the attempt that completed it began; None if none did, and in rows of older releases."""


class AttemptRecord(NamedTuple):
    """One try at a node that is under way or did not complete it; the one that did is mostly its node's row alone."""

    run_id: str
    node: str
    attempt: int
    """Counted from 1."""
    started_at: str
    ended_at: str | None
    status: str
    """`running`, `completed`, `failed` or `cancelled`; readers see `died` too."""
    error_type: str | None = None
    error_message: str | None = None
    error_kind: str | None = None
    error_cause: str | None = None
    retry_delay_s: float | None = None
    """The pause before the next attempt; None if there is none."""


class OutputRecord(NamedTuple):
    """What a node wrote to one output."""

    run_id: str
    node: str
    output: str
    format: str
    path: str | None
    table_name: str | None
    rows: int | None
    """None if not known."""
    columns_json: str | None
    """The columns as Spark's schema JSON; None if not known."""
    is_written: int
    """0 where `write_mode: ignore` found data and left it alone, else 1."""
    written_at: str
    published_at: str | None
    """When readers could see it; None if it was only staged."""
    dropped_at: str | None = None
    """When what was only staged was dropped by another run, or by `tauro clean`."""


class ReadRecord(NamedTuple):
    """What lay at one stored input when a node read it."""

    run_id: str
    node: str
    input: str
    location: str
    version: str | None
    """`12` of a Delta table, `3 files, newest ...` of a folder; None if it can't be told."""


class NoteRecord(NamedTuple):
    """Something else that happened during a run."""

    run_id: str
    at: str
    note: str


Record = RunRecord | PlanRecord | NodeRecord | AttemptRecord | OutputRecord | ReadRecord | NoteRecord


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs are asked for; what is None does not matter."""

    pipeline: str | None = None
    statuses: tuple[str, ...] = ()
    """Any of these; all if empty."""
    since: str | None = None
    """Started at this time or later."""
    until: str | None = None
    """Started before this time."""
    limit: int | None = None
    """At most so many, the latest."""


def completing_attempt(node: NodeRecord) -> AttemptRecord | None:
    """The attempt that completed a node; None if there was none, or the node's row does not tell.

    Args:
        node: how the node ended.
    """
    if node.started_at is None:
        return None
    return AttemptRecord(node.run_id, node.node, node.attempts, node.started_at, node.ended_at, node.status)


def stamp(seconds: float) -> str:
    """A time as rows have it.

    Args:
        seconds: since the epoch, as `time.time()` gives it.
    """
    whole = int(seconds)
    return f"{_second(whole)}{int((seconds - whole) * 1e6):06d}Z"


@lru_cache(maxsize=16)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def duration_of(run: RunRecord) -> float:
    """How long a run took, from its first start to its end; to when it was last seen if no end is known.

    Args:
        run: the run.
    """
    return max(0.0, seconds_of(run.ended_at or run.seen_at) - seconds_of(run.started_at))


def seconds_of(stamped: str) -> float:
    """The seconds since the epoch of a time that `stamp` made."""
    return datetime.fromisoformat(stamped).timestamp()
