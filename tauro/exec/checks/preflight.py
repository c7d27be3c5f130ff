"""Everything about a project that can be checked without data and without a JVM."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tauro.config import Context
from tauro.config.collector import collector_paused
from tauro.errors import InvalidValueError, Problem, Severity, UnknownNameError, bounded
from tauro.exec.checks.entries import input_problems, missing_paths, output_problems
from tauro.exec.checks.hybrid import check_hybrid
from tauro.exec.checks.nodes import check_nodes, function_problem
from tauro.exec.checks.over_connect import server_problems, session_problems
from tauro.exec.code.functions import FunctionError, import_from, load_function
from tauro.exec.planning.findings import as_warning, entries_of, findings_for
from tauro.exec.planning.plan import default_window, is_on_disk
from tauro.exec.planning.resolution import ResolvedPipeline, problem_at, resolve_pipeline
from tauro.io.formats import FORMATS
from tauro.io.locations import format_of, format_of_folder, input_spec_for, locations, output_spec_for
from tauro.model.pipeline import PipelineSpec, PipelineType
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode
from tauro.model.window import Window
from tauro.spark.session import SESSION_MODES

BATCH_TYPES = frozenset({PipelineType.BATCH, PipelineType.ML})
"""The types of pipelines that run."""


def check_project(context: Context, pipeline: str | None = None, window: Window | None = None) -> list[Problem]:
    """Every problem of a project, those of loading included, each once, by file and line.

    Args:
        context: the project, loaded with `strict=False`.
        pipeline: the pipeline that is asked for; problems that it does not meet are warnings. With None, all are.
        window: fills in ${start_date} and ${end_date}.

    Raises:
        UnknownNameError: there is no such pipeline.
    """
    if pipeline is not None and pipeline not in context.pipelines_config:
        raise UnknownNameError("pipeline", pipeline, list(context.pipelines_config))
    if window is not None and context.run_id is None:
        context = context.for_run(window, "run-id")
    import_from(context.root)
    with collector_paused():
        return _project_problems(context, pipeline)


def _project_problems(context: Context, pipeline: str | None) -> list[Problem]:
    problems = [*findings_for(context, pipeline), *_settings_problems(context), *session_problems(context)]
    resolved = {name: resolve_pipeline(context, name) for name in context.pipelines}
    written = _written_places(resolved.values())
    for name, one in resolved.items():
        found = [
            *one.problems,
            *check_nodes(context, one.nodes, one.wiring.inputs),
            *_inline_path_problems(context, one, written, is_read=pipeline == name),
            *_pipeline_problems(context, one),
        ]
        problems += found if pipeline in (None, name) else map(as_warning, found)
    asked = resolved.get(pipeline) if pipeline is not None else None
    is_read = _read_from_storage(asked.wiring.inputs.values()) if asked is not None else set()
    relevant = entries_of(context, pipeline) if pipeline is not None else None
    for place, found in _entry_problems(context, written, is_read):
        problems += found if relevant is None or place in relevant else map(as_warning, found)
    unused = _unused_node_problems(context, resolved.values())
    problems += unused if pipeline is None else map(as_warning, unused)
    errors = {as_warning(one) for one in problems if one.severity is Severity.ERROR}
    once = dict.fromkeys(one for one in problems if one not in errors)  # a node of two pipelines is judged twice
    return sorted(once, key=lambda one: (one.file or "", one.line or 0))


def check_run(context: Context, plan: Plan) -> list[Problem]:
    """What stands in the way of running a plan: its nodes, and the entries that they read and write."""
    problems = check_nodes(
        context,
        {name: node.spec for name, node in plan.nodes.items()},
        {name: node.inputs for name, node in plan.nodes.items()},
    )
    written = _written_places(resolve_pipeline(context, name) for name in context.pipelines)
    for name, node in plan.nodes.items():
        for one in node.inputs:
            if one.spec is None:
                problems += _absent_output(context, name, one)
                continue
            place = ("input_config", one.id) if one.id in context.inputs else ("nodes_config", name, "input")
            problems += input_problems(context, place, one.spec, one.id)
            if one.origin is Origin.STORED:
                problems += missing_paths(context, place, one.spec, written, is_read=True)
        for output in node.outputs:
            if output.id in context.outputs:
                problems += output_problems(context, ("output_config", output.id), output.spec, output.id)
    places = {place for node in plan.nodes.values() for one in node.inputs if one.spec for place in locations(one.spec)}
    problems += _swallowed_inputs(context, plan.nodes.values(), places)
    return list(dict.fromkeys(problems))


def refusals(context: Context, spec: PipelineSpec) -> list[Problem]:
    """Why a pipeline that may be right as it stands can't be run by this version."""
    problems = []
    if spec.type not in BATCH_TYPES:
        message = f"pipelines of type {spec.type} can be validated, but not run yet"
        problems.append(problem_at(context, ("pipelines_config", spec.name, "type"), message))
    return problems + server_problems(context, spec)


