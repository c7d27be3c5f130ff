"""Recorded runs as lists, as one page, and as what happened in order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from tauro.cli.render import words
from tauro.cli.render.documents import Document
from tauro.history.reading import WholeRun
from tauro.history.records import DIED, AttemptRecord, NodeRecord, OutputRecord, ReadRecord, RunRecord, duration_of
from tauro.model.outcome import Status
from tauro.model.window import Window

RUN_COLUMNS = ("run", "pipeline", "window", "status", "started", "duration>", "nodes>", "error")
NODE_COLUMNS = ("node", "status", "attempts>", "rows>", "duration>")
_ERROR_WIDTH = 60
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Entry(TypedDict):
    """Something that happened."""

    at: str
    node: str | None
    attempt: int | None
    message: str
    cause: str | None
    """The traceback of an error."""


class NodeDocument(TypedDict):
    """A node of a run, for machines."""

    name: str
    status: str
    duration_s: float | None
    note: str | None
    attempts: list[Document]
    outputs: list[Any]
    """Any: documents, of which the rows are added up."""
    reads: list[Document]


def run_row(run: RunRecord) -> Document:
    """A run for machines; times are UTC."""
    return {
        "run_id": run.run_id,
        "project": run.project,
        "env": run.env,
        "pipeline": run.pipeline,
        "window": {"start": run.window_start, "end": run.window_end} if run.window_start else None,
        "status": run.status,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "seen_at": run.seen_at,
        "duration_s": _rounded(duration_of(run)),
        "nodes": run.nodes,
        "nodes_done": run.nodes_done,
        "host": run.host,
        "pid": run.pid,
        "user": run.user_name,
        "tauro_version": run.tauro_version,
        "error": _error(run.error_type, run.error_message, run.error_cause),
    }


def run_cells(run: RunRecord) -> list[str]:
    """A run as a row of the list, under `RUN_COLUMNS`."""
    error = f"{run.error_type}: {run.error_message}".splitlines()[0] if run.error_type else ""
    return [
        run.run_id,
        run.pipeline,
        _window(run),
        _status(run),
        words.moment(run.started_at),
        _duration(run),
        f"{run.nodes_done}/{run.nodes}",
        error if len(error) <= _ERROR_WIDTH else f"{error[:_ERROR_WIDTH]}...",
    ]


def whole_document(whole: WholeRun) -> Document:
    """All that is known of a run, for machines."""
    return {
        **run_row(whole.run),
        "nodes": _node_documents(whole),
        "notes": [{"at": note.at, "note": note.note} for note in whole.notes],
        "plan": json.loads(whole.plan) if whole.plan else None,
    }


def whole_text(whole: WholeRun) -> tuple[list[tuple[str, str]], Sequence[Sequence[str]], list[str]]:
    """All that is known of a run, for people.

    Returns:
        What is known of the run itself by name, the rows of the table of its nodes under `NODE_COLUMNS`, and the lines
        below.
    """
    run = whole.run
    head = [
        ("run", run.run_id),
        ("pipeline", run.pipeline + (f" ({run.env})" if run.env else "")),
        ("window", _window(run) or "none"),
        ("status", _status(run)),
        ("started", f"{words.moment(run.started_at)} on {run.host}, process {run.pid}"),
        ("ended", words.moment(run.ended_at) if run.ended_at else ""),
        ("duration", _duration(run)),
        ("by", f"{run.user_name or 'unknown'}, Tauro {run.tauro_version}"),
    ]
    is_over = run.status == Status.COMPLETED  # then everything is published
    rows = [
        (
            node["name"],
            node["status"],
            str(len(node["attempts"])) if node["attempts"] else "",
            words.rows_of([(one["rows"], bool(one["published_at"]) or is_over) for one in node["outputs"]]),
            words.duration(node["duration_s"]) if node["attempts"] and node["duration_s"] is not None else "",
        )
        for node in _node_documents(whole)
    ]
    return [(name, value) for name, value in head if value], rows, list(_below(whole))


def node_names(whole: WholeRun) -> list[str]:
    """The nodes of a run in the plan's order; without a plan as they began."""
    if whole.plan:
        return [str(name) for name in json.loads(whole.plan)["order"]]
    return list(dict.fromkeys([one.node for one in whole.attempts] + [one.node for one in whole.nodes]))


def entries_of(whole: WholeRun) -> list[Entry]:
    """What happened in a run, in order."""
    run = whole.run
    with_attempts = {one.node for one in whole.attempts}
    found: list[Entry] = [_entry(run.started_at, f"run of {run.pipeline} started on {run.host}, process {run.pid}")]
    for output in whole.outputs:  # first: written at the time at which the attempt ended
        found += _of_output(output)
    for attempt in whole.attempts:
        found += _of_attempt(attempt)
    for node in whole.nodes:
        if node.node not in with_attempts or node.note:
            note = f": {node.note}" if node.note else ""
            found.append(_entry(node.ended_at, f"{node.status}{note}", node.node))
    found += [_entry(note.at, note.note) for note in whole.notes]
    if run.ended_at:
        error = f": {run.error_type}: {run.error_message}" if run.error_type else ""
        is_told = any(one.error_cause for one in whole.attempts)
        found.append(_entry(run.ended_at, f"run {run.status}{error}", cause=None if is_told else run.error_cause))
    elif run.status == DIED:
        found.append(_entry(run.seen_at, "last seen; the process is gone"))
    found.sort(key=lambda entry: entry["at"])
    return found


def entry_lines(entry: Entry) -> Iterator[str]:
    """Something that happened, for people."""
    node = f"{entry['node']}" if entry["node"] else ""
    node += f" ({entry['attempt']})" if (entry["attempt"] or 0) > 1 else ""
    yield f"{words.moment(entry['at'], with_milliseconds=True)}  {node + ': ' if node else ''}{entry['message']}"
    for line in (entry["cause"] or "").rstrip().splitlines():
        yield f"    {line}"


