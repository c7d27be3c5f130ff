"""Which process a run is in, and whether it is still there."""

from __future__ import annotations

from dataclasses import dataclass

from tauro.history.records import RunRecord
from tauro.launch import processes

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
    own, host = processes.this_process(), processes.this_host()
    began = None if own.started is None else str(own.started)
    return Process(host.host, own.pid, began, host.boot, host.namespace, _user())


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
    started = None if run.process_began is None else int(run.process_began)
    return processes.is_running(processes.Process(run.pid, started)) is False


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
