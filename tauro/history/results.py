"""A recorded run as the result that it had."""

from __future__ import annotations

import json

from tauro.history.reading import WholeRun
from tauro.history.records import NodeRecord, RunRecord, duration_of
from tauro.model.outcome import ErrorInfo, NodeResult, OutputResult, ReadVersion, RunResult, Status
from tauro.model.window import Window


def result_of(whole: WholeRun) -> RunResult:
    """The result of a run that has ended.

    Args:
        whole: all that is known of it; its status is how it ended, not `running` or `died`.
    """
    run = whole.run
    nodes = {one.node: one for one in whole.nodes}
    order = json.loads(whole.plan)["order"] if whole.plan else list(nodes)
    return RunResult(
        run_id=run.run_id,
        pipeline=run.pipeline,
        window=window_of(run),
        status=Status(run.status),
        duration_s=duration_of(run) if run.duration_s is None else run.duration_s,
        nodes=tuple(_node(whole, nodes[name]) for name in order if name in nodes),
        error=ErrorInfo(run.error_type, run.error_message or "", cause=run.error_cause) if run.error_type else None,
    )


def window_of(run: RunRecord) -> Window | None:
    """The window of a run; None if it had none."""
    if run.window_start is None or run.window_end is None:
        return None
    return Window(run.window_start, run.window_end)


def _node(whole: WholeRun, node: NodeRecord) -> NodeResult:
    return NodeResult(
        name=node.node,
        status=Status(node.status),
        attempts=node.attempts,
        duration_s=node.duration_s,
        outputs=tuple(
            OutputResult(
                one.output,
                one.format,
                one.path,
                one.table_name,
                one.rows,
                one.columns_json,
                is_written=bool(one.is_written),
                is_published=one.published_at is not None,
            )
            for one in whole.outputs
            if one.node == node.node
        ),
        note=node.note,
        reads=tuple(ReadVersion(one.input, one.location, one.version) for one in whole.reads if one.node == node.node),
    )
