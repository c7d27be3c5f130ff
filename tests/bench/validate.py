"""How fast a project's mistakes are found: `tauro validate`, whole processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.processes import PYTHON, SCRATCH, TAURO, process_seconds
from tests.bench.projects import MODULE, documents, write_project
from tests.bench.timing import Row, duration, in_turns, ratio

LIMIT = 25.0
LIMIT_WITH_SQL = 40.0
LIMIT_AGAINST_LOADER = 2.0

_LOAD = "import sys, yaml\nfor path in sys.argv[1:]:\n    with open(path) as file: yaml.load(file, yaml.CSafeLoader)"


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """Projects of 100 nodes against a Python that does nothing; one of 10,000 against PyYAML's C loader."""
    rounds = 1 if is_quick else 21
    nodes = 10 if is_quick else 100
    yield _small(f"{nodes} nodes", write_project(SCRATCH / "small", nodes), LIMIT, rounds)
    with_sql = write_project(SCRATCH / "small_sql", nodes, sql_every=2)
    yield _small(f"{nodes} nodes, half of them in SQL", with_sql, LIMIT_WITH_SQL, rounds)
    many = 100 if is_quick else 10_000
    yield _large(f"{many:,} nodes", write_project(SCRATCH / "large", many), 1 if is_quick else 5)


def _small(name: str, project: Path, limit: float, rounds: int) -> Row:
    """Less the time for which the project's own module is imported."""
    costs = in_turns(
        {
            "pass": lambda: process_seconds(PYTHON, "-c", "pass"),
            "own": lambda: process_seconds(
                PYTHON, "-c", f"import sys; sys.path.insert(0, {str(project)!r}); import {MODULE}"
            ),
            "validate": lambda: process_seconds(TAURO, "validate", "--project", str(project)),
            "pass again": lambda: process_seconds(PYTHON, "-c", "pass"),
        },
        rounds,
    )
    bare = costs["pass"]
    own = max(0.0, median(costs["own"]) - median(bare))
    return Row(
        name=f"tauro validate, {name}",
        against="python -c pass",
        ratio=ratio([cost - own for cost in costs["validate"]], bare),
        same=ratio(costs["pass again"], bare),
        limit=limit,
        detail=f"{duration(median(costs['validate']) - own)} : {duration(median(bare))}",
    )


def _large(name: str, project: Path, rounds: int) -> Row:
    files = [str(path) for path in documents(project)]
    costs = in_turns(
        {
            "load": lambda: process_seconds(PYTHON, "-c", _LOAD, *files),
            "validate": lambda: process_seconds(TAURO, "validate", "--project", str(project)),
            "load again": lambda: process_seconds(PYTHON, "-c", _LOAD, *files),
        },
        rounds,
    )
    return Row(
        name=f"tauro validate, {name}",
        against="yaml.CSafeLoader, same files",
        ratio=ratio(costs["validate"], costs["load"]),
        same=ratio(costs["load again"], costs["load"]),
        limit=LIMIT_AGAINST_LOADER,
        detail=f"{duration(median(costs['validate']))} : {duration(median(costs['load']))}",
    )
