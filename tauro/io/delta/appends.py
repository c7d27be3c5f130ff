"""Which of a Delta table's live files came by which append, so that the same append replaces them.

Every append notes a transaction in the log: its version is how many files the append brought. Each of these bears the
append's id as a tag, which Delta keeps through checkpoints and drops where it rewrites rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tauro.errors import WriteError
from tauro.io.delta.log import Files, Snapshot
from tauro.io.delta.notes import APPEND_TAG, output_prefix, span_of
from tauro.io.delta.place import Commit, DeltaPlace
from tauro.io.files.appended import Append, replaced_by
from tauro.io.ports import WriteRequest
from tauro.model import Window


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an append takes the place of."""

    ids: tuple[str, ...] = ()
    """The ids of the earlier appends."""
    paths: frozenset[str] = frozenset()
    """Their files, as the table's log spells them."""

    def files(self, snapshot: Snapshot) -> Files:
        """The files, in a version of the table that still has them."""
        return _files_of(snapshot, self.ids).only(self.paths)


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
    live: dict[str, set[str]] = {name: set() for name in ids}
    for add in _files_of(snapshot, ids).adds:
        if add.get("deletionVector") is None:
            live[add["tags"][APPEND_TAG]].add(add["path"])
    for name in ids:
        if len(live[name]) != snapshot.transactions[name]:
            raise _rewritten(request, place, name)
    return Replaced(ids, frozenset(path for paths in live.values() for path in paths))


def is_appended(request: WriteRequest, commits: Iterable[Commit]) -> bool:
    """Whether some commits append what the same output brings, for whatever window, or take such an append back."""
    return any(span_of(name, output_prefix(request)) is not None for one in commits for name in one.transactions)


def _files_of(snapshot: Snapshot, ids: Collection[str]) -> Files:
    texts = ", ".join(f"'{one}'" for one in (name.replace("\\", "\\\\").replace("'", "\\'") for name in ids))
    return snapshot.files(f"tags['{APPEND_TAG}'] IN ({texts})")


def _earlier(request: WriteRequest, transactions: Mapping[str, int]) -> dict[str, Append]:
    """The appends of the same output that brought files, by their ids."""
    found = {}
    for name, files in sorted(transactions.items()):
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
