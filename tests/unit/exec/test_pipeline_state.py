"""The locked face over the run state machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from tauro.errors import IllegalTransitionError, InvalidValueError, UnknownNameError
from tauro.exec.pipeline_state import UnifiedPipelineState
from tauro.model.outcome import Status


class FakeQuery:
    def __init__(self, error: Exception | None = None) -> None:
        self.stops = 0
        self._error = error

    def stop(self) -> None:
        self.stops += 1
        if self._error is not None:
            raise self._error


def in_threads(count: int, ask: Callable[[], bool]) -> list[bool]:
    """What `ask` says in `count` threads that begin at once."""
    barrier, said = Barrier(count), []

    def run() -> None:
        barrier.wait()
        said.append(ask())

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == count, "a thread was told an error"
    return said


def test_of_fifty_threads_exactly_one_may_start_a_node() -> None:
    for _ in range(20):
        state = UnifiedPipelineState()
        state.register_node("a")
        said = in_threads(50, lambda state=state: state.start_node_execution("a"))  # type: ignore[misc]  # binds it
        assert sorted(said) == [False] * 49 + [True]


class Moment(float):
    """A time that lets other threads run while it is compared, so that a missing lock shows."""

    def __ge__(self, other: float) -> bool:
        time.sleep(0.001)
        return float(self) >= other


def test_of_fifty_threads_one_at_a_time_may_try_a_node_again() -> None:
    state = UnifiedPipelineState(circuit_breaker_threshold=100, clock=lambda: Moment(time.monotonic()))
    state.register_node("a", retries=3)
    for _ in range(4):
        assert sum(in_threads(50, lambda: state.start_node_execution("a"))) == 1
        state.fail_node_execution("a", ConnectionError("gone"))
    assert state.status_of("a") is Status.FAILED


def test_a_node_starts_when_its_dependencies_are_done() -> None:
    state = UnifiedPipelineState()
    state.register_node("b", ["a"])
    state.register_node("a")
    assert not state.start_node_execution("b")
    assert state.start_node_execution("a")
    state.complete_node_execution("a", output={"rows": 3})
    assert state.start_node_execution("b")
    assert (state.status_of("a"), state.status_of("b")) == (Status.COMPLETED, Status.RUNNING)


def test_an_output_is_kept_for_others() -> None:
    state = UnifiedPipelineState()
    state.register_node("a")
    assert state.output_of("a") is None
    state.start_node_execution("a")
    state.complete_node_execution("a", output="rows")
    assert state.output_of("a") == "rows"


def test_a_failure_cancels_the_dependents_alone() -> None:
    state = UnifiedPipelineState()
    for name, needs in (("a", []), ("b", ["a"]), ("c", ["b"]), ("apart", [])):
        state.register_node(name, needs)
    state.start_node_execution("a")
    state.fail_node_execution("a", ValueError("wrong"))
    assert [state.status_of(name).value for name in ("a", "b", "c", "apart")] == [
        "failed",
        "cancelled",
        "cancelled",
        "pending",
    ]


def test_retries_are_for_failures_that_may_pass() -> None:
    state = UnifiedPipelineState()
    for name in ("permanent", "passing"):
        state.register_node(name, retries=1)
        state.start_node_execution(name)
    state.fail_node_execution("permanent", ImportError("no such module"))
    state.fail_node_execution("passing", RuntimeError("once"))
    assert state.status_of("permanent") is Status.FAILED
    assert state.status_of("passing") is Status.RETRYING
    assert state.start_node_execution("passing")


def test_the_breaker_opens_at_its_threshold_and_half_opens_later() -> None:
    now = 0.0
    state = UnifiedPipelineState(2, reset_s=30, clock=lambda: now)
    for name in "abcd":
        state.register_node(name)
    for name in "ab":
        assert state.start_node_execution(name)
        state.fail_node_execution(name, RuntimeError("down"))
    assert not state.start_node_execution("c")
    now = 30.0
    assert sum(in_threads(50, lambda: state.start_node_execution("c"))) == 1
    assert not state.start_node_execution("d")
    state.complete_node_execution("c")
    assert state.start_node_execution("d")


def test_an_illegal_step_tells_the_story() -> None:
    state = UnifiedPipelineState()
    state.register_node("a")
    with pytest.raises(IllegalTransitionError, match="'a' is pending and can't complete"):
        state.complete_node_execution("a")
    assert state.output_of("a") is None
    state.start_node_execution("a")
    state.complete_node_execution("a")
    with pytest.raises(IllegalTransitionError, match="its story: start, complete"):
        state.fail_node_execution("a", ValueError())


def test_names_are_checked() -> None:
    state = UnifiedPipelineState()
    state.register_node("extract")
    with pytest.raises(InvalidValueError, match="registered already"):
        state.register_node("extract")
    for ask in (state.status_of, state.start_node_execution, state.complete_node_execution, state.output_of):
        with pytest.raises(UnknownNameError, match="did you mean 'extract'"):
            ask("extrakt")
    with pytest.raises(UnknownNameError):
        state.register_query("extrakt", FakeQuery())


def test_queries_of_a_failed_node_and_its_dependents_are_stopped() -> None:
    state = UnifiedPipelineState()
    for name, needs in (("a", []), ("b", ["a"]), ("apart", [])):
        state.register_node(name, needs)
    state.start_node_execution("a")
    queries = {name: FakeQuery() for name in ("a", "a again", "b", "apart")}
    for name, query in queries.items():
        state.register_query(name.split()[0], query)
    state.fail_node_execution("a", ImportError("gone"))
    assert {name: query.stops for name, query in queries.items()} == {"a": 1, "a again": 1, "b": 1, "apart": 0}


def test_a_query_goes_on_while_its_node_is_tried_again() -> None:
    state = UnifiedPipelineState()
    state.register_node("a", retries=1)
    state.start_node_execution("a")
    query = FakeQuery()
    state.register_query("a", query)
    state.fail_node_execution("a", RuntimeError())
    assert query.stops == 0


def test_a_query_that_comes_too_late_is_stopped_at_once() -> None:
    state = UnifiedPipelineState()
    state.register_node("a")
    state.start_node_execution("a")
    state.fail_node_execution("a", RuntimeError())
    query = FakeQuery()
    state.register_query("a", query)
    assert query.stops == 1


def test_a_query_that_can_not_be_stopped_does_not_keep_others_running() -> None:
    state = UnifiedPipelineState()
    state.register_node("a")
    state.start_node_execution("a")
    broken, other = FakeQuery(RuntimeError("stuck")), FakeQuery()
    state.register_query("a", broken)
    state.register_query("a", other)
    with pytest.raises(RuntimeError, match="stuck"):
        state.fail_node_execution("a", ValueError())
    assert other.stops == 1
