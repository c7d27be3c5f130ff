"""The order of a graph of dependencies, the same on every machine and under any hash seed.

A graph is a mapping from each node, in declared order, to the nodes it depends on: its predecessors, as in `graphlib`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError as GraphlibCycleError
from graphlib import TopologicalSorter
from heapq import heapify, heappop, heappush

from tauro.errors import CycleError

Graph = Mapping[str, Iterable[str]]


def dependents(graph: Graph) -> dict[str, list[str]]:
    """Node -> the nodes that depend on it, both in declared order; nodes that are only named by others come last."""
    reverse: dict[str, list[str]] = {node: [] for node in graph}
    for node, predecessors in graph.items():
        for predecessor in dict.fromkeys(predecessors):
            reverse.setdefault(predecessor, []).append(node)
    return reverse


def topological_order(graph: Graph) -> list[str]:
    """The nodes so that each follows all it depends on; where several may come next, in declared order.

    Raises:
        CycleError: dependencies lead back to where they began; the error holds the path.
    """
    followers = dependents(graph)
    position = {node: at for at, node in enumerate(followers)}
    missing = {node: len(set(graph.get(node, ()))) for node in followers}
    ready = [position[node] for node, count in missing.items() if count == 0]
    heapify(ready)
    names = list(position)
    order: list[str] = []
    while ready:
        node = names[heappop(ready)]
        order.append(node)
        for follower in followers[node]:
            missing[follower] -= 1
            if missing[follower] == 0:
                heappush(ready, position[follower])
    if len(order) < len(names):
        done = set(order)
        raise CycleError(find_cycle({node: preds for node, preds in graph.items() if node not in done}))
    return order


def find_cycle(graph: Graph) -> list[str]:
    """One cycle as a path in which each node depends on the next, or an empty list if there is none.

    The path begins with the cycle's first node in declared order, and ends with it.
    """
    try:
        TopologicalSorter(graph).prepare()
    except GraphlibCycleError as error:
        ring: list[str] = error.args[1][:0:-1]  # graphlib tells predecessor -> node, the first name twice
        declared = {node: at for at, node in enumerate(graph)}
        first = min(range(len(ring)), key=lambda at: declared.get(ring[at], len(declared)))
        ring = ring[first:] + ring[:first]
        return [*ring, ring[0]]
    return []


def remaining_path(order: Sequence[str], graph: Graph) -> dict[str, int]:
    """Node -> the number of nodes on the longest path from it to the end, itself included.

    Args:
        order: the nodes in a topological order.
        graph: node -> what it depends on.
    """
    length = dict.fromkeys(order, 1)
    for node in reversed(order):
        for predecessor in graph.get(node, ()):
            length[predecessor] = max(length.get(predecessor, 1), length[node] + 1)
    return length


def reachable(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """`starts`, and every node that can be reached from them along `edges`."""
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        for node in edges.get(waiting.pop(), ()):
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen
