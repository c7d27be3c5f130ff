"""How a submitted run ended: a document that its driver leaves where whoever submitted it looks for it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_POLL_S = 0.1
TAIL_CHARACTERS = 20_000
"""How much of what the driver said on standard error is kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How `tauro run` ended in the driver."""

    exit_code: int
    answer: str
    """What it wrote to standard output."""
    complaints: str
    """The end of what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class OutcomePlace:
    """The files by which a driver and whoever submitted it know of each other."""

    folder: Path
    """One that both see."""
    name: str
    """Of the submission."""

    @property
    def driver_file(self) -> Path:
        """Tells the driver's process, once it is up."""
        return self.folder / f"{self.name}.driver.json"

    @property
    def stop_file(self) -> Path:
        """Asks the driver to stop, as a signal does."""
        return self.folder / f"{self.name}.stop"

    @property
    def file(self) -> Path:
        """The outcome."""
        return self.folder / f"{self.name}.outcome.json"

    def announce(self, pid: int) -> None:
        """Tells that the driver is up.

        Raises:
            OSError: the folder can't be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.driver_file, json.dumps({"pid": pid}))

    def driver_pid(self) -> int | None:
        """The driver's process id on its machine; None if it is not up."""
        try:
            return int(json.loads(self.driver_file.read_text(encoding="utf-8"))["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def ask_to_stop(self, why: str) -> bool:
        """Asks the driver to stop; whether the request is there for it to see."""
        try:
            _write(self.stop_file, why)
        except OSError:
            return False
        return True

    def stop_asked(self) -> str | None:
        """Why the driver is asked to stop; None as long as it is not."""
        try:
            return self.stop_file.read_text(encoding="utf-8") or "stopped"
        except OSError:
            return None

    def leave(self, outcome: Outcome) -> None:
        """Leaves the outcome, whole or not at all.

        Raises:
            OSError: the folder can't be written.
        """
        kept = Outcome(outcome.exit_code, outcome.answer, outcome.complaints[-TAIL_CHARACTERS:])
        _write(self.file, json.dumps({"schema_version": 1, **asdict(kept)}))

    def take(self, wait_s: float = 0.0) -> Outcome | None:
        """The outcome, whose files are removed; None if the driver has left none.

        Args:
            wait_s: how long to wait for it: shared folders may show it late.
        """
        until = time.monotonic() + wait_s
        while True:
            try:
                told = json.loads(self.file.read_text(encoding="utf-8"))
                outcome = Outcome(int(told["exit_code"]), str(told["answer"]), str(told["complaints"]))
            except (OSError, ValueError, KeyError, TypeError):
                if time.monotonic() >= until:
                    return None
                time.sleep(_POLL_S)
                continue
            self.clear()
            return outcome

    def clear(self) -> None:
        """Removes its files."""
        for path in (self.file, self.stop_file, self.driver_file):
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
