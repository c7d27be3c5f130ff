"""The loop that drives a run: one thread that moves the machine, starts workers and hears what became of them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from tauro.errors import NodeError, NodeTimeoutError, PublishError
from tauro.exec.failures import describe, kind_of, told_by_its_cause
from tauro.exec.nodes.attempt import Attempt, AttemptCancelledError
from tauro.exec.nodes.workers import Workers
from tauro.model.events import BreakerOpened, Event, NodeEnded, NodeRetrying, NodeStarted, Observer
from tauro.model.outcome import ErrorInfo, FailureKind, NodeResult, OutputResult, ReadVersion, Status
from tauro.scheduling.machine import Change, RunMachine

CANCEL_EVERY_S = 0.2
"""How often Spark is told to cancel: a cancel hits only the jobs that run at that moment."""
GIVE_UP_AFTER_S = 5.0
"""How long a called-off attempt may take to end before its thread is left to itself."""


class Work(Protocol):
    """What the loop has done for it; all but `attempt` is called on the loop's own thread."""

    def attempt(self, attempt: Attempt) -> tuple[OutputResult, ...]:
        """Makes one try at a node, on a worker's thread; may raise anything."""

    def cancel(self, attempt: Attempt) -> None:
        """Cancels the Spark jobs of an attempt, as far as they run."""

    def reads(self, node: str) -> tuple[ReadVersion, ...]:
        """What its last attempt has read from storage."""

    def ended(self, node: str) -> None:
        """A node is at its end: what was kept for it can go."""


@dataclass(slots=True)
class _Node:
    """What the loop knows of a node that has begun."""

    timeout_s: float | None
    attempt: Attempt | None = None
    """The attempt that runs; None between attempts."""
    began_at: float = 0.0
    attempt_began_at: float = 0.0
    cancelled_at: float | None = None
    """When the running attempt was called off; None if it was not."""
    timed_out: bool = False
    outputs: tuple[OutputResult, ...] = ()
    error: NodeError | None = None
    """Why its last attempt failed; None before the first failure."""
    error_info: ErrorInfo | None = None
    """The same in words."""


