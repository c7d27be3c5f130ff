"""What keeping a run's history takes: of the thread that runs the nodes, and of the one that writes."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from statistics import median

from tauro.config import Context
from tauro.exec import make_plan
from tauro.history.recorder import Recorder
from tauro.history.stores import open_store
from tauro.model.events import Event, NodeEnded, NodeStarted, RunEnded, RunStarted
from tauro.model.outcome import NodeResult, RunResult, Status
from tests.bench.engine import project
from tests.bench.graphs import layered
from tests.bench.timing import Row, in_turns, ratio

ALLOWED_S = 10e-6
"""Of the run's own thread, a node."""


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """A run of many nodes, each of which reads three others, recorded in SQLite; beside it the time that is allowed."""
    layers = 3 if is_quick else 100
    context = project(layered(layers, layers))
    events = _events(context)
    nodes = len(context.nodes)
    with tempfile.TemporaryDirectory() as folder:
        files = (Path(folder) / f"{number}.db" for number in range(1_000))

        def record() -> float:
            own_s, all_s = _cpu_s(lambda: _record(events, next(files), context.redact))
            together.append(all_s)
            return own_s

        together: list[float] = []
        costs = in_turns({"history": record, "again": record}, 1 if is_quick else 11)
    allowed = [nodes * ALLOWED_S] * len(costs["history"])
    yield Row(
        name=f"history of {nodes:,} nodes, SQLite",
        against="10 µs a node",
        ratio=ratio(costs["history"], allowed),
        same=ratio(costs["again"], costs["history"]),
        limit=1.0,
        detail=f"{_us(costs['history'], nodes)} µs a node; {_us(together, nodes)} µs with the thread that writes",
    )


def _events(context: Context) -> list[Event]:
    plan = make_plan(context, "all")
    done = {name: NodeResult(name, Status.COMPLETED, 1, 0.0) for name in plan.order}
    of_nodes = chain.from_iterable((NodeStarted(name, 1), NodeEnded(result)) for name, result in done.items())
    result = RunResult("r", "all", None, Status.COMPLETED, 1.0, tuple(done.values()))
    return [RunStarted("r", plan), *of_nodes, RunEnded(result)]


def _record(events: list[Event], file: Path, redact: Callable[[str], str]) -> None:
    recorder = Recorder(lambda: open_store(f"sqlite:{file}", is_reader=False), str(file), "bench", redact=redact)
    for event in events:
        recorder(event)
    recorder.close()


def _cpu_s(call: Callable[[], object]) -> tuple[float, float]:
    """What a call takes of a core, in seconds: on this thread, and on all threads together."""
    gc.collect()
    own_s, all_s = time.thread_time(), time.process_time()
    call()
    return time.thread_time() - own_s, time.process_time() - all_s


def _us(costs_s: list[float], nodes: int) -> str:
    return f"{median(costs_s) / nodes * 1e6:.3g}"
