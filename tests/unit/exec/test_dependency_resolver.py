"""The graph of raw node configurations."""

from __future__ import annotations

import pytest

from tauro.errors import ConfigError, CycleError, InvalidValueError, UnknownNameError
from tauro.exec.dependency_resolver import DependencyResolver
from tauro.model.node import NodeSpec

build = DependencyResolver.build_dependency_graph


def test_the_graph_leads_from_a_node_to_its_dependents() -> None:
    configs = {
        "load": {"dependencies": ["clean", {"check": {}}]},
        "clean": {"dependencies": "extract"},
        "check": {"dependencies": {"extract": {}}},
        "extract": {},
    }
    assert build(list(configs), configs) == {
        "load": set(),
        "clean": {"load"},
        "check": {"load"},
        "extract": {"clean", "check"},
    }


def test_pipeline_nodes_may_be_one_key_mappings_and_other_entries_are_ignored() -> None:
    configs = {"a": {}, "b": {"dependencies": ["a"]}, "wrong": {"dependencies": 5}}
    assert build([{"a": {}}, "b"], configs) == {"a": {"b"}, "b": set()}


def test_a_reader_depends_on_the_node_that_writes_its_input_by_id() -> None:
    configs = {"a": {"function": "m.f", "output": ["rows"]}, "b": {"function": "m.f", "input": ["rows", "elsewhere"]}}
    assert build(["a", "b"], configs) == {"a": {"b"}, "b": set()}


def test_a_reader_depends_on_the_node_that_it_names() -> None:
    configs = {"a": {"function": "m.f"}, "b": {"function": "m.f", "input": {"rows": "a"}}}
    assert build(["a", "b"], configs) == {"a": {"b"}, "b": set()}


def test_a_reader_depends_on_the_node_that_writes_at_an_inline_location() -> None:
    configs = {
        "a": {"function": "m.f", "output": [{"path": "/data/rows", "format": "parquet"}]},
        "b": {"function": "m.f", "input": [{"path": "/data/rows/", "format": "parquet"}]},
        "c": {"function": "m.f", "input": [{"path": "/data/r*", "format": "parquet"}]},
        "d": {"function": "m.f", "input": [{"path": "/data/{x,rows}", "format": "parquet"}]},
        "apart": {"function": "m.f", "input": [{"path": "/*", "format": "parquet"}]},
    }
    assert build(list(configs), configs)["a"] == {"b", "c", "d"}


def test_a_reader_of_two_outputs_at_once_depends_on_both() -> None:
    configs = {
        "a": {"function": "m.f", "output": [{"path": "/data/a", "format": "parquet"}]},
        "b": {"function": "m.f", "output": [{"path": "/data/b", "format": "parquet"}]},
        "glob": {"function": "m.f", "input": [{"path": "/data/*", "format": "parquet"}]},
        "list": {"function": "m.f", "input": [{"path": ["/data/a", "/data/b"], "format": "parquet"}]},
    }
    graph = build(list(configs), configs)
    assert graph["a"] == graph["b"] == {"glob", "list"}


def test_a_node_that_reads_its_own_output_does_not_depend_on_itself() -> None:
    configs = {"a": {"function": "m.f", "input": ["rows"], "output": ["rows"]}}
    assert build(["a"], configs) == {"a": set()}


def test_entries_may_be_specs() -> None:
    specs = {"a": NodeSpec.parse("a", {"function": "m.f"}), "b": NodeSpec.parse("b", {"sql": "s", "dependencies": "a"})}
    assert build(["a", "b"], specs) == {"a": {"b"}, "b": set()}
    assert DependencyResolver.get_node_dependencies(specs["b"]) == ["a"]


def test_an_unknown_node_is_an_error_with_suggestions() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'extract'"):
        build(["extrat"], {"extract": {}})


def test_an_unknown_dependency_is_an_error_with_suggestions() -> None:
    with pytest.raises(ConfigError, match="unknown dependency 'extrat'") as caught:
        build(["extract", "load"], {"extract": {}, "load": {"dependencies": "extrat"}})
    assert "did you mean 'extract'" in str(caught.value)


def test_two_nodes_that_write_one_output_are_an_error() -> None:
    configs = {"a": {"function": "m.f", "output": ["rows"]}, "b": {"function": "m.f", "output": ["rows"]}}
    with pytest.raises(ConfigError, match="output 'rows' is written by node 'a' too"):
        build(["a", "b"], configs)


@pytest.mark.parametrize("wrong", [{"a": 1, "b": 2}, 5, ["a", None]])
def test_a_wrong_dependency_is_a_clear_error(wrong: object) -> None:
    with pytest.raises(InvalidValueError, match="a dependency"):
        build(["a"], {"a": {"dependencies": wrong}})
    with pytest.raises(InvalidValueError, match="a dependency"):
        DependencyResolver.get_node_dependencies({"dependencies": wrong})


def test_a_wrong_field_is_named_with_its_node() -> None:
    with pytest.raises(ConfigError, match="node 'a': inputs"):
        build(["a"], {"a": {"function": "m.f", "inputs": ["x"]}})


def test_sorting_puts_each_before_its_dependents_in_the_order_of_the_graph() -> None:
    assert DependencyResolver.topological_sort({"c": set(), "a": {"c", "b"}, "b": set()}) == ["a", "c", "b"]


def test_a_cycle_is_told_as_its_path_in_order() -> None:
    with pytest.raises(CycleError) as caught:
        DependencyResolver.topological_sort({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})
    assert caught.value.path == ("a", "c", "b", "a")  # a needs c, c needs b, b needs a


def test_declared_dependencies_come_in_order() -> None:
    assert DependencyResolver.get_node_dependencies({"dependencies": ["b", {"a": {}}]}) == ["b", "a"]
    assert DependencyResolver.get_node_dependencies({}) == []
