"""Where every node of a running pipeline stands, safe to ask and to tell from many threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from threading import Lock
from typing import Any, Protocol

from tauro.exec.failures import kind_of
from tauro.model.outcome import Status
from tauro.model.settings import BreakerSpec, OnFailure, RetrySpec
from tauro.scheduling.machine import Change, RunMachine

_ENDS_QUERIES = frozenset({Status.FAILED, Status.CANCELLED})


class Query(Protocol):
    """A streaming query that belongs to a node."""

    def stop(self) -> object:
        """Ends the query."""


class UnifiedPipelineState:
    """A locked face over the run state machine.

    Retries are due at once here: whoever drives the nodes by this face decides when to try again.

    Args:
        circuit_breaker_threshold: failures in a row, permanent ones aside, after which nothing starts for a while.
        reset_s: how long that while is, in seconds; then one node may try.
        clock: seconds, only going forward.
    """

    def __init__(
        self,
        circuit_breaker_threshold: int = 3,
        *,
        reset_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = RunMachine(
            OnFailure.CONTINUE, BreakerSpec(threshold=circuit_breaker_threshold, reset_s=reset_s)
        )
        self._clock = clock
        self._lock = Lock()
        self._outputs: dict[str, Any] = {}
        self._queries: dict[str, list[Query]] = {}

    def register_node(self, name: str, dependencies: Iterable[str] = (), retries: int = 0) -> None:
        """Adds a node that starts when all its dependencies, registered before or after it, are done.

        Raises:
            InvalidValueError: the name is taken, or the node depends on itself.
        """
        with self._lock:
            self._machine.add(name, dependencies, RetrySpec(retries=retries, backoff_s=0.0))

    def start_node_execution(self, name: str) -> bool:
        """Claims the node for the caller: True for exactly one of all threads that ask, and only if it may start.

        Raises:
            UnknownNameError: no such node is registered.
        """
        with self._lock:
            return self._machine.start(name, self._clock())

    def complete_node_execution(self, name: str, output: Any = None) -> None:
        """The node is done; `output` is kept for `output_of`.

        Raises:
            UnknownNameError: no such node is registered.
            IllegalTransitionError: the node is not running.
        """
        with self._lock:
            self._machine.complete(name, self._clock())
            self._outputs[name] = output

    def fail_node_execution(self, name: str, error: BaseException) -> None:
        """The node's attempt failed: it may start again if retries are left and `error` is not permanent.

        Otherwise its dependents are cancelled, and the queries of all these nodes are stopped.

        Raises:
            UnknownNameError: no such node is registered.
            IllegalTransitionError: the node is not running.
        """
        with self._lock:
            changes = self._machine.fail(name, kind_of(error), self._clock())
            queries = self._queries_that_end(changes)
        _stop(queries)

    def register_query(self, name: str, query: Query) -> None:
        """Binds a streaming query to the node, so that it ends when the node fails or is cancelled, or at once.

        Raises:
            UnknownNameError: no such node is registered.
        """
        with self._lock:
            is_over = self._machine.status_of(name) in _ENDS_QUERIES
            if not is_over:
                self._queries.setdefault(name, []).append(query)
        if is_over:
            query.stop()

    def status_of(self, name: str) -> Status:
        """Where the node stands.

        Raises:
            UnknownNameError: no such node is registered.
        """
        with self._lock:
            return self._machine.status_of(name)

    def output_of(self, name: str) -> Any:
        """What `complete_node_execution` was given for the node; None before that."""
        with self._lock:
            self._machine.task(name)
            return self._outputs.get(name)

    def _queries_that_end(self, changes: list[Change]) -> list[Query]:
        ended = [change.node for change in changes if change.status in _ENDS_QUERIES]
        return [query for node in ended for query in self._queries.pop(node, ())]


def _stop(queries: list[Query]) -> None:
    """Stops every query, also when one of them can't be stopped: that is raised afterwards."""
    with ExitStack() as stack:
        for query in reversed(queries):
            stack.callback(query.stop)
