"""The paths and signatures that users import stay as they are documented."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

import tauro.config
import tauro.exec
import tauro.io
from tauro.config import Context
from tauro.exec.commands import Command, ExperimentCommand, MLNodeCommand, NodeCommand
from tauro.exec.dependency_resolver import DependencyResolver
from tauro.exec.executor import BaseExecutor
from tauro.exec.node_executor import NodeExecutor
from tauro.exec.pipeline_state import UnifiedPipelineState
from tauro.exec.pipeline_validator import PipelineValidator
from tauro.exec.utils import extract_dependency_name, extract_pipeline_nodes, normalize_dependencies
from tauro.io.input import InputLoader
from tauro.io.output import OutputManager


@pytest.mark.parametrize(
    ("function", "leading"),
    [
        (Context, "global_settings pipelines_config nodes_config input_config output_config"),
        (BaseExecutor, "context input_loader output_manager"),
        (BaseExecutor.execute_pipeline, "self pipeline_name start_date end_date"),
        (NodeExecutor, "context input_loader output_manager max_workers"),
        (NodeExecutor.execute_single_node, "self node_name start_date end_date ml_info"),
        (
            NodeExecutor.execute_nodes_parallel,
            "self execution_order node_configs dag start_date end_date ml_info",
        ),
        (DependencyResolver.build_dependency_graph, "pipeline_nodes node_configs"),
        (DependencyResolver.topological_sort, "dag"),
        (DependencyResolver.get_node_dependencies, "node_config"),
        (
            PipelineValidator.validate_required_params,
            "pipeline_name start_date end_date context_start_date context_end_date",
        ),
        (PipelineValidator.validate_pipeline_config, "pipeline"),
        (PipelineValidator.validate_node_configs, "pipeline_nodes node_configs"),
        (PipelineValidator.validate_hybrid_pipeline, "pipeline node_configs format_policy"),
        (UnifiedPipelineState, "circuit_breaker_threshold"),
        (UnifiedPipelineState.register_node, "self name dependencies retries"),
        (UnifiedPipelineState.start_node_execution, "self name"),
        (UnifiedPipelineState.complete_node_execution, "self name output"),
        (UnifiedPipelineState.fail_node_execution, "self name error"),
        (UnifiedPipelineState.register_query, "self name query"),
        (UnifiedPipelineState.status_of, "self name"),
        (Command.execute, "self"),
        (NodeCommand, "function input_dfs start_date end_date node_name"),
        (
            MLNodeCommand,
            "function input_dfs start_date end_date node_name model_version hyperparams node_config "
            "pipeline_config spark",
        ),
        (ExperimentCommand, "objective_func space n_calls random_state"),
        (normalize_dependencies, "dependencies"),
        (extract_dependency_name, "dependency"),
        (extract_pipeline_nodes, "pipeline"),
        (InputLoader, "context"),
        (InputLoader.load_inputs, "self node_config"),
        (OutputManager, "context"),
        (OutputManager.save_output, "self node_config result start_date end_date"),
    ],
)
def test_documented_parameters_come_first_and_in_order(function: Callable[..., object], leading: str) -> None:
    parameters = [
        name
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    expected = leading.split()
    assert parameters[: len(expected)] == expected


@pytest.mark.parametrize(
    ("function", "defaults"),
    [
        (NodeExecutor, {"max_workers": 4}),
        (UnifiedPipelineState, {"circuit_breaker_threshold": 3}),
        (UnifiedPipelineState.register_node, {"dependencies": (), "retries": 0}),
        (ExperimentCommand, {"n_calls": 20, "random_state": None}),
        (BaseExecutor, {"input_loader": None, "output_manager": None}),
    ],
)
def test_documented_defaults_hold(function: Callable[..., object], defaults: dict[str, object]) -> None:
    parameters = inspect.signature(function).parameters
    assert {name: parameters[name].default for name in defaults} == defaults


@pytest.mark.parametrize("room", [tauro.config, tauro.exec, tauro.io])
def test_rooms_export_what_they_say(room: object) -> None:
    for name in room.__all__:  # type: ignore[attr-defined]  # a module's
        assert getattr(room, name) is not None


def test_the_rooms_export_the_documented_classes() -> None:
    assert tauro.config.Context is Context
    assert tauro.exec.BaseExecutor is BaseExecutor
    assert tauro.exec.NodeExecutor is NodeExecutor
    assert tauro.io.InputLoader is InputLoader
    assert tauro.io.OutputManager is OutputManager


def test_a_name_that_a_room_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        tauro.exec.Nothing  # noqa: B018  # the look is the test


def test_pipelines_are_had_by_the_manager_too(make_context: Callable[..., Context]) -> None:
    context = make_context({"a": {}, "b": {}})
    assert context._pipeline_manager.get_pipeline("p")["nodes"] == ["a", "b"]
    assert context.pipelines["p"].nodes == ("a", "b")
    PipelineValidator.validate_pipeline_config(context._pipeline_manager.get_pipeline("p"))
    assert context.nodes_config["a"]["function"] == "node_functions.a"
    assert dict(context.global_settings) == {}
