"""Durable steps, stopped between one and the next as a kill would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TypeVar

from tauro.storage.steps import watch

T = TypeVar("T")
_MOST = 100


class Stopped(BaseException):
    """Stands for the end of the process: nothing catches it."""


def in_single_steps(act: Callable[[], T]) -> tuple[T, list[str]]:
    """Calls `act` until it is through, and stops it each time after one step; also tells the steps that it took.

    Args:
        act: starts anew each time, as a new process would.
    """
    taken: list[str] = []
    before: list[str] = []
    most = 1
    for _ in range(_MOST):
        seen: list[str] = []

        def stop(name: str, seen: list[str] = seen, most: int = most) -> None:
            if len(seen) == most:
                raise Stopped
            seen.append(name)

        watch(stop)
        try:
            return act(), taken + seen
        except Stopped:
            taken += seen
        finally:
            watch(None)
        most = most + 1 if seen == before else 1  # a step that each process takes anew is no progress
        before = seen
    raise AssertionError(f"no end of steps: {taken}")


def kill_at(name: str, times: int) -> None:
    """Has this process killed at a step, the `times`-th time that it is about to be taken."""
    left = times

    def kill(step: str) -> None:
        nonlocal left
        left -= step == name
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(kill)
