"""The events of a run as the rows that record them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tauro.history.process import Process
from tauro.history.records import (
    AttemptRecord,
    NodeRecord,
    NoteRecord,
    OutputRecord,
    PlanRecord,
    ReadRecord,
    Record,
    RunRecord,
    completing_attempt,
    stamp,
)
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
from tauro.model.outcome import ErrorInfo, NodeResult, OutputResult, RunResult, Status
from tauro.model.plan import Plan, PlannedInput, PlannedNode

_DONE = frozenset({Status.COMPLETED, Status.SKIPPED})
_AT_ONCE = 64
"""So many nodes of a plan are values at a time, before they are text: few for Python's collector to look through."""


class Rows:
    """The rows of one run that have changed and are not written yet.

    Args:
        project: the project's name.
        env: the environment's name; None for the base.
        process: the one that the run is in.
        version: Tauro's.
        redact: hides secrets in a text.
    """

    def __init__(
        self, project: str, env: str | None, process: Process, version: str, redact: Callable[[str], str]
    ) -> None:
        self._project = project
        self._env = env
        self._process = process
        self._version = version
        self._redact = redact
        self._run: RunRecord | None = None
        self._changed: dict[tuple[Any, ...], Record] = {}  # Any: a kind, and the texts of its key
        self._nodes: dict[str, NodeRecord] = {}
        """Those of the rows that say how a node has ended."""
        self._open: dict[str, tuple[int, float]] = {}
        """Node -> its attempt that is under way, and when that began, in seconds since the epoch."""
        self._shown: set[str] = set()
        """Nodes with an attempt under way that may have a row."""
        self._has_begun = False
        """Whether an attempt has begun since the rows were written."""
        self._done: set[str] = set()
        """Nodes done so far, by an earlier process of the run too."""
        self._planned: frozenset[str] = frozenset()
        self._ended_here: set[str] = set()
        self._staged: dict[tuple[str, str], str] = {}
        """Node and output that are not published yet -> when they were written."""

    def __len__(self) -> int:
        return len(self._changed) + len(self._nodes) + self._has_begun

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._run is not None and self._run.ended_at is not None

    def add(self, event: Event, at_s: float) -> None:
        """Takes an event in.

        Args:
            event: what happened.
            at_s: when, in seconds since the epoch.
        """
        if isinstance(event, NodeStarted):
            self._open[event.node] = (event.attempt, at_s)
            self._has_begun = True
            return
        at = stamp(at_s)
        if isinstance(event, NodeEnded):
            self._node_ended(event.result, at)
            return
        match event:  # rare ones
            case RunStarted(run_id, plan):
                self._started(run_id, plan, at)
            case RunEnded(result):
                self._ended(result, at)
            case NodeRetrying(node, attempt, error, delay_s):
                self._attempt_ended(node, attempt, Status.FAILED.value, at, error, delay_s)
            case OutputPublished(node, output):
                self._output(node, output, at, is_published=True)
            case BreakerOpened(failures, reset_s):
                self._note(
                    f"the circuit breaker opened after {failures} failures: nothing starts for {reset_s:g} s", at
                )

    def fail(self, error: ErrorInfo, *, is_cancelled: bool, at_s: float) -> None:
        """Ends a run that did not come to a result."""
        if self._run is not None and not self.is_over:
            at = stamp(at_s)
            for node, (attempt, _) in list(self._open.items()):
                self._attempt_ended(node, attempt, Status.CANCELLED.value, at)
            self._set_run(
                status=(Status.CANCELLED if is_cancelled else Status.FAILED).value,
                ended_at=at,
                error_type=error.type,
                error_message=error.message,
                error_cause=error.cause,
            )

    def take_over(self, nodes: Iterable[NodeRecord]) -> None:
        """Counts the nodes that an earlier process of the run has done, unless this one has ended them too.

        Args:
            nodes: what the history knows of the run's nodes.
        """
        for one in nodes:
            if one.status in _DONE and one.node in self._planned and one.node not in self._ended_here:
                self._done.add(one.node)
            attempt = completing_attempt(one)  # its node's row may be written anew
            if attempt is not None:
                self._changed[(AttemptRecord, one.node, attempt.started_at)] = attempt

    def records(self, at_s: float) -> Sequence[Record]:
        """All rows to be written, with the run's own in front: it says at what time the run was alive."""
        if self._run is None:
            return []
        self._set_run(seen_at=stamp(at_s))
        run = self._changed.pop((RunRecord,))
        under_way = [
            AttemptRecord(self._id, node, attempt, stamp(began_s), None, Status.RUNNING.value)
            for node, (attempt, began_s) in self._open.items()
        ]
        self._shown = set(self._open)
        return clean([run, *self._changed.values(), *self._nodes.values(), *under_way], self._redact)

    def written(self) -> None:
        """Forgets the rows, as they are written now."""
        self._changed.clear()
        self._nodes.clear()
        self._has_begun = False

    @property
    def run_id(self) -> str | None:
        """The run's id; None before it has started."""
        return self._run.run_id if self._run is not None else None

    @property
    def _id(self) -> str:
        return self.run_id or ""

    def _started(self, run_id: str, plan: Plan, at: str) -> None:
        process = self._process
        self._planned = frozenset(plan.order)
        self._run = RunRecord(
            run_id,
            self._project,
            self._env,
            plan.pipeline.name,
            plan.window.start if plan.window else None,
            plan.window.end if plan.window else None,
            Status.RUNNING.value,
            at,
            None,
            None,
            at,
            process.host,
            process.pid,
            process.began,
            process.boot_id,
            process.pid_namespace,
            self._version,
            len(plan.order),
            0,
            user_name=process.user_name,
        )
        self._set_run()
        self._changed[(PlanRecord,)] = PlanRecord(run_id, plan_text(plan, self._redact))

    def _ended(self, result: RunResult, at: str) -> None:
        error = result.error
        self._set_run(
            status=result.status.value,
            ended_at=at,
            duration_s=result.duration_s,
            error_type=error.type if error else None,
            error_message=error.message if error else None,
            error_cause=error.cause if error else None,
        )

    def _node_ended(self, result: NodeResult, at: str) -> None:
        name, status = result.name, result.status
        is_completed = status is Status.COMPLETED and name in self._open
        started_at = stamp(self._open[name][1]) if is_completed else None
        if is_completed and name not in self._shown:
            del self._open[name]  # its node's row says it all
        elif result.attempts:
            self._attempt_ended(name, result.attempts, status.value, at, result.error)
        self._nodes[name] = NodeRecord(
            self._id, name, status.value, result.attempts, at, result.duration_s, result.note, started_at
        )
        for output in result.outputs:
            self._output(name, output, at, is_published=output.is_published)
        for read in result.reads:
            self._changed[(ReadRecord, name, read.input)] = ReadRecord(
                self._id, name, read.input, read.location, read.version
            )
        if status in _DONE:
            self._done.add(name)
        else:
            self._done.discard(name)
        self._ended_here.add(name)

    def _attempt_ended(
        self,
        node: str,
        attempt: int,
        status: str,
        at: str,
        error: ErrorInfo | None = None,
        delay_s: float | None = None,
    ) -> None:
        under_way = self._open.pop(node, None)
        if under_way is None and error is None:
            return  # it was called off between two attempts
        began = at
        if under_way is not None:
            attempt, began = under_way[0], stamp(under_way[1])
        self._shown.discard(node)
        self._changed[(AttemptRecord, node, attempt)] = AttemptRecord(
            self._id,
            node,
            attempt,
            began,
            at,
            status,
            error.type if error else None,
            error.message if error else None,
            str(error.kind) if error else None,
            error.cause if error else None,
            delay_s,
        )

    def _output(self, node: str, output: OutputResult, at: str, *, is_published: bool) -> None:
        written_at = self._staged.pop((node, output.id), at)
        if not is_published:
            self._staged[node, output.id] = at
        self._changed[(OutputRecord, node, output.id)] = OutputRecord(
            self._id,
            node,
            output.id,
            output.format,
            output.path,
            output.table,
            output.rows,
            output.schema,
            int(output.is_written),
            written_at,
            at if is_published else None,
        )

    def _note(self, note: str, at: str) -> None:
        self._changed[(NoteRecord, at, note)] = NoteRecord(self._id, at, note)

    def _set_run(self, **changes: Any) -> None:  # Any: columns of the run
        if self._run is not None:
            self._run = self._run._replace(nodes_done=len(self._done), **changes)
            self._changed[(RunRecord,)] = self._run


