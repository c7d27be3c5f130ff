"""Which cases there are: for each point, at random instants, and the few of the short version."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.faults.cases import RESUME, RUN, Attempt, Case
from tests.faults.orders import Order
from tests.faults.points import Point, step_before_publishing

INSTANTS = 200
"""How many kills at random instants the whole suite has."""
SEED = 2026


def cases_of_points(points: Sequence[Point], *, can_resume: bool) -> Iterator[tuple[Point, Case]]:
    """One case for each point; every other one is carried on by `resume`."""
    for at, point in enumerate(points):
        yield point, point.case(RESUME if can_resume and at % 2 else RUN)


def random_cases(count: int = INSTANTS, *, can_resume: bool, seed: int = SEED) -> Iterator[Case]:
    """Kills at random instants, the same for the same seed; of a third of them the recovery is killed, too.

    Args:
        count: how many.
        can_resume: whether `tauro resume` carries on every other one.
        seed: tells rows of cases apart.
    """
    for number in range(count):
        chance = random.Random(f"{seed}:{number}")
        attempts = [Attempt(kill_at=round(chance.uniform(0, 1), 3))]
        command = RESUME if can_resume and number % 2 else RUN
        if number % 3 == 0:
            attempts.append(Attempt(kill_at=round(chance.uniform(0, 0.6), 3), command=command))
        yield Case(tuple(attempts), command)


def short_cases(steps: Sequence[str], *, can_resume: bool) -> Iterator[Case]:
    """The commit record's creation, between two formats, and in the database.

    Args:
        steps: what an undisturbed run goes through.
        can_resume: whether there is `tauro resume`.
    """
    resume = RESUME if can_resume else RUN
    outputs = steps.count("publish.output")
    yield Case((Attempt((Order(step_before_publishing(steps)),)),), resume)
    yield Case((Attempt((Order("publish.output", outputs - 1),)), Attempt((Order("publish.output", outputs),))), RUN)
    yield Case((Attempt((Order("jdbc.publish"),)),), RUN)
