"""Whether the run behind a lease still lives: by its process on this machine, by its heartbeat anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tauro.launch.processes import Host, Process, is_running, this_host, this_process
from tauro.publish.holder import Holder

TTL_S = 15.0
"""How long a heartbeat that can only be watched may stand still before its run counts as dead."""


class Life(StrEnum):
    """What is known of a run."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"
    """Its heartbeat has not been watched for long enough."""


@dataclass(slots=True)
class _Seen:
    beat: int
    since: float
    """By the watcher's clock, when the beat was read for the first time."""
    has_moved: bool = False


held_here: set[str] = set()
"""The tokens of the leases that this process holds: one that it could not give back is nobody's."""


def lives_here(holder: Holder) -> bool:
    """Whether a run's process is one of this machine, and runs: what is known of it at the first look."""
    if not this_host().shares_processes_with(holder.machine):
        return False
    return not is_given_up(holder) and is_running(holder.process) is True


def is_given_up(holder: Holder) -> bool:
    """Whether this process has taken a lease, and holds it no more: it could not give it back."""
    return holder.process == this_process() and holder.token not in held_here


class Watch:
    """Watches runs by their leases; wall clocks are never compared, so they may jump.

    Args:
        here: the machine that it watches from.
        is_running: tells of this machine's processes.
        clock: seconds, only going forward.
        ttl_s: see `TTL_S`.
    """

    def __init__(
        self,
        here: Host | None = None,
        is_running: Callable[[Process], bool | None] = is_running,
        clock: Callable[[], float] = time.monotonic,
        ttl_s: float = TTL_S,
    ) -> None:
        self.here = here or this_host()
        self.clock = clock
        self.ttl_s = ttl_s
        self._is_running = is_running
        self._seen: dict[str, _Seen] = {}

    def life_of(self, holder: Holder, read_after: float) -> Life:
        """What is known of a run, from its lease as it was just read.

        Args:
            holder: from the lease file.
            read_after: the clock before the file was read, so that a watcher that fell asleep over it judges no one.
        """
        if self.here.shares_processes_with(holder.machine):
            if is_given_up(holder):
                return Life.DEAD
            running = self._is_running(holder.process)
            if running is not None:
                return Life.ALIVE if running else Life.DEAD
        seen = self._seen.get(holder.token)
        if seen is None or seen.beat != holder.beat:
            self._seen[holder.token] = _Seen(holder.beat, self.clock(), has_moved=seen is not None)
            return Life.UNKNOWN if seen is None else Life.ALIVE
        if read_after - seen.since >= self.ttl_s:
            return Life.DEAD
        return Life.ALIVE if seen.has_moved else Life.UNKNOWN
