"""A lock on a file system that has none: files that only one can create, each naming its holder, who shows its life.

The first file is the lock's own. Where its holder has died, whoever comes next creates a second one, named after the
first one's holder, and so on: the last of the chain holds the lock. As no name ever comes twice, a process that slept
over all this takes nothing away from others.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from tauro.launch.processes import Host, Process, is_running, this_host, this_process
from tauro.storage.port import FileSystem
from tauro.storage.remote import RemotePath
from tauro.storage.steps import step

TTL_S = 15.0
"""How long a lock that stands still may do so before its holder, on a machine out of sight, counts as dead."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5
_SETTLES_S = 0.5
"""How long two that create one file at once may take to see which of them came last, where both succeed."""

_held: set[str] = set()
"""The tokens of the locks that this process holds: one that it could not give back is nobody's."""


@contextmanager
def locked(
    place: RemotePath, *, timeout_s: float = 600.0, ttl_s: float = TTL_S, clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Holds the lock whose first file is `place` for as long as the block lasts.

    Args:
        place: need not exist.
        timeout_s: how long to wait for others that live; at least twice `ttl_s`, as it takes that to tell the dead.
        ttl_s: see `TTL_S`.
        clock: seconds, only going forward.

    Raises:
        TimeoutError: somebody else held it for `timeout_s` seconds.
        OSError: it can't be written.
    """
    mine = _Holding(place.files, place.path, LockEntry(uuid.uuid4().hex, this_host(), this_process()))
    _held.add(mine.entry.token)
    try:
        _acquire(mine, max(timeout_s, 2 * ttl_s), ttl_s, clock)
        beating = Thread(target=mine.beat, args=(ttl_s / 3,), name="tauro-lock", daemon=True)
        beating.start()
        try:
            yield
        finally:
            mine.over.set()
            beating.join()
            mine.release()
    finally:
        _held.discard(mine.entry.token)


@dataclass(frozen=True, slots=True)
class LockEntry:
    """Who holds a lock."""

    token: str
    host: Host
    process: Process
    beat: int = 0
    """Grows as long as it lives."""

    def text(self) -> bytes:
        host, process = self.host, self.process
        fields = {
            "token": self.token,
            "host": [host.host, host.boot, host.namespace],
            "process": [process.pid, process.started],
            "beat": self.beat,
        }
        return json.dumps(fields).encode()


@dataclass(slots=True)
class _Holding:
    """A lock of this process."""

    files: FileSystem
    first: str
    """The lock's own file."""
    entry: LockEntry
    path: str = ""
    """Where this holder's entry lies."""
    chain: tuple[str, ...] = ()
    """The files of the dead before it."""
    over: Event = field(default_factory=Event)

    def beat(self, pause_s: float) -> None:
        """Shows that the holder lives, until it is over or somebody else holds the lock."""
        entry = self.entry
        while not self.over.wait(pause_s):
            with suppress(OSError):  # the next beat may do
                there = read_entry(self.files, self.path)
                if there is None or there.token != entry.token:
                    return
                entry = LockEntry(entry.token, entry.host, entry.process, entry.beat + 1)
                self.files.write(self.path, entry.text())

    def release(self) -> None:
        """Gives the lock back, unless somebody else has it by now; the first file goes first, and frees it."""
        step("lock.release")
        if read_entry(self.files, f"{self.first}.{self.entry.token}") is None:
            self.files.remove([*self.chain[:1], self.path])
            self.files.remove(self.chain[1:])


def _acquire(mine: _Holding, timeout_s: float, ttl_s: float, clock: Callable[[], float]) -> None:
    files, entry = mine.files, mine.entry
    step("lock.take")
    if _create(files, mine.first, entry):  # mostly it is free
        mine.path = mine.first
        return
    deadline, pause_s = clock() + timeout_s, _PAUSE_S
    seen: dict[tuple[str, int], float] = {}
    """An entry's token and beat -> when it was read for the first time."""
    while True:
        chain: list[tuple[str, LockEntry]] = []
        path, read_after = mine.first, clock()
        while (there := read_entry(files, path)) is not None:
            chain.append((path, there))
            path = f"{mine.first}.{there.token}"
        last = chain[-1][1] if chain else None
        if last is None or _is_dead(last, read_after - seen.setdefault((last.token, last.beat), read_after), ttl_s):
            step("lock.take")
            if _create(files, path, entry):
                if not chain or _is_still(files, chain[0]):
                    mine.path, mine.chain = path, tuple(one for one, _ in chain)
                    return
                files.remove([path])  # the chain was given back meanwhile: this is the end of nothing
        if clock() >= deadline:
            raise TimeoutError(f"{mine.first} has been locked by another process for too long")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _create(files: FileSystem, path: str, entry: LockEntry) -> bool:
    if not files.create(path, entry.text()):
        return False
    if files.creates_once(path):
        return True
    time.sleep(_SETTLES_S)
    there = read_entry(files, path)
    return there is not None and there.token == entry.token


def _is_still(files: FileSystem, first: tuple[str, LockEntry]) -> bool:
    there = read_entry(files, first[0])
    return there is not None and there.token == first[1].token


def _is_dead(entry: LockEntry, stands_still_s: float, ttl_s: float) -> bool:
    if this_host().shares_processes_with(entry.host):
        if entry.process == this_process():
            return entry.token not in _held
        running = is_running(entry.process)
        if running is not None:
            return not running
    return stands_still_s >= ttl_s


def read_entry(files: FileSystem, path: str) -> LockEntry | None:
    """The entry that lies there; None if none does.

    Raises:
        OSError: it can't be read, or is none.
    """
    try:
        fields: dict[str, Any] = json.loads(files.read(path))  # Any: JSON
        return LockEntry(fields["token"], Host(*fields["host"]), Process(*fields["process"]), fields["beat"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(f"{path} is no lock of Tauro's; remove it: {error}") from error
