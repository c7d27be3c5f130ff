"""How a node or a run ended, and what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tauro.model.window import Window


class Status(StrEnum):
    """Where a node, or a run, stands."""

    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """It would have run."""
    SKIPPED = "skipped"
    """It need not run."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to a node in this state."""
        return self in _FINAL


_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.SKIPPED})


class FailureKind(StrEnum):
    """Whether trying again can help."""

    PERMANENT = "permanent"
    """Analysis, syntax, import, signature, configuration, result shape: never retried."""
    TRANSIENT = "transient"
    """Connections, time-outs, lost executors, conflicts: retried."""
    OTHER = "other"
    """Anything else: retried."""


@dataclass(frozen=True, slots=True)
class OutputResult:
    """What was written to one output."""

    id: str
    format: str
    path: str | None = None
    """Absolute; None for a table."""
    table: str | None = None
    rows: int | None = None
    """Rows written in this run; None if not known."""
    schema: str | None = None
    """The written table's columns as Spark's schema JSON; None if not known."""
    is_written: bool = True
    """False where `write_mode: ignore` found data and left it alone."""
    is_published: bool = True
    """False while it is only staged: no reader sees it, and if the run fails, none will."""


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """What lay at one stored input when a node read it."""

    input: str
    """Its id."""
    location: str
    """A path or table for people, without secrets."""
    version: str | None = None
    """For people: `12` of a Delta table, `3 files, newest ...` of a folder; None if it can't be told."""
    state: str | None = None
    """For comparing: the same text as long as the same is stored there; None if it can't be told."""


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A failure in words, for people and machines."""

    type: str
    """The root cause's class, such as `ZeroDivisionError`."""
    message: str
    node: str | None = None
    attempt: int | None = None
    kind: FailureKind = FailureKind.OTHER
    cause: str | None = None
    """The chain of causes with their traceback, as Python prints it; secrets are shown as ***."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """How one node ended."""

    name: str
    status: Status
    attempts: int = 0
    duration_s: float = 0.0
    """From the first attempt's start to the end, pauses between attempts included."""
    error: ErrorInfo | None = None
    outputs: tuple[OutputResult, ...] = ()
    note: str | None = None
    """Why it was cancelled or skipped."""
    reads: tuple[ReadVersion, ...] = ()
    """What its last attempt has read from storage, in the order of its inputs; nothing that this run made."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    run_id: str
    pipeline: str
    window: Window | None
    status: Status
    duration_s: float
    nodes: tuple[NodeResult, ...]
    """In the plan's order."""
    error: ErrorInfo | None = None
    """The first root cause; None if the run completed."""

    @property
    def is_completed(self) -> bool:
        """Whether every node is done."""
        return self.status is Status.COMPLETED

    def _repr_html_(self) -> str:
        """The result as a table, which notebooks show."""
        from tauro.model.result_html import as_html

        return as_html(self)

    def node(self, name: str) -> NodeResult:
        """The result of the node called `name`.

        Raises:
            KeyError: the run has no such node.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
