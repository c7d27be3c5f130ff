"""Planning and running: from a project's documents to published outputs."""

from tauro.exec.commands import Command, ExperimentCommand, MLNodeCommand, NodeCommand, SqlCommand
from tauro.exec.dependency_resolver import DependencyResolver
from tauro.exec.executor import BaseExecutor, BatchExecutor
from tauro.exec.node_executor import NodeExecutor
from tauro.exec.pipeline_state import UnifiedPipelineState
from tauro.exec.pipeline_validator import PipelineValidator
from tauro.exec.plan import make_plan
from tauro.exec.preflight import check_project
from tauro.exec.selection import Selection

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
    "make_plan",
]
