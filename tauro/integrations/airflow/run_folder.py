"""The folder by which a task, or its trigger, and the process that runs Tauro for it know of each other.

Files take the place of pipes and signals, so that a run outlives the worker process that began it, and can be watched
and stopped from another machine that sees the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tauro.launch.processes import Host, Process, is_running, this_host, this_process

KEPT_S = 30 * 86_400
"""How long the folder of a run that is over stays."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder; an attendant starts Tauro in it and notes how it ended, others read, or ask it to stop."""

    path: Path

    @property
    def log(self) -> Path:
        """Messages and events of the run, and whatever its process printed beside its answer."""
        return self.path / "log"

    @property
    def answer(self) -> Path:
        """What `tauro run --json` prints."""
        return self.path / "answer.json"

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.path.name

    def prepare(self) -> None:
        """Makes the folder, or has one that a former try has left ready for the next.

        Raises:
            OSError: it can't be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for name in ("attendant.json", "end.json", "stop", "answer.json"):
            (self.path / name).unlink(missing_ok=True)

    def attend(self) -> None:
        """Notes that this process attends to the run."""
        here, process = this_host(), this_process()
        who = {"pid": process.pid, "started": process.started}
        where = {"host": here.host, "boot": here.boot, "namespace": here.namespace}
        self._put("attendant.json", {**who, **where})

    def beat(self) -> None:
        """A sign of life of the attendant."""
        os.utime(self.path / "attendant.json")

    def end(self, code: int) -> None:
        """Notes the exit code of the run's process, negative for a signal."""
        self._put("end.json", {"code": code})

    def stop(self) -> None:
        """Asks the attendant to stop the run."""
        (self.path / "stop").touch()

    @property
    def is_to_stop(self) -> bool:
        """Whether somebody has asked for that."""
        return (self.path / "stop").exists()

    @property
    def code(self) -> int | None:
        """The exit code of the run's process; None as long as it is not known."""
        end = self._read("end.json")
        return None if end is None else int(end["code"])

    @property
    def document(self) -> dict[str, Any]:  # Any: JSON
        """What `tauro run --json` answered; empty if it did not come to that."""
        return self._read("answer.json") or {}

    def is_attended(self) -> bool | None:
        """Whether the run's process is looked after; None where this machine can't tell, as it is on another."""
        about = self._read("attendant.json")
        if about is None:
            return False
        if not Host(about["host"], about["boot"], about["namespace"]).shares_processes_with(this_host()):
            return None
        return is_running(Process(about["pid"], about["started"]))

    def last_beat(self) -> int | None:
        """The time of the attendant's last sign of life (ns, by the clock of where the folder lies); None without one.

        Only whether it changes means anything.
        """
        try:
            return (self.path / "attendant.json").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """Takes the attendant for gone."""
        (self.path / "attendant.json").unlink(missing_ok=True)

    def told(self) -> int:
        """How much of the log has been read by whoever tells Airflow of it, in bytes."""
        found = self._read("told.json")
        return 0 if found is None else int(found["bytes"])

    def tell(self, size_bytes: int) -> None:
        """Notes how much of the log has been read."""
        self._put("told.json", {"bytes": size_bytes})

    def _put(self, name: str, content: Mapping[str, object]) -> None:
        """Writes a file so that it is there whole or not at all."""
        new = self.path / f"{name}.new"
        new.write_text(json.dumps(content), encoding="utf-8")
        new.replace(self.path / name)

    def _read(self, name: str) -> dict[str, Any] | None:  # Any: JSON
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:  # Tauro was killed while it answered
            return None
        return content if isinstance(content, dict) else None


def remove_old(runs: Path, *, older_than_s: float = KEPT_S) -> None:
    """Removes the folders of runs that nobody has written to for a while; others are left alone.

    Args:
        runs: the folder that holds them.
        older_than_s: how long the while is, in seconds.
    """
    oldest = time.time() - older_than_s
    with suppress(OSError):  # another task may be at it, too
        for path in [Path(one.path) for one in os.scandir(runs) if one.stat().st_mtime < oldest and one.is_dir()]:
            files = list(path.iterdir())
            is_one = any(file.name in ("attendant.json", "end.json") for file in files)
            if is_one and max(file.stat().st_mtime for file in files) < oldest:
                shutil.rmtree(path)
