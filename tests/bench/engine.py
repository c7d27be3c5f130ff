"""What the engine adds to each node, beside the shortest loop that runs a graph in a pool of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from queue import SimpleQueue
from statistics import median

from tauro.config import Context
from tauro.exec import DependencyResolver, NodeExecutor, make_plan
from tests.bench.graphs import FUNCTION, Graph, chain, do_nothing, fan, layered
from tests.bench.timing import Row, in_turns, ratio, seconds

LIMIT = 5.0
WORKERS = 4


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """A chain, a fan and a random layered graph of nodes that do nothing."""
    short = 10 if is_quick else 1_000
    layers = 3 if is_quick else 100
    rounds = 1 if is_quick else 15
    yield _row(f"chain of {short:,} nodes", chain(short), rounds)
    yield _row(f"fan of {short:,} nodes", fan(short), rounds)
    graph = layered(layers, layers)
    name = f"layered graph of {layers * layers:,} nodes"
    yield _row(name, graph, 1 if is_quick else 7)
    yield _row(f"{name}, checked and planned too", graph, 1 if is_quick else 7, with_plan=True)


def _row(name: str, graph: Graph, rounds: int, *, with_plan: bool = False) -> Row:
    run = checked_and_planned(graph) if with_plan else planned(graph)
    costs = in_turns(
        {
            "bare": lambda: seconds(lambda: run_bare(graph)),
            "tauro": lambda: seconds(run),
            "bare again": lambda: seconds(lambda: run_bare(graph)),
        },
        rounds,
    )
    microseconds = {kind: median(costs[kind]) / len(graph) * 1e6 for kind in ("tauro", "bare")}
    return Row(
        name=name,
        against="graphlib and ThreadPoolExecutor",
        ratio=ratio(costs["tauro"], costs["bare"]),
        same=ratio(costs["bare again"], costs["bare"]),
        limit=None if with_plan else LIMIT,
        detail=f"{microseconds['tauro']:.3g} : {microseconds['bare']:.3g} µs a node",
    )


def planned(graph: Graph) -> Callable[[], object]:
    """The run of a plan over a graph: the engine alone."""
    context = project(graph).for_run(None, "bench")
    plan = make_plan(context, "all", max_workers=WORKERS)
    executor = NodeExecutor(context)
    return lambda: executor.run_plan(plan, context, run_id="bench").run()


def checked_and_planned(graph: Graph) -> Callable[[], None]:
    """`execute_nodes_parallel` over a graph: connecting, checking and planning its nodes, and running them."""
    context = project(graph)
    nodes = context.nodes_config
    dag = DependencyResolver.build_dependency_graph(list(nodes), nodes)
    order = DependencyResolver.topological_sort(dag)
    executor = NodeExecutor(context, max_workers=WORKERS)
    return lambda: executor.execute_nodes_parallel(order, context.nodes, dag)


def project(graph: Graph) -> Context:
    """A project of one pipeline, `all`, whose nodes do nothing."""
    nodes = {name: {"function": FUNCTION, "dependencies": before} for name, before in graph.items()}
    return Context(pipelines_config={"all": {"nodes": list(nodes), "requires_dates": False}}, nodes_config=nodes)


def run_bare(graph: Graph) -> None:
    """What there is to do at the very least: each node in a thread, once all it depends on is done."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    ended: SimpleQueue[str] = SimpleQueue()

    def work(name: str) -> None:
        do_nothing()
        ended.put(name)

    with ThreadPoolExecutor(WORKERS) as pool:
        while sorter.is_active():
            for name in sorter.get_ready():
                pool.submit(work, name)
            sorter.done(ended.get())
