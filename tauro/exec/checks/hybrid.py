"""Whether the batch and the streaming nodes of a hybrid pipeline fit together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tauro.errors import InvalidValueError
from tauro.exec.utils import RawConfig, extract_pipeline_nodes, normalize_dependencies
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import FormatPolicy

STREAMING_FORMATS = frozenset(
    {"kafka", "kinesis", "pulsar", "eventhubs", "rate", "rate-micro-batch", "socket", "delta_stream", "file_stream"}
)
"""Formats that only a streaming node reads."""


@dataclass(frozen=True, slots=True)
class HybridCheck:
    """What a hybrid pipeline consists of."""

    batch_nodes: tuple[str, ...]
    streaming_nodes: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_hybrid(
    pipeline: PipelineSpec | RawConfig,
    node_configs: Mapping[str, RawConfig],
    policy: FormatPolicy | None = None,
    formats: Mapping[str, str] | None = None,
    graph: Mapping[str, Collection[str]] | None = None,
) -> HybridCheck:
    """Sorts the nodes of a pipeline into batch and streaming, and finds what does not fit.

    A node streams if it reads a format that only streams; a batch node can't wait for one, because a streaming query
    has no end.

    Args:
        pipeline: the pipeline's entry.
        node_configs: name -> entry of `nodes_config`.
        policy: the formats that are allowed; None allows all.
        formats: input or output id -> format, for ids that the nodes name.
        graph: node -> what it depends on, by declaration or by data; without it, what the nodes declare counts.
    """
    errors: list[str] = []
    warnings: list[str] = []
    batch: list[str] = []
    streaming: list[str] = []
    policy = policy or FormatPolicy()
    names = extract_pipeline_nodes(pipeline)
    for name in names:
        config = node_configs.get(name)
        if config is None:
            errors.append(f"node {name!r} is not in nodes_config")
            continue
        inputs = set(_formats_of(config.get("input"), formats or {}))
        outputs = set(_formats_of(config.get("output"), formats or {}))
        is_streaming = bool(inputs & STREAMING_FORMATS)
        (streaming if is_streaming else batch).append(name)
        kind, allowed_in, allowed_out = (
            ("streaming", policy.streaming_inputs, policy.streaming_outputs)
            if is_streaming
            else ("batch", policy.batch_inputs, policy.batch_outputs)
        )
        for what, used, allowed in (("input", inputs, allowed_in), ("output", outputs, allowed_out)):
            if allowed is not None:
                errors += [
                    f"{kind} node {name!r}: {what} format {one!r} is not allowed; allowed: {', '.join(allowed)}"
                    for one in sorted(used - set(allowed))
                ]
    for name in batch:
        try:
            declared = normalize_dependencies(node_configs[name].get("dependencies"))
        except InvalidValueError as error:
            errors.append(f"node {name!r}: {error.message}")
            continue
        errors += [
            f"batch node {name!r} depends on streaming node {dependency!r}, which has no end"
            for dependency in dict.fromkeys((*declared, *(graph or {}).get(name, ())))
            if dependency in streaming
        ]
    if not streaming:
        warnings.append("no node streams; type: batch would do")
    if not batch:
        warnings.append("no node is a batch node; type: streaming would do")
    return HybridCheck(tuple(batch), tuple(streaming), tuple(errors), tuple(warnings))


def _formats_of(value: Any, formats: Mapping[str, str]) -> Iterator[str]:  # Any: a raw field, whatever the user wrote
    if isinstance(value, str):
        if value in formats:
            yield formats[value]
    elif isinstance(value, Mapping):
        if isinstance(value.get("format"), str):
            yield value["format"]
        else:
            for item in value.values():
                yield from _formats_of(item, formats)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _formats_of(item, formats)
