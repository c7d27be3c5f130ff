"""`tauro list`: the project's pipelines, and with --nodes or --pipeline their nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tauro.config import Context
    from tauro.model.node import NodeSpec
    from tauro.model.pipeline import PipelineSpec


@click.command("list", short_help="List pipelines and nodes.")
@takes("only pipeline", "project", "json")
@click.option("--nodes", "with_nodes", is_flag=True, help="List nodes in place of pipelines.")
@click.pass_obj
def list_(invocation: Invocation, asked: Asked, with_nodes: bool) -> None:
    """Lists the project's pipelines; with --nodes, or of one --pipeline, the nodes."""
    from tauro.cli.project import open_project
    from tauro.errors import ConfigError

    context = open_project(asked, invocation)
    if context.findings and not context.pipelines:
        raise ConfigError([finding.problem for finding in context.findings])
    pipelines = [context.pipelines[asked.pipeline]] if asked.pipeline else list(context.pipelines.values())
    names = _names(context, pipelines if asked.pipeline else None)
    nodes = [context.nodes[name] for name in names if name in context.nodes]
    if invocation.is_json:
        invocation.answer(
            {
                "pipelines": [_pipeline_document(spec) for spec in pipelines],
                "nodes": [_node_document(spec, context) for spec in nodes],
            }
        )
        return
    if with_nodes or asked.pipeline:
        _show_nodes(invocation, context, nodes)
    else:
        _show_pipelines(invocation, pipelines)
    if context.findings:
        invocation.complain(f"{len(context.findings)} problems in the project; tauro validate shows them")


def _names(context: Context, pipelines: Sequence[PipelineSpec] | None) -> list[str]:
    """The nodes of the pipelines, each once; every node of the project if None."""
    if pipelines is None:
        return list(context.nodes)
    return list(dict.fromkeys(name for spec in pipelines for name in spec.nodes))


def _show_pipelines(invocation: Invocation, pipelines: Sequence[PipelineSpec]) -> None:
    from tauro.cli.render.tables import console_for, plain_table

    rows = [
        (spec.name, str(spec.type), str(len(spec.nodes)), ", ".join(spec.tags), spec.description or "")
        for spec in pipelines
    ]
    console_for(invocation.out).print(plain_table(("pipeline", "type", "nodes>", "tags", "description"), rows))


def _show_nodes(invocation: Invocation, context: Context, nodes: Sequence[NodeSpec]) -> None:
    from tauro.cli.render.plan import runs
    from tauro.cli.render.tables import console_for, plain_table

    rows = [
        (spec.name, ", ".join(pipelines_of(context, spec.name)), runs(spec), ", ".join(spec.tags), _place(spec))
        for spec in nodes
    ]
    console_for(invocation.out).print(plain_table(("node", "pipelines", "runs", "tags", "defined in"), rows))


def pipelines_of(context: Context, node: str) -> list[str]:
    """The pipelines that have the node, in declared order."""
    return [spec.name for spec in context.pipelines.values() if node in spec.nodes]


def _place(spec: NodeSpec | PipelineSpec) -> str:
    return str(spec.source) if spec.source else ""


def _pipeline_document(spec: PipelineSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "type": str(spec.type),
        "description": spec.description,
        "tags": list(spec.tags),
        "requires_dates": spec.requires_dates,
        "nodes": list(spec.nodes),
        "source": _place(spec) or None,
    }


def _node_document(spec: NodeSpec, context: Context) -> dict[str, object]:
    return {
        "name": spec.name,
        "pipelines": pipelines_of(context, spec.name),
        "function": spec.function,
        "sql": spec.sql,
        "description": spec.description,
        "tags": list(spec.tags),
        "source": _place(spec) or None,
    }
