"""Checks of raw configuration."""

from __future__ import annotations

import pytest

from tauro.errors import ConfigError, CycleError, InvalidValueError, UnknownNameError
from tauro.exec.pipeline_validator import PipelineValidator

required = PipelineValidator.validate_required_params


def test_dates_may_be_given_or_come_from_the_context() -> None:
    required("p", "2013-01-01", "2013-01-07", None, None)
    required("p", None, None, "2013-01-01", "2013-01-07")
    required("p", "2013-01-02", None, None, "2013-01-07")
    required("p", "2013-01-02", "2013-01-03")


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ((None, None, None, None), "start_date and end_date missing"),
        (("2013-01-01", None, None, None), "needs dates: end_date missing"),
        (("2013-01-01", "soon", None, None), "'soon' is not an ISO date"),
        (("2013-01-02", "2013-01-01", None, None), "the window is empty"),
    ],
)
def test_missing_and_wrong_dates_are_errors(dates: tuple[str | None, ...], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        required("p", *dates)


@pytest.mark.parametrize("name", [None, ""])
def test_a_pipeline_has_to_be_named(name: str | None) -> None:
    with pytest.raises(InvalidValueError, match="no pipeline is named"):
        required(name, "2013-01-01", "2013-01-02", None, None)


def test_a_right_pipeline_passes() -> None:
    PipelineValidator.validate_pipeline_config({"name": "p", "type": "ml", "nodes": ["a"]})


@pytest.mark.parametrize(
    "pipeline", [{}, {"nodes": []}, {"nodes": ["a"], "type": "magic"}, {"nodes": ["a"], "colour": 1}, {"nodes": 5}]
)
def test_a_wrong_pipeline_is_an_error(pipeline: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        PipelineValidator.validate_pipeline_config(pipeline)


def test_all_that_is_wrong_with_a_pipeline_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        PipelineValidator.validate_pipeline_config({"name": "p", "nodes": ["a"], "type": "magic", "colour": 1})
    assert len(caught.value.problems) == 2
    assert all(problem.where == "pipeline 'p'" for problem in caught.value.problems)


def test_right_nodes_pass() -> None:
    configs = {"a": {"function": "m.f"}, "b": {"function": "m.f", "dependencies": ["a"]}}
    PipelineValidator.validate_node_configs(["a", {"b": {}}], configs)


def test_all_that_is_wrong_with_nodes_is_said_at_once() -> None:
    configs = {"a": {"function": "m.f", "colour": 1}, "b": {"function": "m.f", "dependencies": 5}}
    with pytest.raises(ConfigError) as caught:
        PipelineValidator.validate_node_configs(["a", "b", "c", "d"], configs)
    text = str(caught.value)
    assert all(part in text for part in ("colour", "a dependency is 5", "unknown node 'c'", "unknown node 'd'"))


def test_one_missing_node_is_named_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'extract'"):
        PipelineValidator.validate_node_configs(["extrat"], {"extract": {"function": "m.f"}})


def test_a_cycle_is_an_error() -> None:
    configs = {"a": {"function": "m.f", "dependencies": "b"}, "b": {"function": "m.f", "dependencies": "a"}}
    with pytest.raises(CycleError, match="a -> b -> a"):
        PipelineValidator.validate_node_configs(["a", "b"], configs)


STREAM = {"function": "m.f", "input": [{"format": "kafka", "options": {"subscribe": "t"}}]}


def hybrid(nodes: dict[str, object], policy: object = None) -> dict[str, object]:
    return PipelineValidator.validate_hybrid_pipeline({"type": "hybrid", "nodes": list(nodes)}, nodes, policy)  # type: ignore[arg-type]  # raw


def test_a_hybrid_pipeline_is_sorted_into_batch_and_streaming() -> None:
    told = hybrid({"s": STREAM, "b": {"input": [{"path": "a.csv"}]}})
    assert told == {
        "is_valid": True,
        "batch_nodes": ["b"],
        "streaming_nodes": ["s"],
        "errors": [],
        "warnings": [],
    }


def test_a_batch_node_can_not_wait_for_a_stream() -> None:
    told = hybrid({"s": STREAM, "b": {"dependencies": ["s"]}})
    assert not told["is_valid"]
    assert told["errors"] == ["batch node 'b' depends on streaming node 's', which has no end"]


def test_a_stream_may_wait_for_a_batch_node() -> None:
    assert hybrid({"b": {}, "s": {**STREAM, "dependencies": ["b"]}})["is_valid"]


def test_formats_that_the_policy_forbids_are_errors() -> None:
    told = hybrid({"s": STREAM, "b": {"output": [{"format": "csv"}]}}, {"batch_outputs": ["delta"]})
    assert told["errors"] == ["batch node 'b': output format 'csv' is not allowed; allowed: delta"]


def test_a_hybrid_pipeline_of_one_kind_is_a_warning() -> None:
    assert hybrid({"b": {}})["warnings"] == ["no node streams; type: batch would do"]
    assert hybrid({"s": STREAM})["warnings"] == ["no node is a batch node; type: streaming would do"]


def test_a_node_without_an_entry_is_an_error_of_a_hybrid_pipeline() -> None:
    told = PipelineValidator.validate_hybrid_pipeline({"nodes": ["x"]}, {})
    assert told["errors"] == ["node 'x' is not in nodes_config"]


def test_a_policy_with_unknown_fields_is_an_error() -> None:
    with pytest.raises(InvalidValueError, match="format_policy"):
        hybrid({"b": {}}, {"batch": ["delta"]})
