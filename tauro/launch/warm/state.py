"""What is written down of a warm JVM: where it listens, who keeps it, what it was made for, and who was in it last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tauro.launch.private_files import read_private, write_private
from tauro.launch.processes import Process, is_running, this_process
from tauro.launch.warm.key import WarmKey
from tauro.launch.warm.place import WarmPlace

_VERSION = 1


@dataclass(frozen=True, slots=True)
class WarmState:
    """A JVM that is kept."""

    root: str
    """The project's folder."""
    key: WarmKey
    """What it was made for."""
    jvm: Process
    keeper: Process
    port: int
    secret: str
    since: float
    """When it was up, as `time.time` has it; for people."""
    idle_s: float
    """How long it may be idle."""
    memory_limit_bytes: int
    """How large it may be while it is idle."""

    @property
    def is_alive(self) -> bool:
        """Whether JVM and keeper run."""
        return is_running(self.jvm) is True and is_running(self.keeper) is True


class Phase(StrEnum):
    """How far somebody has come in a warm JVM."""

    TAKING = "taking"
    """It has the lock, and what others left may still be there."""
    RUNNING = "running"
    """What others left is gone."""
    LEFT = "left"
    """It has ended; what it left is there."""
    DONE = "done"
    """It has ended, and nothing is left of it."""

    @property
    def is_alone(self) -> bool:
        """Whether nothing is there of those that came before."""
        return self is not Phase.TAKING


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who was in a warm JVM last, or is."""

    process: Process
    jvm: Process | None
    """None before it is known."""
    phase: Phase
    is_run: bool = True
    """Whether it is a run, and not somebody who cleans up."""

    @property
    def is_inside(self) -> bool:
        """Whether it is at it now."""
        return self.phase in (Phase.TAKING, Phase.RUNNING) and is_running(self.process) is not False


def read_state(place: WarmPlace) -> WarmState | None:
    """The JVM that is kept; None if there is none, or if the file is damaged or not private."""
    told = read_private(place.state)
    try:
        if told is None or told["version"] != _VERSION:
            return None
        return WarmState(
            root=str(told["root"]),
            key=WarmKey.read(told["key"]),
            jvm=_process(told["jvm"]),
            keeper=_process(told["keeper"]),
            port=int(told["port"]),
            secret=str(told["secret"]),
            since=float(told["since"]),
            idle_s=float(told["idle_s"]),
            memory_limit_bytes=int(told["memory_limit_bytes"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def document_of(state: WarmState) -> dict[str, Any]:  # Any: whatever JSON holds
    """A state as its file has it."""
    return {"version": _VERSION, **asdict(state)}


def read_visitor(place: WarmPlace) -> Visitor | None:
    """Who was in the JVM last; None if nobody was, or if it can't be told."""
    told = read_private(place.visitor)
    try:
        if told is None:
            return None
        jvm = told["jvm"]
        return Visitor(
            _process(told["process"]), _process(jvm) if jvm else None, Phase(told["phase"]), bool(told["is_run"])
        )
    except (KeyError, TypeError, ValueError):
        return None


def note_visitor(place: WarmPlace, phase: Phase, jvm: Process | None, *, is_run: bool = True) -> bool:
    """Notes that this process is, or was, in the JVM; returns whether it could be noted."""
    return write_private(place.visitor, asdict(Visitor(this_process(), jvm, phase, is_run)))


def note_left(place: WarmPlace) -> None:
    """Notes that whoever is in the JVM has gone, with what it left still to be cleared away."""
    visitor = read_visitor(place)
    if visitor is not None:
        write_private(place.visitor, asdict(replace(visitor, phase=Phase.LEFT)))


def note_death(place: WarmPlace, jvm: Process, how: str) -> None:
    """Notes how a JVM ended."""
    write_private(place.death, {"jvm": asdict(jvm), "how": how})


def death_of(place: WarmPlace, jvm: Process, wait_s: float = 0.0) -> str | None:
    """How a JVM ended, in words; None as long as it runs.

    Args:
        place: where its keeper notes it.
        jvm: which one.
        wait_s: how long to wait for its end, if it has not ended yet.
    """
    until = time.monotonic() + wait_s
    while is_running(jvm) is True:
        if time.monotonic() >= until:
            return None
        time.sleep(_POLL_S)
    for _ in range(_KEEPER_TELLS_WITHIN):
        told = read_private(place.death)
        if told is not None and told.get("jvm") == asdict(jvm):
            return str(told.get("how"))
        time.sleep(_POLL_S)
    return "for a reason that nobody was there to see"


def _process(told: Mapping[str, Any]) -> Process:  # Any: whatever JSON holds
    started = told["started"]
    return Process(int(told["pid"]), int(started) if started is not None else None)


def age_s(path: Path) -> float | None:
    """How long ago a file was written; None if it is not there."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None


_POLL_S = 0.02
_KEEPER_TELLS_WITHIN = 50
"""How often to look for what the keeper tells of a death: it hears of it at once."""
