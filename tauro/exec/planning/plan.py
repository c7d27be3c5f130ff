"""What would run, in which order, on which window, reading and writing what, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from tauro.config import Context
from tauro.errors import ConfigError, InvalidValueError, Problem, Severity
from tauro.exec.planning.findings import findings_for
from tauro.exec.planning.resolution import ResolvedPipeline, problem_at, resolve_pipeline
from tauro.exec.planning.selection import EVERYTHING, Selection
from tauro.io.promises import publishing_of
from tauro.model.dataset import OutputSpec, OverwriteScope
from tauro.model.pipeline import PipelineSpec
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode, PlannedOutput
from tauro.model.settings import GlobalSettings, Mode
from tauro.model.window import Window
from tauro.scheduling.graph import topological_order
from tauro.storage.abilities import abilities_of

UNKNOWN_RUN = "run-id"
"""Stands for ${run_id} in plans that are only looked at."""
IsStored = Callable[[OutputSpec], bool]


def make_plan(
    context: Context,
    pipeline: str,
    window: Window | None = None,
    selection: Selection = EVERYTHING,
    *,
    run_id: str = UNKNOWN_RUN,
    max_workers: int | None = None,
    is_stored: IsStored | None = None,
) -> Plan:
    """The plan for one pipeline.

    Args:
        context: the project.
        pipeline: the pipeline's name.
        window: the run's window; without one that of `global_settings`, if it has one.
        selection: the part of the pipeline to run.
        run_id: fills in ${run_id}.
        max_workers: nodes at once, in place of what the project says.
        is_stored: whether an output exists already, so that it can be read in place of running its node.

    Raises:
        UnknownNameError: there is no such pipeline, node or tag.
        InvalidValueError: the selection is empty.
        ConfigError: something in the pipeline does not fit, or it needs dates and has none; all of it is named.
    """
    if max_workers is not None and max_workers < 1:
        raise InvalidValueError(f"max_workers is {max_workers}; at least one is needed")
    window = window or default_window(context.settings)
    bound = context if context.run_id is not None else context.for_run(window, run_id)
    problems = [one for one in findings_for(bound, pipeline) if one.severity is Severity.ERROR]
    if pipeline not in bound.pipelines and problems:
        raise ConfigError(problems)
    resolved = resolve_pipeline(bound, pipeline)
    spec = resolved.spec
    problems += resolved.problems
    if window is None and spec.requires_dates:
        fix = "give --start and --end, or set start_date and end_date in global_settings, or requires_dates: false"
        place = ("pipelines_config", pipeline, "requires_dates")
        problems.insert(0, problem_at(bound, place, "the pipeline needs dates", fix=fix))
    elif window is None:
        problems += windows_missing(bound, resolved)
    if problems:
        raise ConfigError(problems)
    return plan_nodes(bound, resolved, window, selection, max_workers=max_workers, is_stored=is_stored)


def default_window(settings: GlobalSettings) -> Window | None:
    """The window that the settings name; None if they name none.

    Raises:
        InvalidValueError: they name half of one, or no dates.
    """
    if settings.start_date is None and settings.end_date is None:
        return None
    if settings.start_date is None or settings.end_date is None:
        raise InvalidValueError("global_settings has only one of start_date and end_date", fix="give both or none")
    return Window.parse(settings.start_date, settings.end_date)


def run_window(context: Context, start: str | None, end: str | None) -> Window | None:
    """A run's window: what is given, completed by the context's own and then by the settings; None if nothing is said.

    Raises:
        InvalidValueError: only half of a window is said, a date is none, or the window is empty.
    """
    if start is None and end is None:
        return context.window or default_window(context.settings)
    start, end = start or context.settings.start_date, end or context.settings.end_date
    if start is None or end is None:
        raise InvalidValueError("only one of start and end is given", fix="give both")
    return Window.parse(start, end)


def is_on_disk(output: OutputSpec) -> bool:
    """Whether an output that lies on a local disk exists; what lies elsewhere, but in memory, is taken to exist."""
    if output.format_name == "memory":
        return False  # gone with the process that kept it
    return output.path is None or not os.path.isabs(output.path) or os.path.exists(output.path)


def with_publishing(plan: Plan, mode: str = Mode.LOCAL) -> Plan:
    """The same plan, with what publishing can promise for each output; looks at file systems and tables' logs.

    Args:
        plan: what would run.
        mode: the project's.
    """
    look = cache(abilities_of)  # most outputs lie in a few folders

    def told(output: PlannedOutput) -> PlannedOutput:
        return replace(output, publishing=publishing_of(output.spec, mode=mode, look=look))

    nodes = {name: replace(node, outputs=tuple(map(told, node.outputs))) for name, node in plan.nodes.items()}
    return replace(plan, nodes=nodes)


def plan_nodes(
    context: Context,
    resolved: ResolvedPipeline,
    window: Window | None,
    selection: Selection = EVERYTHING,
    *,
    max_workers: int | None = None,
    is_stored: IsStored | None = None,
) -> Plan:
    """The plan for nodes that are connected and right.

    Raises:
        CycleError: they have a cycle.
        UnknownNameError, InvalidValueError: the selection does not fit.
    """
    spec, graph = resolved.spec, resolved.wiring.graph
    if selection.is_everything:
        reasons = dict.fromkeys(resolved.nodes, f"part of {spec.name}")
    else:
        chosen = selection.of(graph, {name: node.tags for name, node in resolved.nodes.items()})
        reasons = _with_what_they_need(chosen, resolved, is_stored or is_on_disk)
    order = tuple(name for name in resolved.wiring.order or topological_order(graph) if name in reasons)
    return Plan(
        pipeline=spec,
        window=window,
        order=order,
        nodes={name: _planned_node(context, spec, resolved, name, reasons) for name in order},
        max_workers=spec.max_workers or context.settings.max_workers if max_workers is None else max_workers,
        on_failure=spec.on_failure or context.settings.on_failure,
        publish=spec.publish or context.settings.publish,
        breaker=context.settings.circuit_breaker,
        left_out=tuple(name for name in resolved.nodes if name not in reasons),
    )


def _with_what_they_need(chosen: set[str], resolved: ResolvedPipeline, is_stored: IsStored) -> dict[str, str]:
    """Node -> why it runs: the chosen ones, and those whose results are stored nowhere and needed."""
    reasons = dict.fromkeys(chosen, "asked for")
    waiting = sorted(chosen)
    while waiting:
        name = waiting.pop()
        for one in resolved.wiring.inputs[name]:
            if one.node is not None and one.node not in reasons and not _is_readable(one, resolved, is_stored):
                reasons[one.node] = f"{name} needs its {one.id!r}, which is stored nowhere"
                waiting.append(one.node)
        for node, output in resolved.wiring.read.get(name, ()):
            if node not in reasons and not is_stored(output.spec):
                reasons[node] = f"{name} needs its {output.id!r}, which is stored nowhere"
                waiting.append(node)
    return reasons


def _is_readable(one: PlannedInput, resolved: ResolvedPipeline, is_stored: IsStored) -> bool:
    """Whether an input made by another node can be had without running that node."""
    if one.origin is Origin.OUTPUT:
        return one.output is not None and is_stored(one.output)
    output = sole_table(resolved.wiring.outputs.get(one.node or "", ()))
    return output is not None and is_stored(output)


def sole_table(outputs: Sequence[PlannedOutput]) -> OutputSpec | None:
    """The output that holds exactly the rows a node returns: its only one, overwritten as a whole; else None."""
    if len(outputs) != 1:
        return None
    spec = outputs[0].spec
    return spec if spec.replaces_table else None


def _planned_node(
    context: Context, pipeline: PipelineSpec, resolved: ResolvedPipeline, name: str, reasons: Mapping[str, str]
) -> PlannedNode:
    spec = resolved.nodes[name]
    return PlannedNode(
        name=name,
        spec=spec,
        inputs=tuple([_as_read(one, resolved, reasons) for one in resolved.wiring.inputs[name]]),
        outputs=resolved.wiring.outputs[name],
        dependencies=tuple([node for node in resolved.wiring.graph[name] if node in reasons]),
        retry=spec.retry or pipeline.retry or context.settings.retry,
        timeout_s=spec.timeout_s or pipeline.timeout_s or context.settings.timeout_s,
        reason=reasons[name],
    )


def _as_read(one: PlannedInput, resolved: ResolvedPipeline, reasons: Mapping[str, str]) -> PlannedInput:
    """The input as it is had in this run: from storage where its node does not run."""
    if one.node is None or one.node in reasons:
        return one
    output = one.output or sole_table(resolved.wiring.outputs[one.node])
    location = one.location or next((o.location for o in resolved.wiring.outputs[one.node] if o.spec is output), None)
    return PlannedInput(one.id, Origin.STORED, one.keyword, one.spec, output, None, location)


def windows_missing(context: Context, resolved: ResolvedPipeline) -> Iterator[Problem]:
    """What can't be done in a run without a window."""
    fix = "give --start and --end"
    for name in resolved.nodes:
        for one in resolved.wiring.inputs[name]:
            if one.spec is not None and one.spec.window_column is not None:
                message = f"input {one.id!r} has a window_column, and the run has no window"
                yield problem_at(context, ("nodes_config", name, "input"), message, fix=fix)
        for output in resolved.wiring.outputs[name]:
            if output.spec.overwrite_scope is OverwriteScope.WINDOW:
                message = f"output {output.id!r} overwrites the run's window, and the run has none"
                yield problem_at(context, ("nodes_config", name, "output"), message, fix=fix)
