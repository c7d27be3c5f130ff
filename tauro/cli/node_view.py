"""One node of a project, resolved within a pipeline where one has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tauro.cli.options import Asked
from tauro.cli.project import sketch_of
from tauro.errors import ConfigError, InvalidValueError, UnknownNameError
from tauro.model.node import NodeSpec
from tauro.model.plan import PlannedNode

if TYPE_CHECKING:
    from tauro.config import Context


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node to be shown."""

    spec: NodeSpec
    pipelines: tuple[str, ...]
    """The pipelines that have it, in declared order."""
    pipeline: str | None = None
    """The one it is resolved in; None if none has it."""
    planned: PlannedNode | None = None
    """The node resolved; None if no pipeline has it."""


def view_node(asked: Asked, context: Context, name: str) -> NodeView:
    """The node called `name`, in --pipeline or else in the first pipeline that has it.

    Raises:
        UnknownNameError: there is no such node, or no such pipeline.
        InvalidValueError: the pipeline does not have it.
        ConfigError: the node, or the pipeline, can't be understood.
    """
    if name not in context.nodes:
        problems = [finding.problem for finding in context.findings]
        if name in context.nodes_config and problems:
            raise ConfigError(problems)
        raise UnknownNameError("node", name, list(context.nodes))
    spec = context.nodes[name]
    pipelines = tuple(key for key, pipeline in context.pipelines.items() if name in pipeline.nodes)
    if asked.pipeline is not None and asked.pipeline not in pipelines:
        if asked.pipeline not in context.pipelines:
            raise UnknownNameError("pipeline", asked.pipeline, list(context.pipelines))
        raise InvalidValueError(
            f"pipeline {asked.pipeline!r} has no node {name!r}",
            fix=f"pipelines that do: {', '.join(pipelines) or 'none'}",
        )
    pipeline = asked.pipeline or next(iter(pipelines), None)
    if pipeline is None:
        return NodeView(spec, pipelines)
    plan = sketch_of(replace(asked, nodes=(name,)), context, pipeline)
    return NodeView(spec, pipelines, pipeline, plan.nodes[name])
