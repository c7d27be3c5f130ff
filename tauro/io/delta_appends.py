"""Which of a Delta table's live files came by which append, so that the same append replaces them.

Every append notes a transaction in the log: its version is how many files the append brought. Each of these bears the
append's id as a tag, which Delta keeps through checkpoints and drops where it rewrites rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tauro.errors import WriteError
from tauro.io.appended import Append, replaced_by
from tauro.io.delta_log import Snapshot
from tauro.io.delta_notes import APPEND_TAG, output_prefix, span_of
from tauro.io.delta_place import DeltaPlace
from tauro.io.ports import WriteRequest
from tauro.model import Window


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an append takes the place of."""

    ids: tuple[str, ...] = ()
    """The ids of the earlier appends."""
    files: Mapping[str, Any] = field(default_factory=dict)  # Any: py4j's objects have no types
    """The `AddFile` of each of their live files, by its path."""


def appends_replaced(request: WriteRequest, place: DeltaPlace, snapshot: Snapshot) -> Replaced:
    """What an append to a version of a table replaces: the same window's rows, those of windows inside, or its run's.

    Raises:
        WriteError: the window cuts through an earlier one; or rows of an earlier one were rewritten since.
    """
    by_append = _earlier(request, snapshot.transactions)
    found = replaced_by(
        _append(request, request.window, request.run_id),
        list(by_append.values()),
        is_there=lambda _: True,
        path=place.path,
        where=request.where,
    )
    ids = tuple(name for name, one in by_append.items() if one in found)
    if not ids:
        return Replaced()
    texts = ", ".join(f"'{one}'" for one in (name.replace("\\", "\\\\").replace("'", "\\'") for name in ids))
    live: dict[str, dict[str, Any]] = {name: {} for name in ids}  # Any: as above
    for file in snapshot.files(f"tags['{APPEND_TAG}'] IN ({texts})"):
        add = json.loads(file.json())["add"]
        if add.get("deletionVector") is None:
            live[add["tags"][APPEND_TAG]][add["path"]] = file
    for name in ids:
        if len(live[name]) != snapshot.transactions[name]:
            raise _rewritten(request, place, name)
    return Replaced(ids, {path: file for files in live.values() for path, file in files.items()})


def appends_since(request: WriteRequest, before: Snapshot, now: Snapshot) -> list[str]:
    """The ids of appends of the same output that were committed between two versions."""
    then = before.transactions
    return [
        name
        for name, files in now.transactions.items()
        if span_of(name, output_prefix(request)) is not None and then.get(name) != files
    ]


def _earlier(request: WriteRequest, transactions: Mapping[str, int]) -> dict[str, Append]:
    """The appends of the same output that brought files, by their ids."""
    found = {}
    for name, files in transactions.items():
        span = span_of(name, output_prefix(request))
        if span is not None and files:
            found[name] = _append(request, span, "") if isinstance(span, Window) else _append(request, None, span)
    return found


def _append(request: WriteRequest, window: Window | None, run_id: str) -> Append:
    return Append(request.pipeline, request.node, request.output_id, window, run_id, write="")


def _rewritten(request: WriteRequest, place: DeltaPlace, name: str) -> WriteError:
    span = span_of(name, output_prefix(request))
    taken = place.taken_since(name, by_layout=True)
    by = f"version {taken.version} ({taken.info.get('operation')})" if taken else "another commit"
    return WriteError(
        f"{span} was appended before, and {by} has changed rows since: which rows are its own can't be told any more",
        where=request.where,
        fix="remove these rows by hand and append under another output id, or write the window with "
        "overwrite_scope: window, which a rerun replaces",
    )
