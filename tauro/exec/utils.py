"""Reading names out of raw configuration, as documented for callers outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tauro.errors import InvalidValueError
from tauro.model.node import dependency_name, dependency_names
from tauro.model.pipeline import PipelineSpec

RawConfig = Mapping[str, Any]
"""An entry as the user wrote it: field -> plain value."""


def normalize_dependencies(dependencies: object) -> list[str]:
    """The nodes that a `dependencies` value names (a name, a one-key mapping, or a list of those), each once, in order.

    Raises:
        InvalidValueError: an item is neither a name nor a one-key mapping.
    """
    try:
        return list(dependency_names(dependencies))
    except ValueError as error:
        raise InvalidValueError(str(error)) from error


def extract_dependency_name(dependency: object) -> str:
    """The node that one dependency (a name or a one-key mapping) names.

    Raises:
        InvalidValueError: it is neither.
    """
    try:
        return dependency_name(dependency)
    except ValueError as error:
        raise InvalidValueError(str(error)) from error


def extract_pipeline_nodes(pipeline: PipelineSpec | RawConfig) -> list[str]:
    """The names of a pipeline's nodes, in declared order.

    Raises:
        InvalidValueError: it has no `nodes`, or an item is neither a name nor a one-key mapping.
    """
    nodes = pipeline.nodes if isinstance(pipeline, PipelineSpec) else pipeline.get("nodes")
    names = normalize_dependencies(nodes)
    if not names:
        raise InvalidValueError("the pipeline has no nodes", fix="list them in its field 'nodes'")
    return names
