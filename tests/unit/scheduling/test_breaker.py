"""The breaker opens after a series of failures, and lets one node try after a while."""

from __future__ import annotations

import pytest

from tauro.model.outcome import FailureKind
from tauro.model.settings import BreakerSpec
from tauro.scheduling.breaker import Breaker, BreakerState

OTHER, TRANSIENT, PERMANENT = FailureKind.OTHER, FailureKind.TRANSIENT, FailureKind.PERMANENT


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(BreakerSpec(threshold=3, reset_s=10))


def opened(breaker: Breaker) -> Breaker:
    for node in "abc":
        breaker.failed(node, OTHER, now=0)
    return breaker


def test_it_opens_at_the_threshold_across_nodes(breaker: Breaker) -> None:
    assert [breaker.failed(node, kind, now=0) for node, kind in zip("abc", (OTHER, TRANSIENT, OTHER), strict=True)] == [
        False,
        False,
        True,
    ]
    assert breaker.state(0) is BreakerState.OPEN
    assert not breaker.may_start(9.9)


def test_permanent_failures_do_not_count(breaker: Breaker) -> None:
    assert not any(breaker.failed(str(at), PERMANENT, now=0) for at in range(10))
    assert breaker.state(0) is BreakerState.CLOSED


def test_permanent_failures_do_not_end_a_series(breaker: Breaker) -> None:
    breaker.failed("a", OTHER, 0)
    breaker.failed("b", OTHER, 0)
    breaker.failed("c", PERMANENT, 0)
    assert breaker.failed("d", OTHER, 0)


def test_a_success_ends_the_series(breaker: Breaker) -> None:
    breaker.failed("a", OTHER, 0)
    breaker.failed("b", OTHER, 0)
    breaker.succeeded("c", 0)
    assert not breaker.failed("d", OTHER, 0)
    assert breaker.failures == 1


def test_it_half_opens_after_its_reset_time_for_one_node(breaker: Breaker) -> None:
    opened(breaker)
    assert breaker.reopens_at() == 10
    assert breaker.state(10) is BreakerState.HALF_OPEN
    assert breaker.may_start(10)
    assert breaker.may_start(10)  # asking spends nothing
    breaker.started("d", 10)
    assert not breaker.may_start(11)


def test_the_trial_closes_it_by_success(breaker: Breaker) -> None:
    opened(breaker).started("d", 10)
    breaker.succeeded("d", 11)
    assert breaker.state(11) is BreakerState.CLOSED
    assert breaker.failures == 0


def test_the_trial_opens_it_again_by_failure(breaker: Breaker) -> None:
    opened(breaker).started("d", 10)
    assert breaker.failed("d", TRANSIENT, 12)
    assert breaker.state(21) is BreakerState.OPEN
    assert breaker.reopens_at() == 22


def test_a_permanent_failure_of_the_trial_gives_the_permit_back(breaker: Breaker) -> None:
    opened(breaker).started("d", 10)
    assert not breaker.failed("d", PERMANENT, 11)
    assert breaker.may_start(11)


def test_a_trial_that_tells_nothing_gives_the_permit_back(breaker: Breaker) -> None:
    opened(breaker).started("d", 10)
    breaker.gave_up("e")
    assert not breaker.may_start(11)
    breaker.gave_up("d")
    assert breaker.may_start(11)


def test_what_began_before_the_failures_does_not_close_an_open_breaker(breaker: Breaker) -> None:
    opened(breaker).succeeded("early", 1)
    assert breaker.state(1) is BreakerState.OPEN


@pytest.mark.parametrize("on_trial", [False, True])
def test_what_began_before_the_failures_does_not_close_a_half_open_breaker(breaker: Breaker, on_trial: bool) -> None:
    opened(breaker)
    if on_trial:
        breaker.started("d", 10)
    breaker.succeeded("early", 11)
    assert breaker.state(11) is BreakerState.HALF_OPEN
    assert breaker.may_start(11) is not on_trial
    breaker.started("d", 11)
    breaker.succeeded("d", 12)
    assert breaker.state(12) is BreakerState.CLOSED
