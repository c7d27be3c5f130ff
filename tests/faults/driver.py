"""The process that is disturbed: Tauro's command line, watched at every durable step.

`python -m tests.faults.driver ARGUMENTS` is `tauro ARGUMENTS`. The variable `FAULTS_ORDERS` holds, as JSON, a list of
orders; see `Order`. `FAULTS_TRACE` names a file to which each step is added, and `FAULTS_BEGUN` one that appears at
the first of them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from tests.faults.orders import BEGUN, ORDERS, TRACE, Order


class Saboteur:
    """Does what it was ordered to at the steps it was ordered for.

    Args:
        orders: what to do.
        trace: where to note each step; None for nowhere.
        begun: the file to make at the first step; likewise.
    """

    def __init__(self, orders: list[Order], trace: Path | None, begun: Path | None) -> None:
        self._orders = orders
        self._trace = trace.open("a", buffering=1) if trace else None
        self._begun = begun
        self._seen: Counter[str] = Counter()
        self._lock = Lock()

    def __call__(self, step: str) -> None:
        with self._lock:
            self._seen[step] += 1
            at = self._seen[step]
            if self._begun is not None:
                self._begun.touch()
                self._begun = None
            if self._trace is not None:
                self._trace.write(f"{time.monotonic():.4f} {step}\n")
        for order in self._orders:
            if order.step == step and order.at == at:
                DEEDS[order.deed](order)


def _kill(order: Order) -> None:
    del order
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _fail(order: Order) -> None:
    raise OSError(28, "no space left on device (made up by the test)", order.step)


def _wait(order: Order) -> None:
    """Says that the step is reached, then waits until the harness has done its deed."""
    reached, go = Path(f"{order.value}.reached"), Path(f"{order.value}.go")
    reached.touch()
    while not go.exists():
        time.sleep(0.01)


def _jump(order: Order) -> None:
    """Lets this process's wall clock jump by so many seconds; the monotonic one does not."""
    seconds = float(order.value)
    real: Any = time.time  # Any: replaced by a function of the same shape
    real_ns: Any = time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)
    _jump_datetime(seconds)


def _jump_datetime(seconds: float) -> None:
    import datetime as module

    class Jumped(module.datetime):
        """The date and time of a clock that is wrong."""

        @classmethod
        def now(cls, tz: module.tzinfo | None = None) -> Any:  # Any: the type of the real class
            return _real.now(tz) + module.timedelta(seconds=seconds)

    _real = module.datetime
    for other in list(sys.modules.values()):
        if getattr(other, "__name__", "").startswith("tauro") and getattr(other, "datetime", None) is _real:
            other.datetime = Jumped  # type: ignore[attr-defined]  # modules that have imported the name


def _by_renames(order: Order) -> None:
    """Takes from the file system the one step in which folders change places."""
    del order
    from tauro.storage import local

    local._renameat2 = lambda: None  # type: ignore[assignment]  # the system that lacks it


DEEDS: Mapping[str, Callable[[Order], None]] = {"kill": _kill, "fail": _fail, "wait": _wait, "jump": _jump}


def main() -> None:
    """Runs `tauro` under the orders of the environment."""
    from tauro.cli.main import main as tauro
    from tauro.storage import steps

    orders = [Order(**one) for one in json.loads(os.environ.get(ORDERS, "[]"))]
    files = {name: Path(os.environ[name]) if name in os.environ else None for name in (TRACE, BEGUN)}
    for order in orders:
        if order.deed == "renames":
            _by_renames(order)
    steps.watch(Saboteur([one for one in orders if one.deed in DEEDS], files[TRACE], files[BEGUN]))
    tauro(sys.argv[1:])


if __name__ == "__main__":
    main()
