"""Lets whoever waits for a session to start call that off from another thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Stopped = Callable[[], str | None]
"""Tells why the start is to be called off; None as long as it is not."""


def _never() -> None:
    """Nobody can call it off."""


_stopped: ContextVar[Stopped] = ContextVar("tauro_stopped", default=_never)


@contextmanager
def called_off_by(stopped: Stopped) -> Iterator[None]:
    """Has the sessions that this thread opens in the block ask whether they are still wanted.

    Args:
        stopped: may be asked from any thread.
    """
    token = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(token)


def whom_to_ask() -> Stopped:
    """Who tells, of a session that this thread opens, why that is to be called off."""
    return _stopped.get()
