"""What loading found wrong, as far as one pipeline is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tauro.config import Context
from tauro.errors import Problem, Severity


def findings_for(context: Context, pipeline: str | None) -> list[Problem]:
    """The loading problems, those that `pipeline` does not meet turned into warnings.

    Args:
        context: the project.
        pipeline: the pipeline that is asked for; with None, all are.
    """
    if pipeline is None or not context.findings:
        return [finding.problem for finding in context.findings]
    relevant = entries_of(context, pipeline)
    return [
        finding.problem
        if finding.entry is None or (finding.document, finding.entry) in relevant
        else as_warning(finding.problem)
        for finding in context.findings
    ]


def entries_of(context: Context, pipeline: str) -> set[tuple[str, str]]:
    """The entries that a pipeline is made of, as (document, name), as far as they can be told from raw values."""
    entries = {("pipelines_config", pipeline)}
    raw = context.pipelines_config.get(pipeline)
    nodes = _names(raw.get("nodes")) if isinstance(raw, Mapping) else set()
    for node in nodes:
        entries.add(("nodes_config", node))
        fields = context.nodes_config.get(node)
        if isinstance(fields, Mapping):
            entries |= {("input_config", name) for name in _names(fields.get("input"))}
            entries |= {("output_config", name) for name in _names(fields.get("output"))}
    return entries


def as_warning(problem: Problem) -> Problem:
    """The same finding, not in the way of a run."""
    return replace(problem, severity=Severity.WARNING)


def _names(value: object) -> set[str]:
    """The names in a field that holds a name, a list of names or one-key mappings, or a mapping to names."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, list | tuple):
        return {name for item in value for name in _names(item)}
    if isinstance(value, Mapping):
        return {*map(str, value), *(item for item in value.values() if isinstance(item, str))}
    return set()
