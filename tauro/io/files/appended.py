"""Which of a table's files came by which append, so that the same append replaces them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tauro.errors import WriteError, bounded
from tauro.io.files.marker import Marker
from tauro.model import Window
from tauro.storage.place import Place, put_whole

APPENDS = "_tauro_appends.json"
"""The file beside the marker that holds the record."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Append:
    """What one output of one node appended for one window, or in one run without dates."""

    pipeline: str | None
    node: str
    output: str
    window: Window | None
    run_id: str
    """Stands for the window where there is none."""
    write: str
    """Names the staged write that brought the files."""
    files: tuple[str, ...] = ()
    """Relative to the table's folder, with `/`."""
    is_whole: bool = True
    """False once an overwrite of a window, or of partitions, has replaced some of the files."""

    def is_of_same(self, other: Append) -> bool:
        """Whether both are of one pipeline, node and output."""
        return (self.pipeline, self.node, self.output) == (other.pipeline, other.node, other.output)

    def __str__(self) -> str:
        return f"the window {self.window}" if self.window else f"run {self.run_id}"


def replaced_by(
    new: Append, earlier: Sequence[Append], *, is_there: Callable[[str], bool], path: str, where: str
) -> tuple[Append, ...]:
    """The earlier appends that `new` stands for: those of the same window, of windows inside it, or of its run.

    Args:
        new: the append to come; its files do not matter.
        earlier: what the table's record says.
        is_there: whether the table still has a file.
        path: the table, for messages.
        where: the output, for messages.

    Raises:
        WriteError: the window cuts through that of an earlier append; or what an earlier one brought can't be told.
    """
    found = []
    for one in earlier:
        if not one.is_of_same(new):
            continue
        if new.window is None or one.window is None:
            if (new.window, new.run_id) == (one.window, one.run_id):
                found.append(one)
        elif new.window.lower <= one.window.lower and one.window.upper <= new.window.upper:
            found.append(one)
        elif new.window.lower < one.window.upper and one.window.lower < new.window.upper:
            raise WriteError(
                f"{new} cuts through {one}, which was appended to {path} before, and rows don't tell which is theirs",
                where=where,
                fix=f"run a window that contains {one.window} whole, or one that does not touch it",
            )
    for one in found:
        _check_known(one, is_there, path, where)
    return tuple(found)


def without_files(appends: Iterable[Append], *, is_gone: Callable[[str], bool]) -> tuple[Append, ...]:
    """The record after an overwrite of some files: appends that lost all are forgotten, others know of their loss."""
    kept = []
    for one in appends:
        files = tuple(file for file in one.files if not is_gone(file))
        if len(files) == len(one.files):
            kept.append(one)
        elif files:
            kept.append(replace(one, files=files, is_whole=False))
    return tuple(kept)


def read_appends(root: Place, marker: Marker | None, where: str) -> tuple[Append, ...]:
    """The record of the table at `root`; empty for one that holds no appends, or that somebody else wrote.

    Raises:
        WriteError: the marker says that there is a record, and it is gone or can't be read.
    """
    if marker is None or not marker.appends:
        return ()
    try:
        content = json.loads((root / APPENDS).read_bytes())
        if content["version"] == VERSION:
            return tuple(append_from(one) for one in content["appends"])
        problem = f"is of version {content['version']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"can't be read ({type(error).__name__})"
    raise WriteError(
        f"{root / APPENDS}, which says what was appended to the table, {problem}",
        where=where,
        fix="bring it back, or overwrite the whole table",
    )


def write_appends(root: Place, appends: Sequence[Append]) -> None:
    """Puts the record into a table's folder; none where there are no appends."""
    if appends:
        put_whole(root / APPENDS, appends_text(appends).encode())


def appends_text(appends: Sequence[Append]) -> str:
    """The record as it is put down."""
    return json.dumps({"version": VERSION, "appends": [as_record(one) for one in appends]}, separators=(",", ":"))


def as_record(append: Append) -> dict[str, object]:
    """An append as JSON has it."""
    return {
        "pipeline": append.pipeline,
        "node": append.node,
        "output": append.output,
        "window": [append.window.start, append.window.end] if append.window else None,
        "run_id": append.run_id,
        "write": append.write,
        "files": list(append.files),
        "is_whole": append.is_whole,
    }


def append_from(record: dict[str, Any]) -> Append:  # Any: JSON
    """An append from what `as_record` made.

    Raises:
        KeyError, TypeError: it did not make that.
    """
    window = Window(*record["window"]) if record["window"] is not None else None
    return Append(**{**record, "window": window, "files": tuple(record["files"])})


def _check_known(append: Append, is_there: Callable[[str], bool], path: str, where: str) -> None:
    fix = "build the table anew: overwrite the whole of it, then append"
    if not append.is_whole:
        raise WriteError(
            f"which rows of {path} came by the append of {append} can't be told any more: "
            "an overwrite has replaced part of them",
            where=where,
            fix=fix,
        )
    missing = [file for file in append.files if not is_there(file)]
    if missing:
        raise WriteError(
            f"which rows of {path} came by the append of {append} can't be told any more: "
            f"somebody has rewritten its files: {bounded(missing, 3)}",
            where=where,
            fix=fix,
        )
