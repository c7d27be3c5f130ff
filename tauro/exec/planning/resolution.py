"""A pipeline's nodes and how they connect in a project, with everything that does not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from tauro.config import Context
from tauro.errors import CycleError, Problem, Severity, bounded, did_you_mean
from tauro.exec.planning.wiring import Wiring, wire
from tauro.io.locations import input_spec_for, locations, output_spec_for
from tauro.io.sql import referenced, view_name
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.node import InputRef, NodeSpec, OutputRef
from tauro.model.pipeline import PipelineSpec
from tauro.model.plan import PlannedOutput
from tauro.scheduling.graph import topological_order


@dataclass(frozen=True, slots=True)
class ResolvedPipeline:
    """The nodes of a pipeline, found and connected."""

    spec: PipelineSpec
    nodes: Mapping[str, NodeSpec]
    """In declared order; those that are not there, or are wrong, are left out."""
    wiring: Wiring
    problems: tuple[Problem, ...]


def resolve_pipeline(context: Context, name: str) -> ResolvedPipeline:
    """The pipeline called `name`, its nodes found and connected.

    Raises:
        UnknownNameError: there is no such pipeline.
    """
    spec = context.pipelines[name]
    has_lost_nodes = any(one.document == "nodes_config" and one.entry is None for one in context.findings)
    problems: list[Problem] = []
    nodes: dict[str, NodeSpec] = {}
    for node in spec.nodes:
        if node in context.nodes:
            nodes[node] = context.nodes[node]
        elif node not in context.nodes_config and not has_lost_nodes:  # what is wrong was told when it was read
            known = list(context.nodes)
            problems.append(
                problem_at(
                    context,
                    ("pipelines_config", name, "nodes"),
                    f"unknown node {node!r}",
                    notes=(f"known nodes: {bounded(known) or 'none'}",),
                    fix=did_you_mean(node, known),
                )
            )
    wiring, faults = wire_nodes(context, nodes, absent=set(spec.nodes) - set(nodes))
    return ResolvedPipeline(spec, nodes, wiring, (*problems, *faults))


def wire_nodes(
    context: Context,
    nodes: Mapping[str, NodeSpec],
    absent: Collection[str] = (),
    *,
    knows_all_inputs: bool = True,
    dag: Mapping[str, Collection[str]] | None = None,
) -> tuple[Wiring, list[Problem]]:
    """`nodes` connected by the project's documents, and what does not fit, cycles included.

    Args:
        context: the project.
        nodes: the nodes, in declared order.
        absent: names that would be nodes had they not been reported already; what needs them is no further problem.
        knows_all_inputs: whether an input that is found nowhere is a problem.
        dag: further dependencies: node -> the nodes that depend on it.
    """
    inputs, input_config = context.inputs, context.input_config
    outputs, output_config = context.outputs, context.output_config

    def find_input(ref: InputRef) -> InputSpec | None:
        if ref.inline is None and ref.id not in inputs:
            return InputSpec() if ref.id in input_config or ref.id in absent else None
        return input_spec_for(context, ref.id, ref.inline)

    def find_output(ref: OutputRef) -> OutputSpec | None:
        if ref.inline is None and ref.id not in outputs and ref.id in output_config:
            return None
        return output_spec_for(context, ref.id, ref.inline)

    wiring = wire(nodes, find_input, find_output, knows_all_inputs=knows_all_inputs)
    by_query = _read_by_queries(context, wiring)
    if by_query:
        read = {name: (*wiring.read.get(name, ()), *by_query.get(name, ())) for name in {**wiring.read, **by_query}}
        wiring = replace(wiring, read=read)
    wiring = replace(wiring, graph=_joined(wiring.graph, dag or {}, _writers(by_query)))
    problems = []
    for fault in wiring.faults:
        if fault.stranger not in absent:
            is_elsewhere = fault.stranger in context.nodes_config
            fix = f"add {fault.stranger!r} to the nodes of the pipeline" if is_elsewhere else fault.fix
            place = ("nodes_config", fault.node, fault.field)
            problems.append(problem_at(context, place, fault.message, notes=fault.notes, fix=fix))
    try:
        wiring = replace(wiring, order=tuple(topological_order(wiring.graph)))
    except CycleError as error:
        place = ("nodes_config", error.path[0], "dependencies")
        problems.append(problem_at(context, place, error.message, fix=error.fix))
    return wiring, problems


def _read_by_queries(context: Context, wiring: Wiring) -> dict[str, list[tuple[str, PlannedOutput]]]:
    """Node -> what other nodes write that it reads by an input that is a query, each with its writer."""
    written = {output.location: (node, output) for node, outputs in wiring.outputs.items() for output in outputs}
    views: dict[str, str] = {}
    readers: dict[str, list[tuple[str, PlannedOutput]]] = {}
    for node, slots in wiring.inputs.items():
        waiting = [one.spec for one in slots if one.spec is not None and one.spec.query is not None]
        seen: set[str] = set()
        while waiting:
            query = waiting.pop().query or ""
            views = views or {view_name(name): name for name in (*context.inputs, *context.outputs)}
            for name in referenced(query, views):
                if name in seen:
                    continue
                seen.add(name)
                spec = input_spec_for(context, name)
                if spec.query is not None:
                    waiting.append(spec)
                made = [written[place] for place in locations(spec) if place in written]
                readers.setdefault(node, []).extend(one for one in made if one[0] != node)
    return {node: made for node, made in readers.items() if made}


def _writers(readers: Mapping[str, list[tuple[str, PlannedOutput]]]) -> dict[str, set[str]]:
    """Node -> the nodes that read what it writes."""
    writers: dict[str, set[str]] = {}
    for node, made in readers.items():
        for writer, _ in made:
            writers.setdefault(writer, set()).add(node)
    return writers


def _joined(
    graph: Mapping[str, tuple[str, ...]], *dags: Mapping[str, Collection[str]]
) -> Mapping[str, tuple[str, ...]]:
    """`graph` (node -> what it depends on) with the edges of `dags` (node -> its dependents) between its nodes."""
    if not any(dags):
        return graph
    more: dict[str, list[str]] = {}
    for dag in dags:
        for node, followers in dag.items():
            for follower in followers:
                if node in graph and follower in graph and node not in graph[follower]:
                    more.setdefault(follower, []).append(node)
    return {**graph, **{node: tuple(dict.fromkeys((*graph[node], *others))) for node, others in more.items()}}


_NOUNS = {"pipelines_config": "pipeline", "nodes_config": "node", "input_config": "input", "output_config": "output"}


def problem_at(
    context: Context,
    place: tuple[str, ...],
    message: str,
    *,
    severity: Severity = Severity.ERROR,
    notes: tuple[str, ...] = (),
    fix: str | None = None,
) -> Problem:
    """A problem with its file and line.

    Args:
        context: the project.
        place: document, then entry, then field: `("nodes_config", "transform", "function")`.
        message: what is wrong.
        severity: whether it stops a run.
        notes: further lines.
        fix: what to do about it.
    """
    source = context.source_of(*place)
    where = f"{_NOUNS[place[0]]} {place[1]!r}" if place[0] in _NOUNS and len(place) > 1 else place[0]
    return Problem(
        context.redact(message),
        severity,
        source.file if source else None,
        source.line if source else None,
        where,
        notes,
        fix,
    )
