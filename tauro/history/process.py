"""Which process a run is in, and whether it is still there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tauro.history.records import RunRecord

SEEN_EVERY_S = 15.0
"""How often a run says that it is alive, at least."""
_SURELY_GONE_S = 8 * SEEN_EVERY_S


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from every other one."""

    host: str
    pid: int
    began: str | None
    """In clock ticks since the machine started; None where the system does not say."""
    boot_id: str | None
    pid_namespace: str | None
    user_name: str | None


def this_process() -> Process:
    """The process that asks."""
    import socket  # a run alone pays for it, on a thread of its own

    pid = os.getpid()
    return Process(socket.gethostname(), pid, _began(pid), *_machine(), _user())


def is_gone(run: RunRecord, now: float, seen: float, here: Process | None = None) -> bool:
    """Whether the process of a run is known to be gone; of other hosts nothing is known.

    Args:
        run: the run.
        now: the time, in seconds since the epoch.
        seen: when the run was last heard of, likewise.
        here: the process that asks, if not this one.
    """
    here = here or this_process()
    if run.host != here.host:
        return False
    if run.boot_id != here.boot_id:  # started again since; or another machine of that name, whose run is heard of
        return now - seen > _SURELY_GONE_S
    if run.pid_namespace != here.pid_namespace:
        return False
    if run.process_began is not None:
        return _began(run.pid) != run.process_began
    return not _exists(run.pid)


def _began(pid: int) -> str | None:
    """When a process began; None if there is none, it has ended and waits for its parent, or nobody can say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@cache
def _machine() -> tuple[str | None, str | None]:
    """The machine's boot id, and the namespace of process numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return boot, os.readlink("/proc/self/ns/pid")
    except OSError:
        return None, None


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
