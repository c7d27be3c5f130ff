"""`python -m tests.faults`: kills runs at every durable step and at random instants, and looks at what came of it."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults import project
from tests.faults.cases import Undisturbed, Verdict, judge
from tests.faults.disasters import ALONE, DISASTER, DISASTERS, impossible, judge_disaster
from tests.faults.machine import end_servers
from tests.faults.plans import INSTANTS, SEED, cases_of_points, random_cases, short_cases
from tests.faults.points import Point, points_of, recorded, scenarios, steps_in
from tests.faults.report import failure, summary
from tests.faults.state import State
from tests.faults.tables import Tables
from tests.faults.workshop import Workshop
from tests.support.postgres import running_postgres

FOLDER = Path(".faults")
"""What the whole suite keeps: its state, and the places of cases that ended badly."""
KINDS = (POINTS, RANDOM, OTHERS) = ("points", "random", "disasters")
SHORT_DISASTERS = ("two at once",)
Job = tuple[str, Callable[[int], Verdict]]
"""A case's name, and what judges it, given a number of its own."""


def main(args: Sequence[str] | None = None) -> int:
    """Runs the suite, or the rest of it.

    Returns:
        0 if no table is wrong, nothing is left over and nothing else failed, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few chosen cases on a smaller project, in minutes")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs of the suite have shown")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="cases that run at once; 2")
    parser.add_argument("--random", type=int, default=INSTANTS, metavar="N", help=f"random instants; {INSTANTS}")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="tells rows of random instants apart")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind of cases; may be repeated")
    parser.add_argument("--match", default="", metavar="TEXT", help="only cases whose names hold this text")
    parser.add_argument("--pipeline", choices=(project.WHOLE, project.SMALL), help="which project is disturbed")
    parser.add_argument("--source", type=Path, metavar="PATH", help="a checkout whose code is tried; this one")
    asked = parser.parse_args(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and processes are ended
    folder = _folder(is_short=asked.short)
    with running_postgres() as server:
        pipeline = asked.pipeline or (project.SMALL if asked.short else project.WHOLE)
        workshop = Workshop(folder, server, pipeline, *([asked.source.absolute()] if asked.source else []))
        state = State(None if asked.short else folder / "results.jsonl", is_fresh=asked.fresh)
        try:
            code = Suite(workshop, state, asked).run()
        finally:
            end_servers()
    if asked.short and code == 0:
        shutil.rmtree(folder)
    return code


class Suite:
    """All cases of one start.

    Args:
        workshop: makes their places.
        state: knows what earlier starts have shown.
        asked: the command line.
    """

    def __init__(self, workshop: Workshop, state: State, asked: argparse.Namespace) -> None:
        self._workshop = workshop
        self._state = state
        self._asked = asked
        self._kinds = asked.only or KINDS
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
        left_out = [reason for name in DISASTERS if not asked.short and (reason := impossible(name))]
        verdicts = list(self._state.verdicts.values())
        print(f"\n{summary(verdicts, points, left_out)}", flush=True)
        return 0 if verdicts and all(verdict.is_good for verdict in verdicts) else 1

    def _points(self, steps: Sequence[str]) -> list[Point]:
        found = []
        for scenario in scenarios(steps, can_resume=self._workshop.can_resume):
            if scenario.name != "run" and (self._asked.short or POINTS not in self._kinds):
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
        if asked.short:
            cases = list(short_cases(steps, can_resume=can_resume, seed=asked.seed))
        if not asked.short and POINTS in self._kinds:
            cases += [case for _, case in cases_of_points(points, can_resume=can_resume)]
        if not asked.short and RANDOM in self._kinds:
            cases += random_cases(asked.random, can_resume=can_resume, seed=asked.seed)
        disasters = SHORT_DISASTERS if asked.short else tuple(DISASTERS)
        for name in disasters if OTHERS in self._kinds else ():
            if impossible(name):
                continue
            yield f"{DISASTER}{name}", partial(judge_disaster, workshop, name, right, before)
        for case in cases:
            yield case.name, partial(judge, workshop, case, right)

    def _judge(self, number: int, job: Job) -> None:
        verdict = job[1](number)
        self._state.add(verdict)
        text = "right" if verdict.is_good else failure(verdict)
        self._say(f"{number + 1} of {self._total}, {verdict.seconds:.0f} s, {verdict.name}: {text}")

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._begun:6.0f} s  {text}", flush=True)


def _folder(*, is_short: bool) -> Path:
    """Where everything lies."""
    if is_short:
        return Path(tempfile.mkdtemp(prefix="tauro-faults-"))
    FOLDER.mkdir(exist_ok=True)
    return FOLDER.absolute()


if __name__ == "__main__":
    sys.exit(main())
