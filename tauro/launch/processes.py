"""Processes by more than their id: which one it is, on which machine, and whether it still runs."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import Popen
from typing import cast

_PAUSE_S = 0.02
_GIVES_SIGNAL = 128
_STAT = re.compile(r"\) (?P<state>\S) (?:\S+ ){18}(?P<started>\d+) ", re.DOTALL)
_ENDED = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of some machine; ids are used again, so its start belongs to its name.

    Raises:
        ValueError: no process has such an id; to the system it would stand for several.
    """

    pid: int
    started: int | None = None
    """Clock ticks from the machine's start to its own; None where the system does not tell."""

    def __post_init__(self) -> None:
        """Refuses what would signal a group of processes."""
        if self.pid <= 0:
            raise ValueError(f"{self.pid} is no process id")


@dataclass(frozen=True, slots=True)
class Host:
    """Within which process ids mean something."""

    host: str
    boot: str | None
    """Names the time from one start of the machine to the next; None where the system does not tell."""
    namespace: str | None
    """Tells containers on one machine apart; None likewise."""

    def shares_processes_with(self, other: Host) -> bool:
        """Whether an id surely means the same process on both."""
        return self.boot is not None and self.namespace is not None and self == other


@cache
def this_host() -> Host:
    """The machine, or container, that this process runs on."""
    return Host(socket.gethostname(), _boot(), _namespace())


def this_process() -> Process:
    """This process."""
    return process_with_id(os.getpid())


def process_with_id(pid: int) -> Process:
    """The process of this machine that bears an id now."""
    return Process(pid=pid, started=_started(pid))


def is_running(process: Process) -> bool | None:
    """Whether a process of this machine is there and has not ended; None where that can't be told."""
    try:
        found = _STAT.search(Path(f"/proc/{process.pid}/stat").read_text(errors="replace"))
    except OSError:
        found = None
    if found is not None:
        if found["state"] in _ENDED:
            return False
        return None if process.started is None else process.started == int(found["started"])
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        pass
    return None


def end(process: Process, *, timeout_s: float) -> bool:
    """Kills a process of this machine and waits for its end.

    Returns:
        Whether it is known to be gone. What may be another process that only bears its id is left alone.
    """
    deadline = time.monotonic() + timeout_s
    while (state := is_running(process)) is True:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE_S)
    return state is False


def jvm_of_this_process() -> Process | None:
    """The JVM that this process has started for its Spark session; None if there is none."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)  # pyspark may be in the midst of its import
    launched = getattr(getattr(context, "_gateway", None), "proc", None)  # only a gateway that was launched has it
    if launched is None:
        return _submitted_jvm() if context is not None and "PYSPARK_GATEWAY_PORT" in os.environ else None
    jvm = cast("Popen[bytes]", launched)
    return process_with_id(jvm.pid) if jvm.poll() is None else None


def _submitted_jvm() -> Process | None:
    """The JVM of `spark-submit` that has started this process; None if its parent is another one."""
    parent = os.getppid()
    try:
        words = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return process_with_id(parent) if any(word.startswith(b"org.apache.spark.deploy.") for word in words) else None


def _started(pid: int) -> int | None:
    try:
        found = _STAT.search(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return None
    return int(found["started"]) if found else None


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _namespace() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def signal_of(code: int) -> str | None:
    """The name of the signal that an exit code stands for; None if it stands for none.

    Args:
        code: as Python has it, negative for a signal; or 128 more than one, as shells, and a JVM that was asked to
            end, have it.
    """
    number = -code if code < 0 else code - _GIVES_SIGNAL
    return signal.Signals(number).name if number in set(signal.Signals) else None


def end_in_words(code: int) -> str:
    """How a process has ended: `killed by SIGKILL`, `exit code 3`."""
    name = signal_of(code)
    return f"killed by {name}" if name is not None else f"exit code {code}"
