"""Ctrl-C and SIGTERM while a run goes on: the first asks it to stop, the second ends the process at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from types import FrameType, TracebackType
from typing import TypeVar

T = TypeVar("T")
INTERRUPTED = 130
_Handler = signal.Handlers | int | Callable[[int, FrameType | None], object] | None
_CAUGHT = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__)


class Interrupts:
    """Turns signals into one call of `stop`, then into the end of the process.

    Args:
        stop: asks the run to stop; gets the reason.
        last_words: the last words before the process ends at the second signal.
    """

    def __init__(self, stop: Callable[[str], None], last_words: Callable[[], None]) -> None:
        self._stop = stop
        self._last_words = last_words
        self._was_asked = False
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Interrupts:
        for number in _CAUGHT:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs ignore some
                self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        if self._was_asked:
            with suppress(OSError, RuntimeError):  # whatever the run was writing, the process ends here
                self._last_words()
            os._exit(INTERRUPTED)
        self._was_asked = True
        self._stop(f"interrupted by {signal.Signals(number).name}")


def beside(work: Callable[[], T]) -> T:
    """Does `work` in a thread of its own, so that the main thread is free for signals while Spark blocks the other.

    A SparkContext made outside the main thread also leaves the signal handlers alone.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)

    thread = Thread(target=call, name="tauro-run", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(1.0)
    if errors:
        raise errors[0]
    return results[0]
