"""The run state machine: who may start, and what follows from how it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tauro.errors import IllegalTransitionError, InvalidValueError, UnknownNameError
from tauro.model.outcome import FailureKind, Status
from tauro.model.settings import BreakerSpec, OnFailure, RetrySpec
from tauro.scheduling.machine import RunMachine

OTHER, PERMANENT = FailureKind.OTHER, FailureKind.PERMANENT
Make = Callable[..., RunMachine]


def statuses(machine: RunMachine) -> dict[str, str]:
    return {name: machine.status_of(name).value for name in machine.names}


def test_a_node_may_start_when_its_last_dependency_is_done(machine: RunMachine) -> None:
    machine.add("a")
    machine.add("b")
    machine.add("c", ["a", "b"])
    machine.start("a", 0)
    machine.start("b", 0)
    machine.complete("a", 1)
    assert not machine.start("c", 1)
    machine.complete("b", 2)
    assert machine.next_ready(2) == "c"
    assert machine.start("c", 2)


def test_a_started_node_does_not_start_again(machine: RunMachine) -> None:
    machine.add("a")
    assert machine.start("a", 0)
    assert not machine.start("a", 0)
    machine.complete("a", 1)
    assert not machine.start("a", 1)
    assert machine.task("a").attempts == 1


def test_dependencies_may_be_registered_later(machine: RunMachine) -> None:
    machine.add("b", ["a"])
    assert machine.next_ready(0) is None
    machine.add("a")
    machine.start("a", 0)
    machine.complete("a", 0)
    assert machine.next_ready(0) == "b"


def test_the_longest_remaining_path_goes_first_then_the_declared_order(machine: RunMachine) -> None:
    for name, rank in (("short", 1), ("long", 5), ("as long", 5), ("shorter", 0)):
        machine.add(name, rank=rank)
    order = []
    while (name := machine.next_ready(0)) is not None:
        order.append(name)
        machine.start(name, 0)
    assert order == ["long", "as long", "short", "shorter"]


def test_a_failure_is_retried_as_often_as_asked(machine: RunMachine) -> None:
    machine.add("a", retry=RetrySpec(retries=2, backoff_s=4))
    delays = []
    for now in (0, 100):
        assert machine.start("a", now)
        (change,) = machine.fail("a", OTHER, now, jitter=1)
        assert change.status is Status.RETRYING
        delays.append(change.delay_s)
    assert delays == [4, 8]
    machine.start("a", 200)
    assert [change.status for change in machine.fail("a", OTHER, 200)] == [Status.FAILED]
    assert machine.task("a").attempts == 3


def test_nothing_is_retried_unless_asked_for(machine: RunMachine) -> None:
    machine.add("a")
    machine.start("a", 0)
    machine.fail("a", FailureKind.TRANSIENT, 0)
    assert machine.status_of("a") is Status.FAILED


def test_a_permanent_failure_is_never_retried(machine: RunMachine) -> None:
    machine.add("a", retry=RetrySpec(retries=5))
    machine.start("a", 0)
    machine.fail("a", PERMANENT, 0)
    assert machine.status_of("a") is Status.FAILED


def test_a_retry_waits_for_its_pause_while_others_start(machine: RunMachine) -> None:
    machine.add("a", retry=RetrySpec(retries=1, backoff_s=10), rank=9)
    machine.add("b")
    machine.start("a", 0)
    machine.fail("a", OTHER, 0, jitter=1)
    assert machine.running == 0
    assert machine.next_ready(1) == "b"
    assert not machine.start("a", 9.9)
    assert machine.wakes_at(1) == 10
    assert machine.next_ready(10) == "a"


def test_stop_lets_what_runs_finish_and_cancels_the_rest(machine: RunMachine) -> None:
    machine.add("fails")
    machine.add("runs")
    machine.add("after", ["runs"])
    machine.add("apart")
    machine.add("tried", retry=RetrySpec(retries=1))
    for name in ("fails", "runs", "tried"):
        machine.start(name, 0)
    machine.fail("tried", OTHER, 0)
    machine.fail("fails", OTHER, 0)
    assert machine.is_halted
    machine.complete("runs", 1)
    assert statuses(machine) == {
        "fails": "failed",
        "runs": "completed",
        "after": "cancelled",
        "apart": "cancelled",
        "tried": "cancelled",
    }
    assert machine.is_over


def test_continue_cancels_dependents_alone(make_machine: Make) -> None:
    machine = make_machine(OnFailure.CONTINUE)
    machine.add("fails")
    machine.add("after", ["fails"])
    machine.add("far after", ["after", "apart"])
    machine.add("apart")
    machine.start("fails", 0)
    changes = machine.fail("fails", OTHER, 0)
    assert [(change.node, change.status.value, change.note) for change in changes] == [
        ("fails", "failed", None),
        ("after", "cancelled", "'fails' failed"),
        ("far after", "cancelled", "'fails' failed"),
    ]
    assert machine.next_ready(0) == "apart"


def test_a_node_registered_below_a_failed_one_is_cancelled(make_machine: Make) -> None:
    machine = make_machine(OnFailure.CONTINUE)
    machine.add("waits", ["late"])
    machine.add("fails")
    machine.start("fails", 0)
    machine.fail("fails", OTHER, 0)
    assert [change.node for change in machine.add("late", ["fails"])] == ["late", "waits"]


def test_a_node_registered_after_a_halt_is_cancelled(machine: RunMachine) -> None:
    machine.halt("enough")
    assert [change.note for change in machine.add("a")] == ["enough"]


def test_a_skipped_node_frees_its_dependents(machine: RunMachine) -> None:
    machine.add("a")
    machine.add("b", ["a"])
    machine.skip("a", "it is up to date")
    assert machine.next_ready(0) == "b"


def test_a_cancelled_running_node_takes_its_dependents_along(machine: RunMachine) -> None:
    machine.add("a")
    machine.add("b", ["a"])
    machine.start("a", 0)
    changes = machine.cancel("a", "stopped")
    assert [(change.node, change.note) for change in changes] == [("a", "stopped"), ("b", "'a' cancelled")]
    assert machine.running == 0


def test_the_breaker_keeps_nodes_from_starting_until_it_half_opens(make_machine: Make) -> None:
    machine = make_machine(OnFailure.CONTINUE, BreakerSpec(threshold=2, reset_s=30))
    for name in ("a", "b", "c", "d"):
        machine.add(name)
    for name in ("a", "b"):
        machine.start(name, 0)
        machine.fail(name, OTHER, 0)
    assert machine.next_ready(1) is None
    assert not machine.start("c", 1)
    assert machine.wakes_at(1) == 30
    assert machine.next_ready(30) == "c"
    assert machine.start("c", 30)
    assert not machine.start("d", 30)
    machine.complete("c", 31)
    assert machine.start("d", 31)


def test_a_permit_is_not_spent_on_a_node_that_does_not_start(make_machine: Make) -> None:
    machine = make_machine(OnFailure.CONTINUE, BreakerSpec(threshold=1, reset_s=10))
    for name, dependencies in (("a", []), ("b", []), ("c", ["b"]), ("d", [])):
        machine.add(name, dependencies)
    machine.start("a", 0)
    machine.fail("a", OTHER, 0)
    assert not machine.start("c", 10)  # waits for b
    assert not machine.start("a", 10)  # is at its end
    assert machine.next_ready(10) == "b"  # asking alone
    assert machine.start("d", 10)
    assert not machine.start("b", 10)


def test_an_attempt_that_is_cancelled_gives_its_permit_back(make_machine: Make) -> None:
    machine = make_machine(OnFailure.CONTINUE, BreakerSpec(threshold=1, reset_s=10))
    for name in ("a", "b", "c"):
        machine.add(name)
    machine.start("a", 0)
    machine.fail("a", OTHER, 0)
    machine.start("b", 10)
    machine.cancel("b", "stopped")
    assert machine.start("c", 10)


@pytest.mark.parametrize("step", ["complete", "fail"])
def test_an_illegal_step_tells_the_story_of_the_node(machine: RunMachine, step: str) -> None:
    machine.add("a", retry=RetrySpec(retries=1, backoff_s=0))
    machine.start("a", 0)
    machine.fail("a", OTHER, 0)
    machine.start("a", 1)
    machine.complete("a", 2)
    with pytest.raises(IllegalTransitionError, match=r"'a' is completed.*story: start, retry, start, complete"):
        machine.complete("a", 3) if step == "complete" else machine.fail("a", OTHER, 3)


def test_an_illegal_step_of_a_fresh_node_says_so(machine: RunMachine) -> None:
    machine.add("a")
    with pytest.raises(IllegalTransitionError, match="pending and can't complete; its story: nothing yet"):
        machine.complete("a", 0)


def test_an_unknown_node_is_named_with_suggestions(machine: RunMachine) -> None:
    machine.add("extract")
    with pytest.raises(UnknownNameError, match="did you mean 'extract'"):
        machine.status_of("extrakt")


def test_a_name_is_registered_once(machine: RunMachine) -> None:
    machine.add("a")
    with pytest.raises(InvalidValueError, match="'a' is registered already"):
        machine.add("a")


def test_a_refused_node_leaves_no_trace(machine: RunMachine) -> None:
    machine.add("a")
    with pytest.raises(InvalidValueError, match="depends on itself"):
        machine.add("b", ["a", "b"])
    machine.start("a", 0)
    machine.complete("a", 0)
    assert machine.is_over