def _of_attempt(one: AttemptRecord) -> Iterator[Entry]:
    yield _entry(one.started_at, f"attempt {one.attempt} started", one.node, one.attempt)
    if one.ended_at is None:
        return
    message = one.status
    if one.error_type:
        message += f": {one.error_type}: {one.error_message}"
    if one.retry_delay_s is not None:
        message += f"; tried again after {one.retry_delay_s:.1f} s"
    yield _entry(one.ended_at, message, one.node, one.attempt, one.error_cause)


def _of_output(one: OutputRecord) -> Iterator[Entry]:
    rows = words.rows_written([one.rows])
    what = f"{one.output} ({one.format}{', ' + rows if rows else ''})"
    if not one.is_written:
        yield _entry(one.written_at, f"left {one.output} as it was", one.node)
    elif one.published_at is None:
        yield _entry(one.written_at, f"staged {what}", one.node)
    elif one.published_at == one.written_at:
        yield _entry(one.written_at, f"wrote {what}", one.node)
    else:
        yield _entry(one.written_at, f"staged {what}", one.node)
        yield _entry(one.published_at, f"published {one.output}", one.node)


def _entry(
    at: str, message: str, node: str | None = None, attempt: int | None = None, cause: str | None = None
) -> Entry:
    return {"at": at, "node": node, "attempt": attempt, "message": message, "cause": cause}


def _below(whole: WholeRun) -> Iterator[str]:
    place_of = {name: number for number, name in enumerate(node_names(whole))}
    reads = sorted(whole.reads, key=lambda one: place_of.get(one.node, 0))
    outputs = sorted(whole.outputs, key=lambda one: place_of.get(one.node, 0))
    yield from dict.fromkeys(map(_read_line, reads))
    width = max((len(one.output) for one in whole.outputs), default=0)
    run = whole.run
    for one in outputs:
        place = one.path or one.table_name or "in memory"
        yield f"{one.output:<{width}}  {place}{_remark(one, is_over=run.status == Status.COMPLETED)}"
    if whole.notes:
        yield ""
    for note in whole.notes:
        yield f"{words.moment(note.at)}  {note.note}"
    if run.error_type:
        yield ""
        yield f"{run.error_type}: {run.error_message}"
        yield f"  tauro logs {run.run_id} shows what happened"


def _remark(output: OutputRecord, *, is_over: bool) -> str:
    """What became of an output, if it is not simply published."""
    if not output.is_written:
        return " (there already, left as it is)"
    if output.published_at or is_over:
        return ""
    return " (staged, since dropped)" if output.dropped_at else " (staged, not published)"


def _read_line(one: ReadRecord) -> str:
    version = f"version {one.version}" if one.version and one.version.isdecimal() else one.version
    version = _UTC.sub(lambda found: words.moment(found[0]), version) if version else None
    return f"read {one.input} from {one.location}" + (f": {version}" if version else "")


def _node_documents(whole: WholeRun) -> list[NodeDocument]:
    nodes = {one.node: one for one in whole.nodes}
    attempts: dict[str, list[AttemptRecord]] = {}
    for attempt in whole.attempts:
        attempts.setdefault(attempt.node, []).append(attempt)
    outputs: dict[str, list[OutputRecord]] = {}
    for output in whole.outputs:
        outputs.setdefault(output.node, []).append(output)
    reads: dict[str, list[ReadRecord]] = {}
    for read in whole.reads:
        reads.setdefault(read.node, []).append(read)
    return [
        _node_document(name, nodes.get(name), attempts.get(name, []), outputs.get(name, []), reads.get(name, []))
        for name in node_names(whole)
    ]


def _node_document(
    name: str,
    node: NodeRecord | None,
    attempts: Sequence[AttemptRecord],
    outputs: Sequence[OutputRecord],
    reads: Sequence[ReadRecord],
) -> NodeDocument:
    unended = attempts[-1].status if attempts else str(Status.PENDING)
    return {
        "name": name,
        "status": node.status if node else unended,
        "duration_s": _rounded(node.duration_s) if node else None,
        "note": node.note if node else None,
        "attempts": [
            {
                "attempt": one.attempt,
                "status": one.status,
                "started_at": one.started_at,
                "ended_at": one.ended_at,
                "error": _error(one.error_type, one.error_message, one.error_cause),
                "retry_delay_s": _rounded(one.retry_delay_s),
            }
            for one in attempts
        ],
        "outputs": [
            {
                "id": one.output,
                "format": one.format,
                "path": one.path,
                "table": one.table_name,
                "rows": one.rows,
                "schema": json.loads(one.columns_json) if one.columns_json else None,
                "is_written": bool(one.is_written),
                "written_at": one.written_at,
                "published_at": one.published_at,
                "dropped_at": one.dropped_at,
            }
            for one in outputs
        ],
        "reads": [{"id": one.input, "location": one.location, "version": one.version} for one in reads],
    }


def _error(kind: str | None, message: str | None, cause: str | None) -> Document | None:
    return {"type": kind, "message": message, "cause": cause} if kind else None


def _status(run: RunRecord) -> str:
    if run.status == DIED:
        return f"{DIED} (killed?)"
    return f"running, seen {words.moment(run.seen_at)}" if run.status == Status.RUNNING else run.status


def _window(run: RunRecord) -> str:
    if run.window_start is None or run.window_end is None:
        return ""
    return words.window(Window(run.window_start, run.window_end))


def _duration(run: RunRecord) -> str:
    return ("" if run.ended_at else "at least ") + words.duration(duration_of(run))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
