"""Clears away what a run that is over has left in a warm JVM.

A keeper that finds a run gone calls it: `python -m tauro.spark.warm_clean FOLDER`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tauro.launch.jvm_start import Address
from tauro.launch.processes import Process
from tauro.launch.warm.lock import FileLock
from tauro.launch.warm.place import WarmPlace
from tauro.launch.warm.port import listens
from tauro.launch.warm.state import Phase, WarmState, note_visitor, read_state, read_visitor
from tauro.spark.warm_control import Control, NotFreshError

STOPS_WITHIN_S = 10.0
"""How long the jobs of a run that is over may take to end."""


_OUT_OF_MEMORY = b"java.lang.OutOfMemoryError"
_POLL_S = 0.02


def main() -> int:
    """Clears up, unless somebody else is at it; returns the exit code, which is 1 if something stays."""
    place = WarmPlace(Path(sys.argv[1]))
    place.check()
    lock = FileLock.take(place.lock)
    if lock is None:  # whoever has it clears up first
        return 0
    try:
        state = read_state(place)
        if state is None:
            return 1
        clean(place, state)
    except NotFreshError as error:
        print(f"the warm JVM can't be used any more: {error}", file=sys.stderr)
        return 1
    finally:
        lock.release()
    return 0


def clean(place: WarmPlace, state: WarmState, within_s: float = STOPS_WITHIN_S) -> None:
    """Stops whatever goes on in a warm JVM, and takes away what runs have left; its lock must be held.

    Args:
        place: where it is written down.
        state: the JVM.
        within_s: how long its jobs may take to end.

    Raises:
        NotFreshError: something stays.
    """
    if is_clean(place, state):
        return
    note_visitor(place, Phase.TAKING, state.jvm, is_run=False)
    control = connect(place, state)
    try:
        control.note_baseline()
        control.stop_work(within_s)
        control.clear()
    finally:
        control.close()
    note_visitor(place, Phase.DONE, state.jvm, is_run=False)


def is_clean(place: WarmPlace, state: WarmState) -> bool:
    """Whether the last who was in a warm JVM has left nothing there."""
    visitor = read_visitor(place)
    return visitor is not None and visitor.phase is Phase.DONE and visitor.jvm == state.jvm


def connect(place: WarmPlace, state: WarmState) -> Control:
    """A connection to a warm JVM, after a look at who listens there.

    Raises:
        NotFreshError: it does not answer, or somebody else would; or it has been short of memory, after which a JVM
            may have lost threads.
    """
    try:
        is_short_of_memory = _OUT_OF_MEMORY in place.log.read_bytes()
    except OSError as error:
        raise NotFreshError(f"what it printed can't be read: {error}") from error
    if is_short_of_memory:
        raise NotFreshError("it ran out of memory")
    if not listens(state.jvm.pid, state.port):
        raise NotFreshError("it does not listen on its port")
    return Control(Address(state.port, state.secret), place)


def fence_run(place: WarmPlace, state: WarmState, dead: Process, within_s: float = STOPS_WITHIN_S) -> bool:
    """Sees to it that nothing of a dead run goes on in a warm JVM.

    Args:
        place: where the JVM is written down.
        state: the JVM.
        dead: the run's process.
        within_s: how long others may be at it.

    Returns:
        Whether nothing goes on; if not, the JVM has to be ended.
    """
    until = time.monotonic() + within_s
    while True:
        visitor = read_visitor(place)
        if visitor is not None and visitor.process != dead and visitor.jvm == state.jvm and visitor.phase.is_alone:
            return True  # a later one, which has begun with that
        lock = FileLock.take(place.lock)
        if lock is not None:
            break
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_S)
    try:
        clean(place, state)
    except NotFreshError:
        return False
    finally:
        lock.release()
    return True


if __name__ == "__main__":
    sys.exit(main())
