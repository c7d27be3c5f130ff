"""One case: a run that is killed, perhaps more than once, and then run again; and what was wrong with its tables."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from tests.faults.leftovers import Shape, leftovers
from tests.faults.orders import Order
from tests.faults.processes import Ended, kill_all
from tests.faults.tables import Tables
from tests.faults.workshop import Place, Workshop

RUN, RESUME, RECOVER = "run", "resume", "recover"
USAGE, DONE = 2, "is done already: nothing to do"
"""How `tauro resume` ends where no run has left anything: by this exit code or, if the latest is done, these words."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process of a case that is disturbed."""

    orders: tuple[Order, ...] = ()
    kill_at: float | None = None
    """When it is killed, as a share of the time that an undisturbed run takes from its first durable step to its end;
    None if the orders see to it."""
    command: str = RUN

    def __str__(self) -> str:
        told = [str(order) for order in self.orders]
        told += [f"kill at {self.kill_at:.3f}"] if self.kill_at is not None else []
        return f"{self.command}: {', '.join(told) or 'undisturbed'}"


@dataclass(frozen=True, slots=True)
class Case:
    """Processes one after the other, of which all but the last are disturbed."""

    attempts: tuple[Attempt, ...]
    last: str = RUN
    """How it is carried on at the end."""
    last_orders: tuple[Order, ...] = ()
    """What that process is told; nothing that kills it."""

    @property
    def name(self) -> str:
        """Tells it apart from others, in the state file and in messages."""
        return "; ".join([*map(str, self.attempts), str(Attempt(self.last_orders, command=self.last))])


@dataclass(slots=True)
class Verdict:
    """What came of a case."""

    name: str
    kills: int = 0
    reached: list[str] = field(default_factory=list)
    """The points at which a process was disturbed."""
    wrong: list[str] = field(default_factory=list)
    """Tables, with what is wrong with them."""
    left: list[str] = field(default_factory=list)
    """What lies around that should not."""
    failures: list[str] = field(default_factory=list)
    """What else went wrong: a last run that failed, say."""
    seconds: float = 0.0
    look_at: str = ""
    """The folder with the project and what its processes printed; empty if all is well."""

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.wrong or self.left or self.failures)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What is right."""

    tables: Tables
    shape: Shape
    length_s: float
    """How long the run took from its first durable step to its end."""


def judge(workshop: Workshop, case: Case, right: Undisturbed) -> Verdict:
    """Does what the case says, and looks at what came of it."""

    def play(place: Place, verdict: Verdict) -> None:
        for attempt in case.attempts:
            kill_after_s = None if attempt.kill_at is None else attempt.kill_at * right.length_s
            ended = start(place, workshop.pipeline, attempt.command, attempt.orders, kill_after_s=kill_after_s)
            _note(verdict, attempt, ended)
        finish(place, workshop.pipeline, verdict, case.last, case.last_orders)
        compare(place, right, verdict)

    return judged(workshop, case.name, play)


def judged(workshop: Workshop, name: str, play: Callable[[Place, Verdict], object]) -> Verdict:
    """Lets something happen in a place of its own, which stays if it ends badly; ends whatever still runs there.

    Args:
        workshop: makes the place.
        name: what it is known by in the state file.
        play: what happens, and what is noted of it.
    """
    verdict, began = Verdict(name), time.monotonic()
    with workshop.place(f"case_{blake2b(name.encode(), digest_size=5).hexdigest()}") as place:
        try:
            play(place, verdict)
        except Exception as error:  # noqa: BLE001 - one case that goes wrong must not end the others, which take hours
            verdict.failures.append("".join(traceback.format_exception(error)))
        finally:
            kill_all(place.launcher.mark)
    verdict.seconds = round(time.monotonic() - began, 1)
    if verdict.is_good:
        shutil.rmtree(place.launcher.folder)
    else:
        verdict.look_at = str(place.launcher.folder)
    return verdict


def finish(place: Place, pipeline: str, verdict: Verdict, command: str = RUN, orders: Sequence[Order] = ()) -> None:
    """Carries on what was disturbed, as a user would: by the command, or, where that finds nothing, by a new run."""
    ended = start(place, pipeline, command, orders)
    if command == RESUME and (ended.code == USAGE or DONE in ended.last_lines()):
        ended = start(place, pipeline, RUN, orders)  # it had not got so far that there is anything to carry on with
    if ended.code:
        verdict.failures.append(f"{command} ended with exit code {ended.code}:\n{ended.last_lines()}")


def compare(place: Place, right: Undisturbed, verdict: Verdict) -> None:
    """Adds what is unlike the undisturbed project."""
    try:
        tables = place.tables()
    except (OSError, ValueError, KeyError) as error:
        verdict.wrong.append(f"unreadable: {error}")
    else:
        verdict.wrong += differences(tables, right.tables)
        verdict.left += leftovers(place.root, place.server, right.shape, place.launcher.mark)


def start(place: Place, pipeline: str, command: str, orders: Sequence[Order] = (), **how: Any) -> Ended:
    """Starts `tauro run` for the window, `tauro resume` for the newest run, or `tauro recover`."""
    if command in (RESUME, RECOVER):
        return place.launcher.tauro(command, "--project", str(place.root), orders=orders, **how)
    return place.run(command, pipeline, orders=orders, **how)


def differences(tables: Tables, right: Tables) -> list[str]:
    """What is unlike the tables that are right."""
    found = [f"{name}: missing" for name in right if name not in tables]
    found += [f"{name}: should not exist" for name in tables if name not in right]
    both: Mapping[str, list[str]] = {name: tables[name].differences(right[name]) for name in right if name in tables}
    return found + [f"{name}: {difference}" for name, differences in both.items() for difference in differences]


def _note(verdict: Verdict, attempt: Attempt, ended: Ended) -> None:
    verdict.kills += ended.was_killed
    deeds = ("kill", "fail") if ended.was_killed else ("fail",)
    verdict.reached += [f"{order.step} {order.at}" for order in attempt.orders if order.deed in deeds]
