"""Names out of raw configuration."""

from __future__ import annotations

import pytest

from tauro.errors import InvalidValueError
from tauro.exec.utils import extract_dependency_name, extract_pipeline_nodes, normalize_dependencies
from tauro.model.pipeline import PipelineSpec


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, []),
        ("a", ["a"]),
        ({"a": {"kind": "hard"}}, ["a"]),
        (["b", {"a": None}, "b"], ["b", "a"]),
        (("x", "y"), ["x", "y"]),
    ],
)
def test_dependencies_are_a_name_a_one_key_mapping_or_a_list(written: object, expected: list[str]) -> None:
    assert normalize_dependencies(written) == expected


@pytest.mark.parametrize("written", [{"a": 1, "b": 2}, 5, 1.5, True, ["a", None], ["a", 5], [["a"]], "", ["a", {}]])
def test_anything_else_is_an_error_that_shows_it(written: object) -> None:
    with pytest.raises(InvalidValueError, match="a dependency"):
        normalize_dependencies(written)


def test_one_dependency_is_a_name_or_a_one_key_mapping() -> None:
    assert extract_dependency_name("a") == extract_dependency_name({"a": {}}) == "a"
    with pytest.raises(InvalidValueError, match="this one has 2: a, b"):
        extract_dependency_name({"a": 1, "b": 2})
    with pytest.raises(InvalidValueError, match="a dependency is null"):
        extract_dependency_name(None)


def test_a_pipelines_nodes_come_in_declared_order() -> None:
    assert extract_pipeline_nodes({"nodes": ["b", {"a": {}}]}) == ["b", "a"]
    assert extract_pipeline_nodes(PipelineSpec(nodes=("b", "a"))) == ["b", "a"]


def test_a_pipeline_without_nodes_is_an_error() -> None:
    for pipeline in ({}, {"nodes": []}, {"nodes": None}):
        with pytest.raises(InvalidValueError, match="no nodes"):
            extract_pipeline_nodes(pipeline)
