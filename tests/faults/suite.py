"""All cases of one start: which are still to be done, in what order, and what they have shown together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.faults.cases import Undisturbed, Verdict, judge
from tests.faults.disasters import ALONE, DISASTER, DISASTERS, impossible, judge_disaster
from tests.faults.plans import INSTANTS, SEED, cases_of_points, random_cases, short_cases
from tests.faults.points import Point, points_of, recorded, scenarios, steps_in
from tests.faults.report import failure, summary
from tests.faults.state import State
from tests.faults.tables import Tables
from tests.faults.workshop import Workshop

KINDS = (POINTS, RANDOM, OTHERS) = ("points", "random", "disasters")
SHORT_DISASTERS = ("two at once",)
Job = tuple[str, Callable[[], Verdict]]
"""A case's name, and what judges it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    is_short: bool = False
    jobs: int = 2
    """Cases that run at once."""
    random: int = INSTANTS
    """Random instants."""
    seed: int = SEED
    kinds: tuple[str, ...] = KINDS
    match: str = ""
    """What the names of all cases hold."""
    scenario: str = ""
    """The one whose points are looked for; all if empty."""


class Suite:
    """All cases of one start.

    Args:
        workshop: makes their places.
        state: knows what earlier starts have shown.
        asked: the command line.
    """

    def __init__(self, workshop: Workshop, state: State, asked: Asked) -> None:
        self._workshop = workshop
        self._state = state
        self._asked = asked
        self._total = 0
        self._begun = time.monotonic()

    def run(self) -> int:
        """Prepares, runs what is not done yet, and prints the figures."""
        workshop, asked = self._workshop, self._asked
        self._say("preparing the tables that every case starts from")
        workshop.prepare()
        with workshop.place("before") as place:
            before = place.tables()
        trace = workshop.folder / "undisturbed.steps"
        trace.unlink(missing_ok=True)
        tables, shape, ended = workshop.undisturbed("undisturbed", trace)
        right = Undisturbed(tables, shape, ended.seconds - (ended.begun_after or 0.0))
        steps = steps_in(trace)
        self._say(f"an undisturbed run takes {ended.seconds:.0f} s, and {len(steps)} durable steps")
        points = self._points(steps)
        jobs = [one for one in self._jobs(points, steps, right, before) if asked.match in one[0]]
        jobs = [one for one in jobs if not self._state.is_done(one[0])]
        if not asked.is_short:
            Random(asked.seed).shuffle(jobs)  # so that the first hours show something of everything
        self._total = len(jobs)
        alone = [one for one in jobs if one[0].removeprefix(DISASTER) in ALONE]
        beside = [one for one in jobs if one not in alone]
        pool = ThreadPoolExecutor(asked.jobs)
        try:
            list(pool.map(self._judge, range(len(beside)), beside))
        finally:
            pool.shutdown(cancel_futures=True)  # what is under way is finished
        for number, one in enumerate(alone, start=len(beside)):
            self._judge(number, one)
        left_out = [reason for name in DISASTERS if not asked.is_short and (reason := impossible(name))]
        verdicts = list(self._state.verdicts.values())
        print(f"\n{summary(verdicts, points, left_out)}", flush=True)
        return 0 if verdicts and all(verdict.is_good for verdict in verdicts) else 1

    def _points(self, steps: Sequence[str]) -> list[Point]:
        found = []
        for scenario in scenarios(steps, can_resume=self._workshop.can_resume):
            if self._asked.scenario not in ("", scenario.name):
                continue
            if scenario.name != "run" and (self._asked.is_short or POINTS not in self._asked.kinds):
                continue  # recording them takes as long as some cases
            trace = self._workshop.folder / "scenario.steps"
            trace.unlink(missing_ok=True)
            seen = steps if scenario.name == "run" else recorded(self._workshop, scenario, trace)
            found += points_of(scenario, seen)
            self._say(f"{len(found)} points after looking at: {scenario.name}")
        return found

    def _jobs(self, points: Sequence[Point], steps: Sequence[str], right: Undisturbed, before: Tables) -> Iterator[Job]:
        workshop, asked = self._workshop, self._asked
        can_resume = workshop.can_resume
        cases = []
        if asked.is_short:
            cases = list(short_cases(steps, can_resume=can_resume))
        if not asked.is_short and POINTS in self._asked.kinds:
            cases += [case for _, case in cases_of_points(points, can_resume=can_resume)]
        if not asked.is_short and RANDOM in self._asked.kinds:
            cases += random_cases(asked.random, can_resume=can_resume, seed=asked.seed)
        disasters = SHORT_DISASTERS if asked.is_short else tuple(DISASTERS)
        for name in disasters if OTHERS in self._asked.kinds else ():
            if impossible(name):
                continue
            yield f"{DISASTER}{name}", partial(judge_disaster, workshop, name, right, before)
        for case in cases:
            yield case.name, partial(judge, workshop, case, right)

    def _judge(self, number: int, job: Job) -> None:
        verdict = job[1]()
        self._state.add(verdict)
        text = "right" if verdict.is_good else failure(verdict)
        self._say(f"{number + 1} of {self._total}, {verdict.seconds:.0f} s, {verdict.name}: {text}")

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._begun:6.0f} s  {text}", flush=True)
