"""The JSON documents that scripts rely on: fields may be added, none is renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from tauro.errors import Problem
    from tauro.model.outcome import ErrorInfo, NodeResult, OutputResult, RunResult
    from tauro.model.plan import Plan, PlannedInput, PlannedNode, PlannedOutput, Publishing
    from tauro.model.window import Window

Document = dict[str, object]


class ErrorDocument(TypedDict):
    """A failure."""

    type: str
    message: str
    node: str | None
    attempt: int | None
    cause: str | None


def run_document(result: RunResult) -> Document:
    """How a run ended."""
    return {
        "run_id": result.run_id,
        "pipeline": result.pipeline,
        "window": window_document(result.window),
        "status": str(result.status),
        "duration_s": round(result.duration_s, 3),
        "error": error_document(result.error),
        "nodes": [_node_result(node) for node in result.nodes],
    }


def plan_document(plan: Plan) -> Document:
    """What would run."""
    return {
        "pipeline": plan.pipeline.name,
        "window": window_document(plan.window),
        "order": list(plan.order),
        "max_workers": plan.max_workers,
        "on_failure": str(plan.on_failure),
        "publish": str(plan.publish),
        "nodes": [_planned_node(plan.nodes[name]) for name in plan.order],
        "left_out": list(plan.left_out),
    }


def problems_document(problems: Sequence[Problem]) -> Document:
    """What is wrong with a project."""
    return {
        "problems": [
            {
                "severity": str(problem.severity),
                "file": problem.file,
                "line": problem.line,
                "where": problem.where,
                "message": "\n".join((problem.message, *problem.notes)),
                "fix": problem.fix,
            }
            for problem in problems
        ]
    }


def failure_document(command: str | None, error: ErrorDocument, problems: Sequence[Problem] = ()) -> Document:
    """What a command answers that came to no result: its usual fields, empty, with the error and the problems."""
    document: Document = {**_EMPTY.get(command or "", {}), "error": error}
    if problems or command == "validate":
        document |= problems_document(problems)
    return document


_NO_RUN: Document = {
    "run_id": None,
    "pipeline": None,
    "window": None,
    "status": "failed",
    "duration_s": 0.0,
    "resume": None,
    "nodes": [],
}
_EMPTY: Mapping[str, Document] = {
    "run": _NO_RUN,
    "submit": _NO_RUN,
    "resume": _NO_RUN,
    "recover": {"recovered": [], "abandoned": [], "alive": []},
    "plan": {"pipeline": None, "window": None, "order": [], "nodes": []},
    "list": {"pipelines": [], "nodes": []},
    "jars": {"folder": None, "lists": []},
}


def window_document(window: Window | None) -> Document | None:
    """A window's two ends; None where a run has none."""
    return None if window is None else {"start": window.start, "end": window.end}


def error_document(error: ErrorInfo | None) -> ErrorDocument | None:
    """A failure's five fields."""
    if error is None:
        return None
    return {
        "type": error.type,
        "message": error.message,
        "node": error.node,
        "attempt": error.attempt,
        "cause": error.cause,
    }


def _node_result(node: NodeResult) -> Document:
    return {
        "name": node.name,
        "status": str(node.status),
        "attempts": node.attempts,
        "duration_s": round(node.duration_s, 3),
        "error": error_document(node.error),
        "note": node.note,
        "outputs": [_output_result(output) for output in node.outputs],
    }


def _output_result(output: OutputResult) -> Document:
    return {
        "id": output.id,
        "format": output.format,
        "path": output.path,
        "table": output.table,
        "rows": output.rows,
        "is_written": output.is_written,
        "is_published": output.is_published,
    }


def _planned_node(node: PlannedNode) -> Document:
    return {
        "name": node.name,
        "function": node.spec.function,
        "sql": node.spec.sql,
        "inputs": [input_document(item) for item in node.inputs],
        "outputs": [output_document(item) for item in node.outputs],
        "dependencies": list(node.dependencies),
        "reason": node.reason,
    }


def input_document(item: PlannedInput) -> Document:
    """Where one input comes from."""
    return {
        "id": item.id,
        "keyword": item.keyword,
        "origin": str(item.origin),
        "node": item.node,
        "format": item.spec.format_name if item.spec else None,
        "location": item.location,
    }


def output_document(item: PlannedOutput) -> Document:
    """Where one output goes, and what becomes of the rows there."""
    return {
        "id": item.id,
        "format": item.spec.format_name,
        "location": item.location,
        "write_mode": str(item.spec.write_mode),
        "overwrite_scope": str(item.spec.overwrite_scope),
        "publishing": publishing_document(item.publishing),
    }


def publishing_document(publishing: Publishing | None) -> Document | None:
    """How an output would be published; None where nobody has looked."""
    if publishing is None:
        return None
    return {"way": str(publishing.way), "how": publishing.how, "limits": list(publishing.limits)}
