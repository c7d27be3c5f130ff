"""One node in words, and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tauro.cli.render.documents import Document, input_document, output_document
from tauro.cli.render.plan import node_lines, runs

if TYPE_CHECKING:
    from tauro.cli.node_view import NodeView


def node_text(view: NodeView) -> str:
    """The node: its place in the files, what it runs, reads and writes, and the rest of its fields."""
    return "\n".join(_lines(view))


def _lines(view: NodeView) -> Iterator[str]:
    spec = view.spec
    if view.planned is not None:
        yield from (line for line in node_lines(view.planned) if not line.startswith("  because"))
    else:
        yield spec.name
        yield f"  runs      {runs(spec)}"
    yield f"  defined   {spec.source or 'in memory'}"
    if spec.description:
        yield f"  about     {spec.description}"
    if spec.tags:
        yield f"  tags      {', '.join(spec.tags)}"
    for label, values in (("params", spec.params), ("hyperparams", spec.hyperparams)):
        for at, (key, value) in enumerate(values.items()):
            yield f"  {label if at == 0 else '':<11} {key} = {value!r}"
    if spec.metrics:
        yield f"  metrics   {', '.join(spec.metrics)}"
    yield f"  pipelines {', '.join(view.pipelines) or 'none: it never runs'}"
    if view.pipeline is not None and len(view.pipelines) > 1:
        yield f"  shown as  in pipeline {view.pipeline}"
    if spec.sql is not None and "\n" in spec.sql.strip():
        yield "  sql"
        yield from (f"    {line}" for line in spec.sql.strip().splitlines())


def node_document(view: NodeView) -> Document:
    """The same for machines; inputs and outputs are null where no pipeline has the node."""
    spec, planned = view.spec, view.planned
    return {
        "name": spec.name,
        "file": spec.source.file if spec.source else None,
        "line": spec.source.line if spec.source else None,
        "pipelines": list(view.pipelines),
        "pipeline": view.pipeline,
        "function": spec.function,
        "sql": spec.sql,
        "description": spec.description,
        "tags": list(spec.tags),
        "params": spec.params,
        "hyperparams": spec.hyperparams,
        "inputs": [input_document(item) for item in planned.inputs] if planned else None,
        "outputs": [output_document(item) for item in planned.outputs] if planned else None,
        "dependencies": list(planned.dependencies if planned else spec.dependencies),
        "retry": planned.retry.model_dump() if planned else None,
        "timeout_s": planned.timeout_s if planned else spec.timeout_s,
    }
