"""How much memory a run of many nodes takes in the driver's Python."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.graphs import FUNCTION, layered
from tests.bench.processes import PYTHON, environment
from tests.bench.timing import Row, in_turns, ratio

MEBIBYTE = 1024**2


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """The peak of a process that plans and runs many nodes, beside one that runs a single node."""
    layers = 5 if is_quick else 100

    def peak(layers: int) -> float:
        command = (PYTHON, "-m", "tests.bench.memory", str(layers))
        return float(subprocess.check_output(command, env=environment()))

    costs = in_turns(
        {"one": lambda: peak(1), "many": lambda: peak(layers), "one again": lambda: peak(1)}, 1 if is_quick else 5
    )
    many, one = median(costs["many"]), median(costs["one"])
    nodes = layers * layers
    yield Row(
        name=f"peak, {nodes:,} nodes planned and run",
        against="one node, so the same imports",
        ratio=ratio(costs["many"], costs["one"]),
        same=ratio(costs["one again"], costs["one"]),
        limit=None,
        detail=f"{many / MEBIBYTE:.0f} : {one / MEBIBYTE:.0f} MiB, {(many - one) / nodes / 1024:.1f} KiB a node",
    )


def run(layers: int) -> None:
    """Plans and runs a layered graph of `layers` times `layers` nodes that do nothing."""
    from tauro.config import Context
    from tauro.exec import BaseExecutor

    graph = layered(layers, layers)
    nodes = {name: {"function": FUNCTION, "dependencies": before} for name, before in graph.items()}
    context = Context(pipelines_config={"all": {"nodes": list(nodes)}}, nodes_config=nodes)
    BaseExecutor(context).execute_pipeline("all", "2025-01-01", "2025-01-01")


def held_bytes(pid: int | None = None) -> int:
    """What a process holds now, on Linux.

    Args:
        pid: the process; this one if None.
    """
    return _told(Path(f"/proc/{pid or 'self'}/status"), "VmRSS")


def peak_bytes(pid: int | None = None) -> int:
    """The most memory that a process has held at once; of another process than this one on Linux only.

    Linux counts what the parent held into a child's `ru_maxrss`, so the process's own mark is read where there is one.

    Args:
        pid: the process; this one if None.
    """
    status = Path(f"/proc/{pid or 'self'}/status")
    if status.exists():
        return _told(status, "VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _told(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    run(int(sys.argv[1]))
    print(peak_bytes())
