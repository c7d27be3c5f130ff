"""What happens during a run, told to whoever listens: the command line, the log, later the history.

Events are told by the run loop's thread alone, in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tauro.model.outcome import ErrorInfo, NodeResult, OutputResult, RunResult
from tauro.model.plan import Plan


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan is about to run."""

    run_id: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """An attempt begins; attempts count from 1."""

    node: str
    attempt: int


@dataclass(frozen=True, slots=True)
class NodeRetrying:
    """An attempt failed, and another follows in `delay_s` seconds."""

    node: str
    attempt: int
    error: ErrorInfo
    delay_s: float


@dataclass(frozen=True, slots=True)
class NodeEnded:
    """A node reached its final state."""

    result: NodeResult


@dataclass(frozen=True, slots=True)
class OutputPublished:
    """An output is visible; told where outputs are published together, after the last node."""

    node: str
    output: OutputResult


@dataclass(frozen=True, slots=True)
class BreakerOpened:
    """Too many failures in a row: nothing new starts for `reset_s` seconds."""

    failures: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over."""

    result: RunResult


Event = RunStarted | NodeStarted | NodeRetrying | NodeEnded | OutputPublished | BreakerOpened | RunEnded
Observer = Callable[[Event], None]
