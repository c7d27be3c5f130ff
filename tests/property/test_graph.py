"""What holds of every graph."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauro.errors import CycleError
from tauro.exec.dependency_resolver import DependencyResolver
from tauro.scheduling.graph import dependents, find_cycle, reachable, remaining_path, topological_order

names = st.integers(0, 11).map("n{}".format)


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    """Graphs whose edges follow a hidden order that differs from the declared one."""
    hidden = draw(st.permutations([f"n{at}" for at in range(draw(st.integers(1, 12)))]))
    graph = {
        node: draw(st.lists(st.sampled_from(hidden[:at]), max_size=4)) if at else [] for at, node in enumerate(hidden)
    }
    return {node: graph[node] for node in draw(st.permutations(hidden))}


anything = st.dictionaries(names, st.lists(names, max_size=3), max_size=12)


@given(acyclic())
def test_the_order_respects_every_edge(graph: dict[str, list[str]]) -> None:
    order = topological_order(graph)
    assert sorted(order) == sorted(graph)
    place = {node: at for at, node in enumerate(order)}
    assert all(place[before] < place[node] for node, befores in graph.items() for before in befores)


@given(acyclic())
def test_no_other_ready_node_was_declared_earlier(graph: dict[str, list[str]]) -> None:
    done: set[str] = set()
    for node in topological_order(graph):
        ready = [one for one in graph if one not in done and done.issuperset(graph[one])]
        assert node == ready[0]
        done.add(node)


@given(acyclic(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_dependencies_are_listed(
    graph: dict[str, list[str]], randomly: random.Random
) -> None:
    shuffled = {node: randomly.sample(befores, len(befores)) for node, befores in graph.items()}
    assert topological_order(shuffled) == topological_order(graph)


@given(anything)
def test_a_cycle_is_found_exactly_if_there_is_one(graph: dict[str, list[str]]) -> None:
    has_cycle = any(node in reachable(graph[node], graph) for node in graph)
    path = find_cycle(graph)
    assert bool(path) is has_cycle
    if has_cycle:
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1
        assert all(after in graph[node] for node, after in pairwise(path))
        with pytest.raises(CycleError):
            topological_order(graph)
    else:
        topological_order(graph)


@given(acyclic())
def test_the_remaining_path_is_one_longer_than_that_of_the_best_dependent(graph: dict[str, list[str]]) -> None:
    followers = dependents(graph)
    length = remaining_path(topological_order(graph), graph)
    for node in graph:
        assert length[node] == 1 + max((length[one] for one in followers[node]), default=0)


@given(acyclic())
def test_the_resolver_orders_like_the_graph_it_was_made_of(graph: dict[str, list[str]]) -> None:
    configs = {node: {"function": "m.f", "dependencies": befores} for node, befores in graph.items()}
    dag = DependencyResolver.build_dependency_graph(list(graph), configs)
    assert {(before, node) for before, nodes in dag.items() for node in nodes} == {
        (before, node) for node, befores in graph.items() for before in befores
    }
    assert DependencyResolver.topological_sort(dag) == topological_order(graph)


_PROGRAM = """
import random
from tauro.exec.dependency_resolver import DependencyResolver
from tauro.exec.planning.plan import make_plan
from tauro.config import Context
randomly = random.Random(5)
names = [f"node_{randomly.random()}" for _ in range(60)]
configs = {
    name: {"function": "m.f", "dependencies": randomly.sample(names[:at], min(at, 3)), "input": []}
    for at, name in enumerate(names)
}
dag = DependencyResolver.build_dependency_graph(names, configs)
context = Context({}, {"p": {"nodes": names, "requires_dates": False}}, configs, {}, {})
print(DependencyResolver.topological_sort(dag))
print(make_plan(context, "p").order)
print({name: node.dependencies for name, node in make_plan(context, "p").nodes.items()})
"""


def test_the_order_is_the_same_under_any_hash_seed() -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE
        )
        for seed in ("0", "1", "4242")
    ]
    told = {one.communicate(timeout=60)[0] for one in started}
    assert all(one.returncode == 0 for one in started)
    assert len(told) == 1
