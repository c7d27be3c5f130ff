"""Pauses grow, are bounded, and are spread."""

from __future__ import annotations

import pytest

from tauro.model.settings import RetrySpec
from tauro.scheduling.retry import pause_s

RETRY = RetrySpec(retries=9, backoff_s=1, max_backoff_s=60)


def test_the_pause_doubles_with_every_failure() -> None:
    assert [pause_s(RETRY, failures, jitter=1) for failures in (1, 2, 3, 4)] == [1, 2, 4, 8]


def test_the_pause_never_exceeds_the_longest() -> None:
    assert pause_s(RETRY, 7, jitter=1) == 60
    assert pause_s(RETRY, 10_000, jitter=1) == 60


def test_jitter_spreads_the_second_half_of_the_pause() -> None:
    assert pause_s(RETRY, 3, jitter=0) == 2
    assert pause_s(RETRY, 3, jitter=0.5) == 3


def test_no_backoff_is_no_pause() -> None:
    assert pause_s(RetrySpec(retries=1, backoff_s=0), 5, jitter=1) == pytest.approx(0)
