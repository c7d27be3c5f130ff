"""Measures programs in turns, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

Measure = Callable[[], float]
"""Runs a program once and returns what it cost: seconds, or bytes."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """What one program cost divided by what another did, over the rounds."""

    median: float
    low: float
    """A quarter of the rounds is below."""
    high: float
    """A quarter of the rounds is above."""

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the figures."""

    name: str
    against: str
    """What it is compared with."""
    ratio: Ratio
    same: Ratio
    """What the comparison shows for two runs of one program: the noise, 1 on a quiet machine."""
    limit: float | None
    """The greatest ratio that is promised; None if none is."""
    detail: str
    """Absolute figures, for orientation."""

    @property
    def is_within(self) -> bool:
        """Whether the promise is kept."""
        return self.limit is None or self.ratio.median <= self.limit


def in_turns(programs: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """What each program cost in each round; a first round, which fills caches, is not counted.

    Every round runs each program once, and begins with another one than the round before.
    """
    names = list(programs)
    costs: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-1, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            cost = programs[name]()
            if turn >= 0:
                costs[name].append(cost)
    return costs


def ratio(ones: Sequence[float], others: Sequence[float]) -> Ratio:
    """One program's cost divided by another's, round by round."""
    ratios = [one / other for one, other in zip(ones, others, strict=True)]
    low, middle, high = quantiles(ratios, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Ratio(middle, low, high)


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes; garbage of earlier ones is collected before."""
    gc.collect()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def duration(value: float) -> str:
    """A duration for people."""
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
