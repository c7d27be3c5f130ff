"""A plan in words: what would run, in which order, reading and writing what, and why."""

from __future__ import annotations

from collections.abc import Iterator

from tauro.cli.render import words
from tauro.model.dataset import OutputSpec, OverwriteScope, WriteMode
from tauro.model.node import NodeSpec
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode, PlannedOutput, PublishWay
from tauro.model.settings import OnFailure, Publish


def plan_text(plan: Plan) -> str:
    """The whole plan, several lines a node."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    kind = "" if plan.pipeline.type == "batch" else f" ({plan.pipeline.type})"
    yield f"pipeline    {plan.pipeline.name}{kind}"
    if plan.pipeline.description:
        yield f"            {plan.pipeline.description}"
    yield f"window      {words.window(plan.window)}"
    yield f"order       {' -> '.join(plan.order)}"
    yield f"at once     at most {words.count(plan.max_workers, 'node')}"
    yield f"on failure  {_ON_FAILURE[plan.on_failure]}"
    yield f"publish     {_PUBLISH[plan.publish]}"
    for name in plan.order:
        yield ""
        yield from node_lines(plan.nodes[name])
    if plan.left_out:
        yield ""
        yield f"left out    {', '.join(plan.left_out)}"


def node_lines(node: PlannedNode) -> Iterator[str]:
    """One node: what it runs, reads and writes, after what, and why it is there."""
    yield node.name
    yield f"  runs      {runs(node.spec)}"
    yield f"  because   {node.reason}"
    if node.dependencies:
        yield f"  after     {', '.join(node.dependencies)}"
    for item in node.inputs:
        yield f"  reads     {input_text(item)}"
    if not node.outputs:
        yield "  writes    nothing: what it returns goes to the nodes after it"
    for output in node.outputs:
        yield f"  writes    {output.id}: {output.location} ({_format(output.spec)}, {mode_text(output.spec)})"
        yield from (f"            {line}" for line in _promises(output))
    if node.retry.retries:
        yield f"  retries   {node.retry.retries}, after {node.retry.backoff_s:g} to {node.retry.max_backoff_s:g} s"
    if node.timeout_s is not None:
        yield f"  timeout   {node.timeout_s:g} s an attempt"


def runs(spec: NodeSpec) -> str:
    """What a node runs: its function, its SQL file, or the first words of its SQL."""
    if spec.function is not None:
        return spec.function
    text = " ".join((spec.sql or "").split())
    return f"SQL {text if len(text) <= 60 else text[:59] + '…'}"


def input_text(item: PlannedInput) -> str:
    """Where an input comes from."""
    name = item.id if item.keyword in (None, item.id) else f"{item.keyword} = {item.id}"
    if item.origin is Origin.RETURNED:
        return f"{name}: what node {item.node} returns"
    place = item.location or "in memory"
    if item.origin is Origin.OUTPUT:
        return f"{name}: {place} as node {item.node} writes it"
    spec = item.spec
    details = [spec.format_name] if spec and spec.format_name else []
    if spec and spec.window_column:
        details.append(f"rows of the window by {spec.window_column}")
    if spec and spec.optional:
        details.append("optional")
    return f"{name}: {place} ({', '.join(details)})" if details else f"{name}: {place}"


def mode_text(spec: OutputSpec) -> str:
    """The write mode with its scope or keys: `overwrite the window by day`."""
    if spec.write_mode is WriteMode.MERGE:
        return f"merge by {', '.join(spec.keys)}"
    if spec.write_mode is not WriteMode.OVERWRITE:
        return str(spec.write_mode)
    if spec.overwrite_scope is OverwriteScope.WINDOW:
        return f"overwrite the window by {spec.window_column}"
    if spec.overwrite_scope is OverwriteScope.PARTITIONS:
        return f"overwrite the partitions by {', '.join(spec.partition_by)}"
    return "overwrite"


def _promises(output: PlannedOutput) -> Iterator[str]:
    """What becomes of readers, how an output becomes visible, and what does not hold there."""
    publishing = output.publishing
    if publishing is None or publishing.way not in (PublishWay.COPY, PublishWay.NEVER):
        yield promise(output.spec)
    if publishing is not None:
        yield publishing.how
        yield from (f"{'and' if at else 'but'} {limit}" for at, limit in enumerate(publishing.limits))


def promise(spec: OutputSpec) -> str:
    """What safe publishing promises for an output."""
    if spec.write_mode is WriteMode.OVERWRITE:
        return _OVERWRITES[spec.overwrite_scope]
    if spec.write_mode is WriteMode.APPEND:
        return f"{_PROMISES[spec.write_mode]}; {_rerun_of_append(spec)}"
    return _PROMISES[spec.write_mode]


def _rerun_of_append(spec: OutputSpec) -> str:
    """What becomes of the rows when the same window is appended again."""
    if spec.format_name == "jdbc" and not spec.window_column:
        return "the same run id again adds nothing, another adds them again"
    return "the same window again replaces them"


def _format(spec: OutputSpec) -> str:
    return spec.format_name or "the project's default format"


_ON_FAILURE = {
    OnFailure.STOP: "stop: what is running finishes, nothing new starts",
    OnFailure.CONTINUE: "continue: branches that do not depend on the failed node go on",
}
_PUBLISH = {
    Publish.NODE: "node: each node's outputs are visible when it is done",
    Publish.RUN: "run: all outputs, one right after the other, when every node has succeeded",
}
_OVERWRITES = {
    OverwriteScope.TABLE: "readers see the old rows until all new ones are written; a rerun gives the same table",
    OverwriteScope.WINDOW: "readers see the window's old rows until the new ones are written; other rows are untouched",
    OverwriteScope.PARTITIONS: "readers see the old partitions until the new ones are written; others are untouched",
}
_PROMISES = {
    WriteMode.APPEND: "readers see all of the new rows or none",
    WriteMode.MERGE: "readers see all of the changes or none; the same rows again change nothing",
    WriteMode.IGNORE: "written if nothing is there yet, else left as it is",
    WriteMode.ERROR: "written if nothing is there yet, else the node fails and what is there stays",
}
