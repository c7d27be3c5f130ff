"""The run state machine: events in, changes out.

It knows nothing of threads, clocks or Spark: time and randomness are arguments. All a node can go through is in the
table `TRANSITIONS`; a step that is not there raises, and the message tells the node's story.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush

from tauro.errors import IllegalTransitionError, InvalidValueError, UnknownNameError
from tauro.model.outcome import FailureKind, Status
from tauro.model.settings import BreakerSpec, OnFailure, RetrySpec
from tauro.scheduling.breaker import Breaker, BreakerState
from tauro.scheduling.retry import pause_s


class Step(StrEnum):
    """What can happen to a node."""

    START = "start"
    COMPLETE = "complete"
    RETRY = "retry"
    FAIL = "fail"
    CANCEL = "cancel"
    SKIP = "skip"


TRANSITIONS: dict[tuple[Status, Step], Status] = {
    (Status.PENDING, Step.START): Status.RUNNING,
    (Status.PENDING, Step.CANCEL): Status.CANCELLED,
    (Status.PENDING, Step.SKIP): Status.SKIPPED,
    (Status.RUNNING, Step.COMPLETE): Status.COMPLETED,
    (Status.RUNNING, Step.RETRY): Status.RETRYING,
    (Status.RUNNING, Step.FAIL): Status.FAILED,
    (Status.RUNNING, Step.CANCEL): Status.CANCELLED,
    (Status.RETRYING, Step.START): Status.RUNNING,
    (Status.RETRYING, Step.CANCEL): Status.CANCELLED,
}
_FREES_DEPENDENTS = frozenset({Status.COMPLETED, Status.SKIPPED})
_CANCELS_DEPENDENTS = frozenset({Status.FAILED, Status.CANCELLED})


@dataclass(slots=True)
class Task:
    """What the machine knows of one node."""

    name: str
    order: int
    """Its place among the registered nodes; decides between equals."""
    rank: int = 0
    """The length of its longest remaining path; the longest goes first."""
    retry: RetrySpec = field(default_factory=RetrySpec)
    status: Status = Status.PENDING
    attempts: int = 0
    """Attempts begun so far."""
    due_at: float = 0.0
    """When a retrying node may start again, on the caller's clock."""
    waiting_for: set[str] = field(default_factory=set)
    """Dependencies that are not done yet, those that nobody has registered yet included."""
    dependents: list[str] = field(default_factory=list)
    story: list[Step] = field(default_factory=list)
    """Every step it went through, oldest first."""


@dataclass(frozen=True, slots=True)
class Change:
    """A node has entered a state."""

    node: str
    status: Status
    note: str | None = None
    """Why, for cancelled nodes."""
    delay_s: float | None = None
    """The pause before the next attempt, for retrying nodes."""


