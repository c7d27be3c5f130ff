"""The process that keeps a warm JVM: it starts the JVM, and ends it when nobody needs it any more.

The JVM ends when its standard input does, so that it does not outlive this process. Run with `python -m`, with a
`WarmPlace` as its argument, and a `KeeperOrder` as JSON on its standard input. SIGTERM has it end the JVM at once,
SIGUSR1 as soon as nobody is in it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tauro.launch.jvm_start import StartingJvm
from tauro.launch.private_files import write_private
from tauro.launch.processes import Process, end_in_words, process_with_id, this_process
from tauro.launch.warm.key import WarmKey
from tauro.launch.warm.lock import FileLock
from tauro.launch.warm.place import WarmPlace
from tauro.launch.warm.state import WarmState, document_of, note_death, read_state, read_visitor

END_TIMEOUT_S = 10.0
"""How long a JVM may take to end before it is killed."""

IS_KEPT_ALREADY = 3
"""The exit code of a keeper that found another one."""
DID_NOT_START = 4
"""The exit code of a keeper whose JVM did not start."""

_LOOK_S = 1.0
_CLEAN_WITHIN_S = 30.0
_LOG_AT_MOST_BYTES = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class KeeperOrder:
    """What a keeper is to do."""

    root: str
    """The project's folder; once it is gone, the JVM ends."""
    command: list[str]
    environment: dict[str, str]
    """The JVM's."""
    key: WarmKey
    idle_s: float
    memory_limit_bytes: int
    cleaner: list[str]
    """The command, less the folder, that clears away what a dead run has left in the JVM."""


def main() -> int:
    """Keeps a JVM until it is not needed any more; returns the exit code."""
    place = WarmPlace(Path(sys.argv[1]))
    told = json.load(sys.stdin)
    order = KeeperOrder(**{**told, "key": WarmKey.read(told["key"])})
    _close_stdin()
    place.check()
    lock = FileLock.take(place.keeper_lock)
    if lock is None:
        return IS_KEPT_ALREADY
    starting = StartingJvm(order.command, order.environment, sys.stdout)
    address = starting.address()
    if address is None and starting.is_direct:
        starting.forget_command()
        starting = StartingJvm(order.command, order.environment, sys.stdout, is_direct=False)
        address = starting.address()
    process = starting.process
    jvm = process_with_id(process.pid)
    if address is None:
        note_death(place, jvm, end_in_words(process.wait()))
        return DID_NOT_START
    state = WarmState(
        root=order.root,
        key=order.key,
        jvm=jvm,
        keeper=this_process(),
        port=address.port,
        secret=address.secret,
        since=time.time(),
        idle_s=order.idle_s,
        memory_limit_bytes=order.memory_limit_bytes,
    )
    _Keeper(place, lock, process, state, order).keep()
    return 0


def rss_bytes(process: Process) -> int | None:
    """The memory that a process has in use; None if it is gone."""
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class _Keeper:
    def __init__(
        self,
        place: WarmPlace,
        lock: FileLock,
        process: subprocess.Popen[bytes],
        state: WarmState,
        order: KeeperOrder,
    ) -> None:
        self._place = place
        self._lock = lock
        self._process = process
        self._state = state
        self._cleaner = order.cleaner
        self._environment = order.environment
        self._idle_since: float | None = None
        """None while somebody is in the JVM."""
        self._is_unwanted = False

    def keep(self) -> None:
        """Returns when the JVM has ended."""
        signals = {signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # from here on: a JVM would inherit it
        self._write()
        while True:
            told = signal.sigtimedwait(signals, _LOOK_S)
            if self._process.poll() is not None:
                note_death(self._place, self._state.jvm, end_in_words(self._process.returncode))
                self._forget()
                return
            if told is not None and told.si_signo == signal.SIGTERM:
                self._end()
                return
            if told is not None and told.si_signo == signal.SIGUSR1:
                self._is_unwanted = True
            if self._looks_at_it():
                return

    def _looks_at_it(self) -> bool:
        """Does what is due; returns whether the JVM has ended for it."""
        if self._lock.is_in_place and read_state(self._place) != self._state:
            self._write()
        visitor = read_visitor(self._place)
        if visitor is not None and visitor.is_inside:
            self._idle_since = None
            return False
        if visitor is not None and visitor.phase != "done" and not self._clean():
            return self._end_unless_taken()
        if self._idle_since is None:
            self._idle_since = time.monotonic()
        return self._is_due() and self._end_unless_taken()

    def _is_due(self) -> bool:
        idle_s = time.monotonic() - (self._idle_since or 0.0)
        return (
            self._is_unwanted
            or idle_s >= self._state.idle_s
            or not Path(self._state.root).is_dir()
            or not self._lock.is_in_place
            or (rss_bytes(self._state.jvm) or 0) > self._state.memory_limit_bytes
            or os.fstat(sys.stdout.fileno()).st_size > _LOG_AT_MOST_BYTES
        )

    def _clean(self) -> bool:
        """Has cleared away what a run has left; returns whether that went well, or somebody else sees to it."""
        try:
            done = subprocess.run(
                [*self._cleaner, str(self._place.folder)],
                stdin=subprocess.DEVNULL,
                env=self._environment,
                timeout=_CLEAN_WITHIN_S,
                check=False,
                preexec_fn=_unblock,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def _end_unless_taken(self) -> bool:
        """Ends the JVM if nobody is in it; returns whether it did."""
        if self._lock.is_in_place:
            lock = FileLock.take(self._place.lock)
            if lock is None:
                return False
        self._end()
        return True

    def _end(self) -> None:
        self._forget()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _forget(self) -> None:
        with suppress(OSError):
            self._place.state.unlink()

    def _write(self) -> None:
        write_private(self._place.state, document_of(self._state))


def order_text(order: KeeperOrder) -> str:
    """An order as a keeper reads it."""
    return json.dumps(asdict(order))


def _close_stdin() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1})


if __name__ == "__main__":
    sys.exit(main())