def _settings_problems(context: Context) -> Iterator[Problem]:
    settings = context.settings
    try:
        default_window(settings)
    except InvalidValueError as error:
        yield problem_at(context, ("global_settings", "start_date"), error.message, fix=error.fix)
    if settings.mode not in SESSION_MODES:
        unknown = UnknownNameError("mode", settings.mode, list(SESSION_MODES))
        yield problem_at(context, ("global_settings", "mode"), unknown.message, fix=unknown.fix)
    if settings.default_format not in FORMATS:
        unknown = UnknownNameError("format", settings.default_format, list(FORMATS))
        yield problem_at(context, ("global_settings", "default_format"), unknown.message, fix=unknown.fix)


def _pipeline_problems(context: Context, resolved: ResolvedPipeline) -> Iterator[Problem]:
    spec = resolved.spec
    place = ("pipelines_config", spec.name)
    if spec.type is PipelineType.HYBRID:
        formats = {name: format_of(context, one) for name, one in context.outputs.items()}
        formats |= {name: format_of(context, one) for name, one in context.inputs.items()}
        nodes = {name: context.nodes_config[name] for name in spec.nodes if name in context.nodes_config}
        check = check_hybrid(spec, nodes, context.settings.format_policy, formats, resolved.wiring.graph)
        yield from (problem_at(context, place, message) for message in check.errors)
        yield from (problem_at(context, place, one, severity=Severity.WARNING) for one in check.warnings)
    yield from map(as_warning, refusals(context, spec))


def _inline_path_problems(
    context: Context, resolved: ResolvedPipeline, written: Mapping[str, str], *, is_read: bool
) -> Iterator[Problem]:
    """The paths that do not exist of inputs that stand inline in their node."""
    if resolved.spec.type not in BATCH_TYPES:
        return
    for name, slots in resolved.wiring.inputs.items():
        for one in slots:
            if one.spec is not None and one.origin is Origin.STORED and one.id not in context.input_config:
                yield from missing_paths(context, ("nodes_config", name, "input"), one.spec, written, is_read=is_read)


def _read_from_storage(inputs: Iterable[Iterable[PlannedInput]]) -> set[str]:
    return {one.id for slots in inputs for one in slots if one.origin is Origin.STORED}


def _entry_problems(
    context: Context, written: Mapping[str, str], is_read: Collection[str]
) -> Iterator[tuple[tuple[str, str], list[Problem]]]:
    """What is wrong with each entry of the inputs and the outputs, with its document and name."""
    streaming = _streaming_inputs(context)
    for name in context.inputs:
        if name in streaming:
            continue
        place = ("input_config", name)
        spec = input_spec_for(context, name)
        found = [*input_problems(context, place, spec, name)]
        yield place, found or [*missing_paths(context, place, spec, written, is_read=name in is_read)]
    for name in context.outputs:
        place = ("output_config", name)
        yield place, [*output_problems(context, place, output_spec_for(context, name), name)]


def _absent_output(context: Context, node: str, one: PlannedInput) -> Iterator[Problem]:
    """A stored output that is read by its id and does not exist yet, as of a node that reads its own."""
    if one.origin is Origin.STORED and one.output is not None and not is_on_disk(one.output):
        message = f"input {one.id!r}: {one.location} does not exist yet"
        fix = f"read it by an entry of input_config with its path and 'optional: true', or make {one.location} first"
        yield problem_at(context, ("nodes_config", node, "input"), message, fix=fix)


def _swallowed_inputs(context: Context, nodes: Iterable[PlannedNode], places: Collection[str]) -> Iterator[Problem]:
    """Outputs that would replace a folder, not made by a run, in which inputs lie."""
    for node in nodes:
        for output in node.outputs:
            folder = output.spec.path
            if folder is None or not output.spec.replaces_table or not os.path.isdir(folder):
                continue
            inside = sorted(place for place in places if place.startswith(folder.rstrip("/") + "/"))
            if inside and format_of_folder(Path(folder)) is None:
                message = f"output {output.id!r} would replace {folder}, in which inputs lie: {bounded(inside, 3)}"
                place = ("output_config", output.id) if output.id in context.outputs else ("nodes_config", node.name)
                yield problem_at(context, place, message, fix="give the output a folder of its own")


def _streaming_inputs(context: Context) -> set[str]:
    """Inputs that only pipelines read which do not run yet: their formats are not known here."""
    read: dict[bool, set[str]] = {True: set(), False: set()}
    for pipeline in context.pipelines.values():
        for node in pipeline.nodes:
            if node in context.nodes:
                read[pipeline.type in BATCH_TYPES] |= {one.id for one in context.nodes[node].input}
    return read[False] - read[True]


def _written_places(pipelines: Iterable[ResolvedPipeline]) -> dict[str, str]:
    """Location -> the node and pipeline that write it."""
    places: dict[str, str] = {}
    for one in pipelines:
        for node, outputs in one.wiring.outputs.items():
            for output in outputs:
                places.setdefault(output.location, f"node {node!r} of pipeline {one.spec.name!r}")
    return places


def _unused_node_problems(context: Context, pipelines: Iterable[ResolvedPipeline]) -> list[Problem]:
    """What is wrong with the functions of nodes that are in no pipeline."""
    used = {node for one in pipelines for node in one.spec.nodes}
    problems: list[Problem] = []
    for name, spec in context.nodes.items():
        if name not in used and spec.function is not None:
            try:
                load_function(spec.function)
            except FunctionError as error:
                problems.append(function_problem(context, name, error))
    return problems