def clean(rows: Sequence[Record], redact: Callable[[str], str]) -> Sequence[Record]:
    """The rows without secrets, and without what no database takes as text; plans are without secrets already.

    They are looked at together first: there is rarely anything to do.
    """
    whole = "\n".join([cell for row in rows if type(row) is not PlanRecord for cell in row if type(cell) is str])
    if redact(whole) == whole == _storable(whole):
        return rows
    return [_clean(row, redact) for row in rows]


def plan_text(plan: Plan, redact: Callable[[str], str] = str) -> str:
    """A plan as JSON."""
    document: dict[str, object] = {
        "order": list(plan.order),
        "max_workers": plan.max_workers,
        "on_failure": str(plan.on_failure),
        "publish": str(plan.publish),
        "left_out": list(plan.left_out),
    }
    some = (plan.order[at : at + _AT_ONCE] for at in range(0, len(plan.order), _AT_ONCE))
    nodes = ", ".join([json.dumps([_planned(plan.nodes[name]) for name in names])[1:-1] for names in some])
    text = f'{json.dumps(document)[:-1]}, "nodes": [{nodes}]}}'
    return text if redact(text) == text else json.dumps(_each_redacted(json.loads(text), redact))


def _planned(node: PlannedNode) -> dict[str, object]:
    """What is planned of a node, without what is not there: a run has many nodes, and little of that in each."""
    told: dict[str, object] = {"name": node.name, "reason": node.reason}
    if node.spec.function is not None:
        told["function"] = node.spec.function
    if node.spec.sql is not None:
        told["sql"] = node.spec.sql
    if node.dependencies:
        told["dependencies"] = node.dependencies
    if node.inputs:
        told["inputs"] = [_planned_input(one) for one in node.inputs]
    if node.outputs:
        told["outputs"] = [
            {
                "id": one.id,
                "format": one.spec.format_name,
                "location": one.location,
                "write_mode": str(one.spec.write_mode),
                "overwrite_scope": str(one.spec.overwrite_scope),
            }
            for one in node.outputs
        ]
    return told


def _planned_input(one: PlannedInput) -> dict[str, str]:
    told = {"id": one.id, "origin": one.origin.value}
    if one.node is not None:
        told["node"] = one.node
    if one.location is not None:
        told["location"] = one.location
    return told


def _each_redacted(value: Any, redact: Callable[[str], str]) -> Any:  # Any: whatever JSON holds
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _each_redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_redacted(item, redact) for item in value]
    return value


def _clean(row: Record, redact: Callable[[str], str]) -> Record:
    if isinstance(row, PlanRecord):
        return row._replace(run_id=_storable(redact(row.run_id)))
    cells: list[Any] = [_storable(redact(cell)) if isinstance(cell, str) else cell for cell in row]  # Any: see Record
    return type(row)(*cells)


def _storable(text: str) -> str:
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