class RunMachine:
    """The state of one run.

    Args:
        on_failure: whether a node that failed for good stops everything that has not started.
        breaker: when failures in a row keep new attempts from starting.
    """

    def __init__(self, on_failure: OnFailure = OnFailure.STOP, breaker: BreakerSpec | None = None) -> None:
        self.breaker = Breaker(breaker or BreakerSpec())
        self._on_failure = on_failure
        self._tasks: dict[str, Task] = {}
        self._awaited: dict[str, list[str]] = {}  # a name nobody has registered yet -> who waits for it
        self._ready: list[tuple[int, int, str]] = []  # a heap of (-rank, order, name); may hold names that moved on
        self._retries: list[tuple[float, int, str]] = []  # a heap of (due_at, order, name); likewise
        self._unfinished = 0
        self._running = 0
        self._halted: str | None = None  # why nothing new starts; None while the run goes on

    def add(
        self, name: str, dependencies: Iterable[str] = (), retry: RetrySpec | None = None, rank: int = 0
    ) -> list[Change]:
        """Registers a node; dependencies may be registered after it.

        Returns:
            Its cancellation, where a dependency has failed already, or else nothing.

        Raises:
            InvalidValueError: the name is taken, or the node depends on itself.
        """
        if name in self._tasks:
            raise InvalidValueError(f"node {name!r} is registered already")
        named = dict.fromkeys(dependencies)
        if name in named:
            raise InvalidValueError(f"node {name!r} depends on itself")
        task = Task(name, len(self._tasks), rank, retry or RetrySpec())
        blocked_by: str | None = None
        for dependency in named:
            other = self._tasks.get(dependency)
            if other is None:
                self._awaited.setdefault(dependency, []).append(name)
            else:
                other.dependents.append(name)
                if other.status in _FREES_DEPENDENTS:
                    continue
                if other.status in _CANCELS_DEPENDENTS:
                    blocked_by = dependency
            task.waiting_for.add(dependency)
        task.dependents.extend(self._awaited.pop(name, ()))
        self._tasks[name] = task
        self._unfinished += 1
        if self._halted is not None:
            return [*self._cancel(task, self._halted)]
        if blocked_by is not None:
            return [*self._cancel(task, f"{blocked_by!r} did not complete")]
        self._push_if_ready(task)
        return []

    def status_of(self, name: str) -> Status:
        """Where the node stands.

        Raises:
            UnknownNameError: no such node is registered.
        """
        return self.task(name).status

    def task(self, name: str) -> Task:
        """What is known of the node; to be read, not written.

        Raises:
            UnknownNameError: no such node is registered.
        """
        try:
            return self._tasks[name]
        except KeyError:
            raise UnknownNameError("node", name, list(self._tasks)) from None

    @property
    def names(self) -> tuple[str, ...]:
        """Every registered node, in the order of registration."""
        return tuple(self._tasks)

    @property
    def is_over(self) -> bool:
        """Whether every node has reached a final state."""
        return self._unfinished == 0

    @property
    def is_halted(self) -> bool:
        """Whether nothing new starts any more."""
        return self._halted is not None

    @property
    def running(self) -> int:
        """How many nodes are running."""
        return self._running

    def next_ready(self, now: float) -> str | None:
        """The node that should start next, the one with the longest remaining path; None if none may start."""
        while self._retries and self._retries[0][0] <= now:
            task = self._tasks[heappop(self._retries)[2]]
            if task.status is Status.RETRYING:
                heappush(self._ready, (-task.rank, task.order, task.name))
        while self._ready:
            task = self._tasks[self._ready[0][2]]
            if self._is_ready(task, now):
                return task.name if self.breaker.may_start(now) else None
            heappop(self._ready)
        return None

    def wakes_at(self, now: float) -> float | None:
        """When a node may start by the passing of time alone; None if only an event can change anything."""
        times = []
        if self._retries:
            times.append(self._retries[0][0])
        if self._ready and self.breaker.state(now) is BreakerState.OPEN:
            times.append(self.breaker.reopens_at() or now)
        return min(times, default=None)

    def start(self, name: str, now: float) -> bool:
        """Begins an attempt at the node if it may start at `now`: all its dependencies are done, its pause is over, it
        is not running, and the breaker lets it.

        Returns:
            Whether it has started; False changes nothing.
        """
        task = self.task(name)
        if not self._is_ready(task, now) or not self.breaker.may_start(now):
            return False
        self._step(task, Step.START)
        task.attempts += 1
        self._running += 1
        self.breaker.started(name, now)
        return True

    def complete(self, name: str, now: float) -> list[Change]:
        """The node's attempt succeeded."""
        task = self.task(name)
        self._step(task, Step.COMPLETE)
        self._running -= 1
        self._unfinished -= 1
        self.breaker.succeeded(name, now)
        self._free_dependents(task)
        return [Change(name, Status.COMPLETED)]

    def fail(self, name: str, kind: FailureKind, now: float, jitter: float = 0.5) -> list[Change]:
        """The node's attempt failed: it is retried if that may help, else it ends and its dependents are cancelled.

        Args:
            name: the node.
            kind: whether trying again can help.
            now: the time.
            jitter: a random number from 0 to 1 that spreads the pause.
        """
        task = self.task(name)
        can_retry = kind is not FailureKind.PERMANENT and task.attempts <= task.retry.retries and not self.is_halted
        self._step(task, Step.RETRY if can_retry else Step.FAIL)
        self._running -= 1
        self.breaker.failed(name, kind, now)
        if can_retry:
            delay_s = pause_s(task.retry, task.attempts, jitter)
            task.due_at = now + delay_s
            heappush(self._retries, (task.due_at, task.order, name))
            return [Change(name, Status.RETRYING, delay_s=delay_s)]
        self._unfinished -= 1
        changes = [Change(name, Status.FAILED), *self._cancel_dependents(task)]
        if self._on_failure is OnFailure.STOP:
            changes += self.halt(f"{name!r} failed")
        return changes

    def cancel(self, name: str, why: str) -> list[Change]:
        """The node, running or not, is cancelled, and so are its dependents."""
        task = self.task(name)
        was_running = task.status is Status.RUNNING
        changes = [*self._cancel(task, why)]
        if was_running:
            self._running -= 1
            self.breaker.gave_up(name)
        return changes

    def skip(self, name: str, why: str) -> list[Change]:
        """The node need not run: its dependents may, as if it had completed."""
        task = self.task(name)
        self._step(task, Step.SKIP)
        self._unfinished -= 1
        self._free_dependents(task)
        return [Change(name, Status.SKIPPED, why)]

    def halt(self, why: str) -> list[Change]:
        """Nothing new starts: every node that is not running, and not at its end, is cancelled."""
        self._halted = self._halted or why
        changes: list[Change] = []
        for task in self._tasks.values():
            if task.status in (Status.PENDING, Status.RETRYING):
                changes += self._cancel(task, why)
        return changes

    def check(self) -> None:
        """Checks what must always hold between the machine's fields; for tests.

        Raises:
            AssertionError: something does not hold.
        """
        by_status = [task.status for task in self._tasks.values()]
        assert self._running == by_status.count(Status.RUNNING)
        assert self._unfinished == sum(not status.is_final for status in by_status)
        assert self._halted is None or not {Status.PENDING, Status.RETRYING} & set(by_status)
        queued = {name for *_, name in (*self._ready, *self._retries)}
        for task in self._tasks.values():
            undone = {name for name in task.waiting_for if self._tasks.get(name) is not None}
            assert not any(self._tasks[name].status in _FREES_DEPENDENTS for name in undone), task
            assert task.attempts == task.story.count(Step.START), task
            assert task.status is not Status.RUNNING or not task.waiting_for, task
            assert task.attempts <= task.retry.retries + 1, task
            assert task.name in queued or not self._waits_its_turn(task), task
            if any(self._tasks[name].status in _CANCELS_DEPENDENTS for name in undone):
                assert task.status in (Status.CANCELLED, Status.SKIPPED), task

    def _is_ready(self, task: Task, now: float) -> bool:
        if task.status is Status.PENDING:
            return not task.waiting_for
        return task.status is Status.RETRYING and task.due_at <= now

    @staticmethod
    def _waits_its_turn(task: Task) -> bool:
        return task.status is Status.RETRYING or (task.status is Status.PENDING and not task.waiting_for)

    def _push_if_ready(self, task: Task) -> None:
        if not task.waiting_for and task.status is Status.PENDING:
            heappush(self._ready, (-task.rank, task.order, task.name))

    def _free_dependents(self, task: Task) -> None:
        for name in task.dependents:
            dependent = self._tasks[name]
            dependent.waiting_for.discard(task.name)
            self._push_if_ready(dependent)

    def _cancel_dependents(self, task: Task) -> Iterator[Change]:
        waiting = deque(task.dependents)
        while waiting:
            dependent = self._tasks[waiting.popleft()]
            if dependent.status is Status.PENDING:
                self._step(dependent, Step.CANCEL)
                self._unfinished -= 1
                yield Change(dependent.name, Status.CANCELLED, f"{task.name!r} {task.status.value}")
                waiting.extend(dependent.dependents)

    def _cancel(self, task: Task, why: str) -> Iterator[Change]:
        self._step(task, Step.CANCEL)
        self._unfinished -= 1
        yield Change(task.name, Status.CANCELLED, why)
        yield from self._cancel_dependents(task)

    def _step(self, task: Task, step: Step) -> None:
        try:
            task.status = TRANSITIONS[task.status, step]
        except KeyError:
            story = ", ".join(task.story) or "nothing yet"
            raise IllegalTransitionError(
                f"node {task.name!r} is {task.status} and can't {step}; its story: {story}",
            ) from None
        task.story.append(step)
