"""Planning and running: from a project's documents to published outputs.

The names below are imported when they are first used, so that checking a project does not load what runs one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tauro.exec.checks.preflight import check_project
    from tauro.exec.commands import Command, ExperimentCommand, MLNodeCommand, NodeCommand, SqlCommand
    from tauro.exec.dependency_resolver import DependencyResolver
    from tauro.exec.executor import BaseExecutor, BatchExecutor
    from tauro.exec.node_executor import NodeExecutor
    from tauro.exec.pipeline_state import UnifiedPipelineState
    from tauro.exec.pipeline_validator import PipelineValidator
    from tauro.exec.planning.plan import make_plan
    from tauro.exec.planning.selection import Selection
    from tauro.exec.utils import extract_dependency_name, extract_pipeline_nodes, normalize_dependencies

__all__ = [
    "BaseExecutor",
    "BatchExecutor",
    "Command",
    "DependencyResolver",
    "ExperimentCommand",
    "MLNodeCommand",
    "NodeCommand",
    "NodeExecutor",
    "PipelineValidator",
    "Selection",
    "SqlCommand",
    "UnifiedPipelineState",
    "check_project",
    "extract_dependency_name",
    "extract_pipeline_nodes",
    "make_plan",
    "normalize_dependencies",
]

_MODULES = {
    "checks.preflight": ("check_project",),
    "commands": ("Command", "ExperimentCommand", "MLNodeCommand", "NodeCommand", "SqlCommand"),
    "dependency_resolver": ("DependencyResolver",),
    "executor": ("BaseExecutor", "BatchExecutor"),
    "node_executor": ("NodeExecutor",),
    "pipeline_state": ("UnifiedPipelineState",),
    "pipeline_validator": ("PipelineValidator",),
    "planning.plan": ("make_plan",),
    "planning.selection": ("Selection",),
    "utils": ("extract_dependency_name", "extract_pipeline_nodes", "normalize_dependencies"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:  # Any: as the protocol of module attributes has it
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
