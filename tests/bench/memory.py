"""How much memory a run of many nodes takes in the driver's Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from statistics import median

from tests.bench.graphs import FUNCTION, layered
from tests.bench.processes import PYTHON, process_peak
from tests.bench.timing import Row, in_turns, ratio

MEBIBYTE = 1024**2


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """The peak of a process that plans and runs many nodes, beside one that runs a single node."""
    layers = 5 if is_quick else 100

    def peak(layers: int) -> float:
        return process_peak(PYTHON, "-m", "tests.bench.memory", str(layers))

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


if __name__ == "__main__":
    run(int(sys.argv[1]))
