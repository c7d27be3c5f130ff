"""Processes of the suite: Tauro's command line under orders, and what such a process leaves running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.orders import BEGUN, ORDERS, TRACE, Order

TIMEOUT_S = 400.0
"""After this a process counts as hanging."""
PAUSE_S = 0.005
MARK = "FAULTS_CASE"
"""The variable by which every process of a case is known, the JVM that outlives its Python too."""
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    code: int
    """The exit code; negative for a signal."""
    seconds: float
    begun_after: float | None
    """When it took its first durable step, in seconds from its start; None if it took none."""
    log: Path
    """What it printed."""

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    def last_lines(self, count: int = 12) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


@dataclass(slots=True)
class Launcher:
    """Starts processes for one case.

    Args:
        folder: the case's own.
        mark: its name, unlike that of any other.
        environment: variables beside those of this process.
    """

    folder: Path
    mark: str
    environment: Mapping[str, str] = field(default_factory=dict)
    started: int = 0

    def another(self) -> Launcher:
        """A second one, for processes of the same case that run beside."""
        folder = self.folder / "another"
        folder.mkdir(exist_ok=True)
        return Launcher(folder, self.mark, self.environment)

    def tauro(
        self,
        *arguments: str,
        orders: Sequence[Order] = (),
        trace: Path | None = None,
        kill_after_s: float | None = None,
        meanwhile: Callable[[], object] | None = None,
        prefix: Sequence[str] = (),
    ) -> Ended:
        """Runs `tauro ARGUMENTS` to its end, or to its death.

        Args:
            arguments: of the command line.
            orders: what it does to itself.
            trace: where its steps are noted.
            kill_after_s: when it is killed, counted from its first durable step.
            meanwhile: called when the process runs, beside it.
            prefix: a program that runs it.
        """
        self.started += 1
        log, begun = self.folder / f"{self.started}.log", self.folder / f"{self.started}.begun"
        environment = {
            **os.environ,
            **self.environment,
            MARK: self.mark,
            BEGUN: str(begun),
            ORDERS: json.dumps([order.as_json() for order in orders]),
            **({TRACE: str(trace)} if trace else {}),
        }
        command = [*prefix, sys.executable, "-m", "tests.faults.driver", *arguments]
        with log.open("wb") as output:
            start = time.monotonic()
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                if meanwhile is not None:
                    meanwhile()
                began = _watch(process, begun, start, kill_after_s)
            except BaseException:
                process.kill()
                process.wait()
                raise
        return Ended(process.returncode, time.monotonic() - start, began, log)


def _watch(process: subprocess.Popen[bytes], begun: Path, start: float, kill_after_s: float | None) -> float | None:
    began: float | None = None
    while process.poll() is None:
        now = time.monotonic()
        if began is None and begun.exists():
            began = now - start
        if kill_after_s is not None and began is not None and now - start - began >= kill_after_s:
            process.kill()
        if now - start > TIMEOUT_S:
            process.kill()
            process.wait()
            raise TimeoutError(f"still running after {TIMEOUT_S:.0f} s")
        time.sleep(PAUSE_S)
    return began


def living(mark: str) -> list[int]:
    """The processes of a case that still run: their ids."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            is_ours = wanted in (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is somebody else's
            continue
        if is_ours:
            found.append(int(folder.name))
    return found


def wait_for_end(mark: str, timeout_s: float) -> list[int]:
    """Waits until no process of a case runs; returns those that still do."""
    deadline = time.monotonic() + timeout_s
    while (left := living(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def kill_all(mark: str) -> None:
    """Ends what a case has left running."""
    for pid in living(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
