"""Runs a command beside Airflow's own processes: `python -m tauro.integrations.airflow.attendant FOLDER COMMAND...`.

It belongs to no worker, so that it and its run outlive one; it notes in the folder that it is there and how the
command has ended, and stops the command when the folder, or a signal, says so.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from types import FrameType

from tauro.integrations.airflow.run_folder import RunFolder

BEAT_S = 5.0
_POLL_S = 0.2
AGAIN_S = 15.0
"""How long a run may take to end by itself; then it is told once more, and ends at once."""
KILL_S = 20.0
"""After how long it is killed."""


class Attendant:
    """Looks after one command.

    Args:
        folder: where others find it.
        command: the words.
    """

    def __init__(self, folder: RunFolder, command: Sequence[str]) -> None:
        self._folder = folder
        self._command = list(command)
        self._is_signalled = False

    def run(self) -> int:
        """Runs the command to its end; returns its exit code, negative for a signal, 127 if it can't be started."""
        signal.signal(signal.SIGTERM, self._note_signal)
        signal.signal(signal.SIGINT, self._note_signal)
        self._folder.attend()
        code = self._run()
        self._folder.end(code)
        return code

    def _run(self) -> int:
        with self._folder.answer.open("wb") as answer, self._folder.log.open("ab") as log:
            try:
                # a group of its own: what it has started can be ended with it
                process = Popen(self._command, stdin=DEVNULL, stdout=answer, stderr=log, process_group=0)
            except OSError as error:
                log.write(f"{self._command[0]} can't be started: {error.strerror}\n".encode())
                return 127
            return self._watch(process)

    def _watch(self, process: Popen[bytes]) -> int:
        beaten_at = time.monotonic()
        stopped_at: float | None = None
        signals = [(0.0, process.terminate), (AGAIN_S, process.terminate), (KILL_S, lambda: _kill_all(process))]
        while True:
            with suppress(TimeoutExpired):
                return process.wait(_POLL_S)
            now = time.monotonic()
            if now - beaten_at >= BEAT_S:
                beaten_at = now
                self._folder.beat()
            if stopped_at is None and (self._is_signalled or self._folder.is_to_stop):
                stopped_at = now
            while signals and stopped_at is not None and now - stopped_at >= signals[0][0]:
                signals.pop(0)[1]()

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_signalled = True


def _kill_all(process: Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(abs(Attendant(RunFolder(Path(sys.argv[1])), sys.argv[2:]).run()))
