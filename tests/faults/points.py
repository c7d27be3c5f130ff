"""Which points there are: found by recording what an undisturbed run, and what recoveries, go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.cases import RECOVER, RESUME, RUN, Attempt, Case, start
from tests.faults.orders import Order
from tests.faults.workshop import Workshop

WRITES = frozenset({"files.write", "delta.write", "jdbc.stage"})
"""The steps at which a run begins with new work; what comes before them in a second run is recovery."""

TIMED = frozenset({"history.write", "lease.commit"})
"""Steps that occur more or less often, as heartbeats do: only the first in a process can be aimed at."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens before the process whose steps are points, and how that process is run."""

    name: str
    before: tuple[Attempt, ...] = ()
    orders: tuple[Order, ...] = ()
    """What the process is told besides."""
    command: str = RUN
    only: str = ""
    """How the steps begin that count; those of any room if empty."""
    is_recovery: bool = False
    """Whether only what comes before new work counts."""
    last_orders: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """An occurrence of a step in a scenario."""

    scenario: Scenario
    step: str
    at: int

    @property
    def name(self) -> str:
        """As reports have it."""
        return f"{self.scenario.name}: {self.step} {self.at}"

    def case(self, last: str = RUN) -> Case:
        """A kill at this point, and one run after it."""
        return Case(self._attempts, last, self.scenario.last_orders)

    def was_reached(self, name: str, reached: Sequence[str]) -> bool:
        """Whether a case of that name that came to those points came to this one, in the same way."""
        return f"{self.step} {self.at}" in reached and name.startswith("; ".join(map(str, self._attempts)))

    @property
    def _attempts(self) -> tuple[Attempt, ...]:
        scenario = self.scenario
        attempt = Attempt((*scenario.orders, Order(self.step, self.at)), command=scenario.command)
        return (*scenario.before, attempt)


def scenarios(steps: Sequence[str], *, can_resume: bool) -> list[Scenario]:
    """How a run can come to an end, and how it is gone on with.

    Args:
        steps: what an undisturbed run goes through, in order.
        can_resume: whether there is `tauro resume`.
    """
    outputs = steps.count("publish.output")
    in_the_middle = Attempt((Order("publish.output", outputs // 2 + 1),))
    before_record = Attempt((Order(step_before_publishing(steps), 1),))
    by_renames = (Order(deed="renames"),)
    found = [
        Scenario("run"),
        Scenario("rolled forward", (in_the_middle,), is_recovery=True),
        Scenario("dropped", (before_record,), is_recovery=True),
        Scenario("undone", orders=(Order("publish.output", outputs, "fail"),)),
        Scenario("no exchange", orders=by_renames, only="storage.", last_orders=by_renames),
    ]
    if can_resume:
        found.append(Scenario("resumed", (before_record,), command=RESUME))
        found.append(Scenario("resumed in the middle", (in_the_middle,), command=RESUME))
        found.append(Scenario("recovered", (in_the_middle,), command=RECOVER))
    return found


def step_before_publishing(steps: Sequence[str]) -> str:
    """The step that stands for the commit record's creation, or else what comes right before the first output."""
    return "journal.publish" if "journal.publish" in steps else "publish.output"


def recorded(workshop: Workshop, scenario: Scenario, trace: Path) -> list[str]:
    """The steps that the scenario's process goes through, in order."""
    with workshop.place(f"record_{scenario.name.replace(' ', '_')}") as place:
        for attempt in scenario.before:
            start(place, workshop.pipeline, attempt.command, attempt.orders)
        start(place, workshop.pipeline, scenario.command, scenario.orders, trace=trace)
    return steps_in(trace)


def steps_in(trace: Path) -> list[str]:
    """The steps of a trace."""
    return [line.split()[1] for line in trace.read_text().splitlines()] if trace.exists() else []


def points_of(scenario: Scenario, steps: Sequence[str]) -> list[Point]:
    """The first and the last occurrence of each step that counts."""
    seen = list(steps)
    if scenario.is_recovery:
        new_work = next((at for at, step in enumerate(seen) if step in WRITES), len(seen))
        seen = seen[:new_work]
    first = 0
    for order in scenario.orders:
        if order.deed == "fail":  # what comes before it is that of a run nobody disturbs
            first = [at for at, step in enumerate(seen) if step == order.step][order.at - 1] + 1
    found = []
    for step in dict.fromkeys(seen[first:]):
        before = seen[:first].count(step)
        if step in TIMED and before:
            continue
        if step.startswith(scenario.only):
            last = 1 if step in TIMED else seen.count(step)
            found += [Point(scenario, step, at) for at in dict.fromkeys((before + 1, last))]
    return found
