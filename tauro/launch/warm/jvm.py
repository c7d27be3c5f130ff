"""A run takes the project's warm JVM for itself; where there is none that fits, a keeper starts one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tauro.errors import SessionError
from tauro.launch.machine import Machine
from tauro.launch.processes import end, is_running
from tauro.launch.warm.keeper import END_TIMEOUT_S, KeeperOrder, order_text
from tauro.launch.warm.key import WarmKey
from tauro.launch.warm.lock import FileLock
from tauro.launch.warm.place import WarmPlace
from tauro.launch.warm.port import listens
from tauro.launch.warm.state import Phase, WarmState, note_visitor, read_state, read_visitor

CLEANER = ("-P", "-m", "tauro.spark.warm_clean")
"""The program, as Python is told it, that clears away what a dead run has left.

`-P` keeps it from the modules of the project's folder, which may bear the names of others."""

_KEEPER = ("-P", "-m", "tauro.launch.warm.keeper")
_POLL_S = 0.01
_OTHERS_ARE_QUICK_S = 12.0
"""How long whoever ends a JVM, or clears up in it, may hold its lock."""
_KEEPER_WRITES_WITHIN_S = 3.0
"""How long a keeper may take to write a state again that was damaged."""
_LEAST_LIMIT_BYTES = 2 * 1024**3


class TakenError(Exception):
    """Somebody else is in the JVM."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The JVM that a run needs."""

    root: Path
    command: list[str]
    environment: Mapping[str, str]
    key_with: Callable[[str | None], WarmKey]
    """Its key, with the salt of another one."""
    idle_s: float
    memory_limit_bytes: int


def memory_limit(machine: Machine) -> int:
    """How much memory a JVM that is idle may hold: a quarter of the machine's, but at least 2 GiB."""
    return max(machine.memory_bytes // 4, _LEAST_LIMIT_BYTES)


def take_lock(place: WarmPlace, wait_s: float = _OTHERS_ARE_QUICK_S) -> FileLock:
    """Takes the lock of the JVM, unless a run is in it.

    Args:
        place: where it is written down.
        wait_s: how long to wait for others than runs, such as a keeper that is ending.

    Raises:
        TakenError: somebody has it.
        OSError: the lock can't be made.
    """
    until = time.monotonic() + wait_s
    while True:
        lock = FileLock.take(place.lock)
        if lock is not None:
            return lock
        visitor = read_visitor(place)
        if (visitor is not None and visitor.is_run and visitor.is_inside) or time.monotonic() >= until:
            raise TakenError
        time.sleep(_POLL_S)


def fitting(place: WarmPlace, wanted: Wanted) -> tuple[WarmState | None, list[str]]:
    """The JVM that there is, if it is what is wanted; the lock must be held.

    Returns:
        The JVM, or None; and why one that runs does not fit.
    """
    state = _written_state(place)
    if state is None or not state.is_alive:
        return None, []
    differences = state.key.differences(wanted.key_with(state.key.salt))
    if differences:
        return None, differences
    if not listens(state.jvm.pid, state.port):
        return None, ["somebody else listens on its port"]
    return state, []


def start(place: WarmPlace, wanted: Wanted, stopped: Callable[[], str | None]) -> WarmState | None:
    """Starts another JVM, in place of the one there is; the lock must be held.

    Args:
        place: where it is written down.
        wanted: what it is to be like.
        stopped: tells why the start is to be called off; None as long as it is not.

    Returns:
        The JVM; None if the start was called off.

    Raises:
        SessionError: it did not start, or the one there is can't be ended.
    """
    end_kept(place)
    for left in (place.state, place.baseline, place.death):
        left.unlink(missing_ok=True)
    order = KeeperOrder(
        root=str(wanted.root),
        command=wanted.command,
        environment=dict(wanted.environment),
        key=wanted.key_with(None),
        idle_s=wanted.idle_s,
        memory_limit_bytes=wanted.memory_limit_bytes,
        cleaner=[sys.executable, *CLEANER],
    )
    number = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, *_KEEPER, str(place.folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=dict(wanted.environment),
            start_new_session=True,
        )
    assert keeper.stdin is not None  # it is a pipe
    with suppress(BrokenPipeError), keeper.stdin:
        keeper.stdin.write(order_text(order).encode())
    while keeper.poll() is None:
        state = read_state(place)
        if state is not None and state.keeper.pid == keeper.pid:
            return state
        if stopped() is not None:
            keeper.terminate()
            keeper.wait()
            return None
        time.sleep(_POLL_S)
    raise SessionError("the warm JVM ended before it was up")


def end_kept(place: WarmPlace) -> None:
    """Ends the JVM that there is, and its keeper; the lock must be held.

    Raises:
        SessionError: they can't be ended.
    """
    state = _written_state(place)
    if state is not None and is_running(state.keeper) is True:
        with suppress(ProcessLookupError):
            os.kill(state.keeper.pid, signal.SIGTERM)
    kept = FileLock.take(place.keeper_lock, END_TIMEOUT_S + 2)
    if kept is None and state is not None:
        end(state.keeper, timeout_s=END_TIMEOUT_S)
        kept = FileLock.take(place.keeper_lock, 1)
    is_ended = kept is not None and (state is None or end(state.jvm, timeout_s=END_TIMEOUT_S))
    if kept is not None:
        kept.release()
    if not is_ended:
        raise SessionError(
            "the warm JVM of this project can't be ended",
            where=str(place.folder),
            fix="end its processes yourself" + (f": {state.keeper.pid}, {state.jvm.pid}" if state else ""),
        )


def stop(place: WarmPlace) -> bool:
    """Ends the JVM now, or has it end as soon as the run in it is over.

    Returns:
        Whether it has ended.

    Raises:
        SessionError: it can't be ended.
        OSError: it can't be reached.
    """
    try:
        lock = take_lock(place)
    except TakenError:
        state = read_state(place)
        if state is None or is_running(state.keeper) is not True:
            raise SessionError(
                "the warm JVM is just being started, and can't be told to end", fix="do it again in a moment"
            ) from None
        os.kill(state.keeper.pid, signal.SIGUSR1)
        return False
    note_visitor(place, Phase.TAKING, None, is_run=False)
    try:
        end_kept(place)
    finally:
        lock.release()
    return True


def _written_state(place: WarmPlace) -> WarmState | None:
    """The state; one that is damaged is waited for while there is a keeper, which writes it again."""
    until = time.monotonic() + _KEEPER_WRITES_WITHIN_S
    while (state := read_state(place)) is None:
        kept = FileLock.take(place.keeper_lock)
        if kept is not None:
            kept.release()
            return None
        if time.monotonic() >= until:
            return None
        time.sleep(_POLL_S)
    return state