@dataclass(frozen=True, slots=True)
class _Ended:
    attempt: Attempt
    outputs: tuple[OutputResult, ...] = ()
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Stop:
    why: str


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How the nodes ended."""

    nodes: dict[str, NodeResult]
    errors: dict[str, NodeError] = field(default_factory=dict)
    """Node -> why it failed, with the cause chained; in the order of failing."""
    stopped: str | None = None
    """Why the run was stopped from outside; None if it was not."""
    failure: PublishError | None = None
    """Why its outputs could not be published together; None if they were, or that was not tried."""
    is_published: bool = False
    """Whether every node is done, and all that they wrote is visible."""

    @property
    def is_done(self) -> bool:
        """Whether every node is done, or need not run."""
        return all(node.status in (Status.COMPLETED, Status.SKIPPED) for node in self.nodes.values())


class RunLoop:
    """Runs the nodes of a machine.

    Args:
        machine: the nodes, registered.
        work: what is done for each.
        max_workers: attempts at once, at most.
        timeouts: node -> seconds that one attempt may take.
        observers: told of every event, on the thread that runs the loop.
        pipeline: the pipeline's name, for messages.
        run_id: for the tags of Spark jobs.
        redact: hides secrets in a text.
        skipped: node -> why it need not run.
        clock: seconds, only going forward.
        jitter: a random number from 0 to 1 at each call.
    """

    def __init__(
        self,
        machine: RunMachine,
        work: Work,
        *,
        max_workers: int,
        timeouts: Mapping[str, float | None] | None = None,
        observers: Iterable[Observer] = (),
        pipeline: str | None = None,
        run_id: str = "run",
        redact: Callable[[str], str] = str,
        skipped: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._machine = machine
        self._work = work
        self._workers = Workers(max_workers)
        self._timeouts = timeouts or {}
        self._observers = tuple(observers)
        self._pipeline = pipeline
        self._run_id = run_id
        self._redact = redact
        self._skipped = skipped or {}
        self._clock = clock
        self._jitter = jitter
        self._inbox: SimpleQueue[_Ended | _Stop] = SimpleQueue()
        self._nodes: dict[str, _Node] = {}
        self._in_flight: dict[str, _Node] = {}
        self._watched = 0  # attempts in flight that have a time-out or were called off
        self._results: dict[str, NodeResult] = {}
        self._errors: dict[str, NodeError] = {}
        self._stopped: str | None = None

    def stop(self, why: str) -> None:
        """Cancels what runs and starts nothing new; may be called from any thread and from a signal handler."""
        self._inbox.put(_Stop(why))

    def run(self) -> RunOutcome:
        """Runs every node to its end, and returns when all are there.

        What an observer raises, and an interrupt that nobody turns into `stop`, ends the run at once.
        """
        try:
            for name, why in self._skipped.items():
                self._apply(self._machine.skip(name, why))
            while not self._machine.is_over:
                self._start_what_is_ready()
                self._hear()
        except BaseException:
            for node in self._in_flight.values():  # nobody is left to hear of them: none may publish any more
                if node.attempt is not None and node.attempt.cancel("the run was abandoned"):
                    self._work.cancel(node.attempt)
            raise
        finally:
            self._workers.close()
        return RunOutcome(self._results, self._errors, self._stopped)

    def _start_what_is_ready(self) -> None:
        while self._workers.has_room:
            now = self._clock()
            name = self._machine.next_ready(now)
            if name is None or not self._machine.start(name, now):
                return
            node = self._nodes.get(name)
            if node is None:
                node = self._nodes[name] = _Node(self._timeouts.get(name), began_at=now)
            attempt = Attempt(name, self._machine.task(name).attempts, self._run_id)
            node.attempt, node.attempt_began_at, node.cancelled_at, node.timed_out = attempt, now, None, False
            self._in_flight[name] = node
            self._watched += node.timeout_s is not None
            if self._observers:
                self._tell(NodeStarted(name, attempt.number))
            self._workers.start(lambda attempt=attempt: self._try(attempt))  # type: ignore[misc]  # a default argument binds it

    def _try(self, attempt: Attempt) -> None:
        """Makes the attempt, on a worker's thread, and reports what became of it."""
        try:
            outputs = self._work.attempt(attempt)
        except BaseException as error:  # noqa: BLE001 - user code may raise anything; it is chained to the NodeError
            self._inbox.put(_Ended(attempt, error=error))
        else:
            self._inbox.put(_Ended(attempt, outputs))

    def _hear(self) -> None:
        """Waits for the next thing to happen, or for the time at which something is due."""
        try:
            message = self._inbox.get(timeout=self._pause_s())
        except Empty:
            message = None
        while message is not None:
            if isinstance(message, _Stop):
                self._stop(message.why)
            else:
                self._ended(message)
            message = None if self._inbox.empty() else self._inbox.get()  # nobody else takes from it
        if self._watched:
            self._watch()

    def _pause_s(self) -> float | None:
        if not self._watched and not self._workers.has_room:
            return None
        now = self._clock()
        times = []
        wakes_at = self._machine.wakes_at(now) if self._workers.has_room else None
        if wakes_at is not None:
            times.append(wakes_at)
        if self._watched:
            for node in self._in_flight.values():
                if node.cancelled_at is not None:
                    times.append(now + CANCEL_EVERY_S)
                elif node.timeout_s is not None and node.attempt and not node.attempt.is_publishing:
                    times.append(node.attempt_began_at + node.timeout_s)
        return max(0.0, min(times) - now) if times else None

    def _watch(self) -> None:
        """Calls off attempts that take too long, repeats the cancelling of their jobs, gives up what does not end."""
        now = self._clock()
        for name, node in list(self._in_flight.items()):
            attempt = node.attempt
            if attempt is None:
                continue
            is_late = node.timeout_s is not None and now >= node.attempt_began_at + node.timeout_s
            if node.cancelled_at is None and is_late and attempt.cancel(f"took longer than {node.timeout_s:g} s"):
                node.timed_out, node.cancelled_at = True, now
            if node.cancelled_at is None:
                continue
            if now >= node.cancelled_at + GIVE_UP_AFTER_S:
                self._workers.give_up()
                self._forget(name, node)
                self._did_not_end(name, node, now)
            else:
                self._work.cancel(attempt)

    def _stop(self, why: str) -> None:
        self._stopped = self._stopped or why
        self._apply(self._machine.halt(why))
        now = self._clock()
        for node in self._in_flight.values():
            if node.attempt is not None and node.cancelled_at is None and node.attempt.cancel(why):
                self._watched += node.timeout_s is None
                node.cancelled_at = now

    def _ended(self, message: _Ended) -> None:
        node = self._nodes[message.attempt.node]
        if node.attempt is not message.attempt:
            return  # given up before; another thread has its place
        name, now = message.attempt.node, self._clock()
        self._workers.free()
        self._forget(name, node)
        if message.error is None:
            node.outputs = message.outputs
            self._apply(self._machine.complete(name, now))
        elif node.timed_out:
            late = NodeTimeoutError(f"the attempt took longer than {node.timeout_s:g} s", where=f"node {name!r}")
            late.__cause__ = None if isinstance(message.error, AttemptCancelledError) else message.error
            self._failed(name, node, message.attempt, late, FailureKind.TRANSIENT, now)
        elif node.cancelled_at is not None:
            self._apply(self._machine.cancel(name, message.attempt.cancelled or "stopped"))
        else:
            error = told_by_its_cause(message.error)
            self._failed(name, node, message.attempt, error, kind_of(error), now)

    def _did_not_end(self, name: str, node: _Node, now: float) -> None:
        """An attempt was called off and its thread does not end: no other attempt may run beside it."""
        if not node.timed_out:
            self._apply(self._machine.cancel(name, f"{self._stopped}; it did not end by itself"))
            return
        attempt = Attempt(name, self._machine.task(name).attempts, self._run_id)
        late = NodeTimeoutError(
            f"the attempt took longer than {node.timeout_s:g} s and can't be stopped",
            where=f"node {name!r}",
            fix="let the function return, or raise timeout_s",
        )
        self._failed(name, node, attempt, late, FailureKind.PERMANENT, now)

    def _forget(self, name: str, node: _Node) -> None:
        self._watched -= node.timeout_s is not None or node.cancelled_at is not None
        del self._in_flight[name]
        node.attempt = None

    def _failed(
        self, name: str, node: _Node, attempt: Attempt, error: BaseException, kind: FailureKind, now: float
    ) -> None:
        info = describe(error, self._redact, node=name, attempt=attempt.number, kind=kind)
        wrapped = NodeError(
            name,
            f"{info.type}: {info.message}",
            attempt=attempt.number,
            pipeline=self._pipeline,
            duration_s=now - node.attempt_began_at,
        )
        wrapped.__cause__ = error
        node.error, node.error_info = wrapped, info
        breaker = self._machine.breaker
        was_open = breaker.reopens_at()
        changes = self._machine.fail(name, kind, now, self._jitter())
        if breaker.reopens_at() not in (None, was_open) and not self._machine.is_over:
            self._tell(BreakerOpened(breaker.failures, breaker.reset_s))
        self._apply(changes)

    def _apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            node = self._nodes.get(change.node)
            if node is not None and node.error_info is not None and change.status is Status.RETRYING:
                attempts = self._machine.task(change.node).attempts
                self._tell(NodeRetrying(change.node, attempts, node.error_info, change.delay_s or 0.0))
                continue
            if node is not None and node.error is not None and change.status is Status.FAILED:
                self._errors[change.node] = node.error
            result = self._result(change, node)
            self._results[change.node] = result
            self._work.ended(change.node)
            if self._observers:
                self._tell(NodeEnded(result))

    def _result(self, change: Change, node: _Node | None) -> NodeResult:
        task = self._machine.task(change.node)
        return NodeResult(
            name=change.node,
            status=change.status,
            attempts=task.attempts,
            duration_s=self._clock() - node.began_at if node is not None else 0.0,
            error=node.error_info if node is not None and change.status is Status.FAILED else None,
            outputs=node.outputs if node is not None else (),
            note=change.note,
            reads=self._work.reads(change.node) if node is not None else (),
        )

    def _tell(self, event: Event) -> None:
        for observer in self._observers:
            observer(event)
