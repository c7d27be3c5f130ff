"""A `spark-submit` that runs: what it prints is read line by line, and it is ended together with its driver."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Thread
from typing import IO

from tauro.launch.processes import Process, is_running, process_with_id
from tauro.launch.submit.outcome import Outcome, OutcomePlace

Line = Callable[[str], None]
_POLL_S = 0.2
_DRIVER_OUTLIVES_S = 60.0
"""How long a driver here may take to end when its JVM has died: it sees that itself, and tells how the run ended."""


class SubmitProcess:
    """`spark-submit`, in a process group of its own: Ctrl-C is for the driver to answer, and not for its JVM.

    Args:
        command: its call.
        environment: its variables.
        place: where the driver tells of itself; None if there is no place that both see.
        is_driver_here: whether the driver runs on this machine.
        only_watches: whether it has nothing more to do once the driver has told how the run ended.
        say: shown what the driver prints, a line at a time; called by another thread.
        log: shown what Spark prints; likewise.

    Raises:
        OSError: there is no such program.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        place: OutcomePlace | None,
        *,
        is_driver_here: bool,
        only_watches: bool,
        say: Line,
        log: Line,
    ) -> None:
        self._place = place
        self._is_driver_here = is_driver_here
        self._only_watches = only_watches
        self._process = Popen(
            command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=dict(environment), start_new_session=True
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._threads = [
            Thread(target=_read, args=(stream, take), name="tauro-submit", daemon=True)
            for stream, take in ((self._process.stdout, say), (self._process.stderr, log))
        ]
        for thread in self._threads:
            thread.start()

    def wait(self) -> int:
        """Waits for its end, and for that of a driver here that outlives it; the exit code."""
        driver: Process | None = None
        while (code := self._process.poll()) is None:
            driver = driver or self._driver()
            if self._only_watches and self._place is not None and self._place.file.exists():
                self.kill(signal.SIGTERM)
            with suppress(TimeoutExpired):
                self._process.wait(_POLL_S)  # in small steps, so that the main thread sees signals
        driver = driver or self._driver()
        until = time.monotonic() + _DRIVER_OUTLIVES_S
        while driver is not None and is_running(driver) and time.monotonic() < until:
            time.sleep(_POLL_S)
        for thread in self._threads:
            thread.join(2.0)
        return code

    def outcome(self, wait_s: float) -> Outcome | None:
        """How the run ended; None if the driver has not told."""
        return self._place.take(wait_s) if self._place is not None else None

    def ask_to_stop(self, signal_name: str) -> bool:
        """Has the driver stop its run, or ends a submission whose driver is not up yet.

        Args:
            signal_name: of the signal that asks for it.

        Returns:
            Whether that is on its way; else the driver is out of reach.
        """
        if self._is_driver_here and self._driver() is None:
            self.kill(signal.SIGTERM)
            return True
        return self._place is not None and self._place.ask_to_stop(signal_name)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends it, and a driver here, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _driver(self) -> Process | None:
        """The driver's process, where it runs here and is up."""
        if not self._is_driver_here or self._place is None:
            return None
        pid = self._place.driver_pid()
        return process_with_id(pid) if pid is not None else None


def _read(stream: IO[bytes], take: Line) -> None:
    for line in stream:
        take(line.decode(errors="replace").rstrip("\r\n"))
