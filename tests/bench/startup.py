"""How fast the command line answers, beside a Python that does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.bench.processes import PYTHON, TAURO, process_seconds
from tests.bench.timing import Row, duration, in_turns, ratio

LIMIT = 12.0


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """`tauro --version` and `tauro --help`, whole processes."""
    costs = in_turns(
        {
            "pass": lambda: process_seconds(PYTHON, "-c", "pass"),
            "--version": lambda: process_seconds(TAURO, "--version"),
            "--help": lambda: process_seconds(TAURO, "--help"),
            "pass again": lambda: process_seconds(PYTHON, "-c", "pass"),
        },
        rounds=2 if is_quick else 31,
    )
    bare = costs["pass"]
    for option in ("--version", "--help"):
        yield Row(
            name=f"tauro {option}",
            against="python -c pass",
            ratio=ratio(costs[option], bare),
            same=ratio(costs["pass again"], bare),
            limit=LIMIT,
            detail=f"{duration(median(costs[option]))} : {duration(median(bare))}",
        )
