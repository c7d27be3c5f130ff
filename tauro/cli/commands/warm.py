"""`tauro warm`: shows the JVM that stays for the project's runs, and ends it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from pathlib import Path

    from tauro.launch.warm.place import WarmPlace
    from tauro.launch.warm.state import Visitor, WarmState


@click.group(short_help="Show and end the JVM that stays for the next run.")
def warm() -> None:
    """Shows and ends the JVM that runs with --warm leave behind for the next one."""


@warm.command(short_help="Show the project's warm JVM.")
@takes("project", "json")
@click.pass_context
def status(ctx: click.Context, asked: Asked) -> int:
    """Shows since when the project's warm JVM is there, its memory, and whether a run is in it."""
    invocation = ctx.find_object(Invocation) or Invocation([])
    root, place = _place(asked)
    found = _look(place) if place is not None else None
    if invocation.is_json:
        invocation.answer({"root": str(root), "jvm": found.document if found is not None else None})
    elif found is None:
        invocation.say("there is no warm JVM of this project")
    else:
        for line in found.lines:
            invocation.say(line)
    return 0


@warm.command(short_help="End the project's warm JVM.")
@takes("project", "json")
@click.pass_context
def stop(ctx: click.Context, asked: Asked) -> int:
    """Ends the project's warm JVM; if a run is in it, as soon as that is over."""
    from tauro.errors import SessionError
    from tauro.launch.warm.jvm import stop as stop_jvm

    invocation = ctx.find_object(Invocation) or Invocation([])
    _, place = _place(asked)
    outcome = "none"
    if place is not None and place.folder.exists():
        try:
            place.check()
            was_there = _look(place) is not None
            is_ended = stop_jvm(place)
        except OSError as error:
            raise SessionError(
                f"the warm JVM can't be ended: {error}",
                fix=f"see to it that {place.folder} is a folder that you alone can enter, or remove it",
            ) from error
        outcome = "after the run" if not is_ended else "stopped" if was_there else "none"
    if invocation.is_json:
        invocation.answer({"outcome": outcome})
    else:
        invocation.say(_SAYS[outcome])
    return 0


_SAYS = {
    "none": "there is no warm JVM of this project",
    "stopped": "the warm JVM has ended",
    "after the run": "a run is in the warm JVM; it ends when that is over",
}


@dataclass(frozen=True, slots=True)
class _Look:
    """A warm JVM at one moment."""

    state: WarmState
    visitor: Visitor | None
    memory_bytes: int | None
    idle_for_s: float | None
    """None while a run is in it."""

    @property
    def run_process(self) -> int | None:
        """The process of the run that is in it."""
        visitor = self.visitor
        return visitor.process.pid if visitor is not None and visitor.is_run and visitor.is_inside else None

    @property
    def document(self) -> dict[str, object]:
        """What --json tells."""
        from tauro.history.records import stamp

        state = self.state
        return {
            "process": state.jvm.pid,
            "keeper": state.keeper.pid,
            "port": state.port,
            "since": stamp(state.since),
            "memory_bytes": self.memory_bytes,
            "memory_limit_bytes": state.memory_limit_bytes,
            "run_process": self.run_process,
            "idle_for_s": self.idle_for_s,
            "ends_after_idle_s": state.idle_s,
            "java": state.key.java,
            "spark": state.key.spark,
            "working_directory": state.key.folder,
            "settings": sorted(state.key.settings),
            "variables": len(state.key.environment),
        }

    @property
    def lines(self) -> list[str]:
        """What a person is told."""
        from tauro.cli.render import words
        from tauro.history.records import stamp

        state, mebi = self.state, 1024**2
        memory = "unknown" if self.memory_bytes is None else f"{self.memory_bytes // mebi} MiB"
        idle = f"idle for {words.duration(self.idle_for_s)}" if self.idle_for_s is not None else "not idle"
        return [
            f"warm JVM (process {state.jvm.pid}) since {words.moment(stamp(state.since))}",
            f"  memory   {memory}; it ends if it holds more than {state.memory_limit_bytes // mebi} MiB while idle",
            f"  in it    {'no run' if self.run_process is None else f'a run (process {self.run_process})'}",
            f"  idle     {idle}; it ends after {words.duration(state.idle_s)}",
            f"  Java     {state.key.java}",
            f"  Spark    {state.key.spark}",
            f"  folder   {state.key.folder}",
            f"  made for {len(state.key.settings)} settings and {len(state.key.environment)} variables",
        ]


def _place(asked: Asked) -> tuple[Path, WarmPlace | None]:
    from tauro.cli.root import find_root
    from tauro.launch.warm.place import place_of

    root = find_root(asked.project)
    return root, place_of(root, os.environ)


def _look(place: WarmPlace) -> _Look | None:
    from tauro.launch.warm.keeper import rss_bytes
    from tauro.launch.warm.state import age_s, read_state, read_visitor

    state = read_state(place)
    if state is None or not state.is_alive:
        return None
    visitor = read_visitor(place)
    is_inside = visitor is not None and visitor.is_inside
    idle_for_s = None if is_inside else age_s(place.visitor)
    return _Look(state, visitor, rss_bytes(state.jvm), round(idle_for_s, 1) if idle_for_s is not None else None)
