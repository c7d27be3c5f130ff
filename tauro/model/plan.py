"""The frozen answer to what would run, in what order, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import BreakerSpec, OnFailure, Publish, RetrySpec
from tauro.model.window import Window


class Origin(StrEnum):
    """Where an input's rows come from."""

    STORED = "stored"
    """Read from where it lies; no node of this run writes it."""
    OUTPUT = "output"
    """The table that another node of the run writes, as it is after that node."""
    RETURNED = "returned"
    """What another node returned."""


@dataclass(frozen=True, slots=True)
class PlannedInput:
    """One slot of a node's inputs, resolved."""

    id: str
    origin: Origin
    keyword: str | None = None
    """The argument that receives it; None where it is passed by position."""
    spec: InputSpec | None = None
    """The entry of `input_config` that it is read by, with its path absolute; None where there is none."""
    output: OutputSpec | None = None
    """The output that it is, made in this run or before; None where it is none, or not known to be one."""
    node: str | None = None
    """The node that makes it; None for what is stored."""
    location: str | None = None
    """A path or table for people; None for what stays in memory."""


class PublishWay(StrEnum):
    """How an output becomes visible."""

    SWAP = "swap"
    """Staged files change places with the table's folder."""
    COPY = "copy"
    """Staged files are moved where moving a folder copies it: on a mounted object store."""
    LATE_COMMIT = "late_commit"
    """Staged beside a Delta table, then committed in its log without copying."""
    DIRECT_COMMIT = "direct_commit"
    """Written by one commit straight into a Delta table, when its turn comes."""
    COMMIT = "commit"
    """One of these two; which of them is not known without Spark."""
    TRANSACTION = "transaction"
    """Moved in by a transaction of the database."""
    MEMORY = "memory"
    """Put in place in this process."""
    NEVER = "never"
    """Refused."""
    OTHER = "other"
    """As a format that another package brings does it."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """How an output would be published, as far as that is known without Spark."""

    way: PublishWay
    how: str
    """In plain words."""
    limits: tuple[str, ...] = ()
    """What does not hold there, or is not known, in plain words."""


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """One of a node's outputs, resolved: the format is known and the path absolute."""

    id: str
    spec: OutputSpec
    location: str
    publishing: Publishing | None = None
    """None where nobody has looked."""


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node as it would run."""

    name: str
    spec: NodeSpec
    inputs: tuple[PlannedInput, ...]
    outputs: tuple[PlannedOutput, ...]
    dependencies: tuple[str, ...]
    """Every node of the plan that must be done first: the declared ones, and those whose data it reads."""
    retry: RetrySpec
    timeout_s: float | None
    """Seconds for one attempt; None for no limit."""
    reason: str
    """Why it is part of the plan: `asked for`, or what needs it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would run, in which order, on which window, reading and writing what, and why."""

    pipeline: PipelineSpec
    window: Window | None
    order: tuple[str, ...]
    nodes: dict[str, PlannedNode] = field(hash=False)
    max_workers: int
    on_failure: OnFailure
    publish: Publish
    breaker: BreakerSpec
    left_out: tuple[str, ...] = ()
    """Nodes of the pipeline that the selection leaves out, in declared order."""
