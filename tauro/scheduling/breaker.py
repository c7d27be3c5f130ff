"""The circuit breaker: after too many failures in a row nothing new starts for a while, then one node may try."""

from __future__ import annotations

from enum import StrEnum

from tauro.model.outcome import FailureKind
from tauro.model.settings import BreakerSpec


class BreakerState(StrEnum):
    """Whether attempts may start."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts consecutive failures across nodes; times are seconds of any clock that only goes forward.

    Permanent failures say nothing about the cluster: they neither count nor end a series.
    """

    def __init__(self, spec: BreakerSpec) -> None:
        self._spec = spec
        self._failures = 0
        self._opened_at: float | None = None  # None while closed
        self._trial: str | None = None  # the node that spends the half-open permit; None if it is free

    @property
    def reset_s(self) -> float:
        """Seconds for which it stays open."""
        return self._spec.reset_s

    @property
    def failures(self) -> int:
        """Failures in a row so far."""
        return self._failures

    def state(self, now: float) -> BreakerState:
        """Where the breaker stands at `now`."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._opened_at + self._spec.reset_s else BreakerState.HALF_OPEN

    def may_start(self, now: float) -> bool:
        """Whether a node may start at `now`; asking spends nothing."""
        state = self.state(now)
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and self._trial is None)

    def reopens_at(self) -> float | None:
        """When the open breaker lets a node try; None while it is closed."""
        return None if self._opened_at is None else self._opened_at + self._spec.reset_s

    def started(self, node: str, now: float) -> None:
        """A node has really started: in a half-open breaker it spends the permit."""
        if self.state(now) is BreakerState.HALF_OPEN:
            self._trial = node

    def succeeded(self, node: str, now: float) -> None:
        """An attempt succeeded at `now`: the series ends, and the node on trial closes the breaker.

        Until then any other node leaves it open: what succeeds there began before the failures.
        """
        if self.state(now) is not BreakerState.CLOSED and node != self._trial:
            return
        self._failures = 0
        self._opened_at = None
        self._trial = None

    def failed(self, node: str, kind: FailureKind, now: float) -> bool:
        """An attempt failed; True if that opens the breaker (again)."""
        on_trial = node == self._trial
        if on_trial:
            self._trial = None
        if kind is FailureKind.PERMANENT:
            return False
        self._failures += 1
        if on_trial or (self._opened_at is None and self._failures >= self._spec.threshold):
            self._opened_at = now
            return True
        return False

    def gave_up(self, node: str) -> None:
        """An attempt ended without telling anything, as a cancelled one does: its permit is free again."""
        if node == self._trial:
            self._trial = None
