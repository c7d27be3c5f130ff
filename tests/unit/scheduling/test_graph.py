"""Order, cycles and paths of a graph."""

from __future__ import annotations

import pytest

from tauro.errors import CycleError
from tauro.scheduling.graph import dependents, find_cycle, reachable, remaining_path, topological_order


def test_what_may_come_next_comes_in_declared_order() -> None:
    assert topological_order({"z": [], "b": ["z"], "a": ["z"], "y": []}) == ["z", "b", "a", "y"]
    assert topological_order({"b": ["z"], "z": [], "a": []}) == ["z", "b", "a"]


def test_a_dependency_named_twice_counts_once() -> None:
    assert topological_order({"b": ["a", "a"], "a": []}) == ["a", "b"]


def test_nodes_that_are_only_named_by_others_are_ordered_too() -> None:
    assert topological_order({"b": ["a"]}) == ["a", "b"]
    assert dependents({"b": ["a"]}) == {"b": [], "a": ["b"]}


def test_a_cycle_is_told_as_its_path_in_order() -> None:
    with pytest.raises(CycleError) as caught:
        topological_order({"free": [], "c": ["a"], "a": ["b"], "b": ["c"], "after": ["c"]})
    assert caught.value.path == ("c", "a", "b", "c")  # each depends on the next
    assert "c -> a -> b -> c" in str(caught.value)


def test_a_node_that_depends_on_itself_is_a_cycle() -> None:
    assert find_cycle({"a": ["a"]}) == ["a", "a"]


def test_a_graph_without_cycle_has_none() -> None:
    assert find_cycle({"a": [], "b": ["a"]}) == []


def test_the_remaining_path_counts_the_nodes_to_the_end() -> None:
    graph = {"root": [], "short": ["root"], "long1": ["root"], "long2": ["long1"], "long3": ["long2"]}
    assert remaining_path(topological_order(graph), graph) == {
        "root": 4,
        "short": 1,
        "long1": 3,
        "long2": 2,
        "long3": 1,
    }


def test_reachable_follows_edges_from_all_starts() -> None:
    assert reachable(["a", "d"], {"a": ["b"], "b": ["c"], "x": ["y"]}) == {"a", "b", "c", "d"}
