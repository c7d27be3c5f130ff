"""Staged files and the table they change places with, on file systems that move a folder in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tauro.errors import ConflictError
from tauro.io.files.marker import read_marker
from tauro.io.files.table import FileTable, file_table_at
from tauro.io.files.write import FileWrite, refusal, write_from
from tauro.io.partitions import data_files
from tauro.model import WriteMode
from tauro.storage.paths import as_file_name
from tauro.storage.place import (
    Place,
    Session,
    exchange,
    here,
    locked,
    move,
    no_session,
    place_of,
    put,
    put_whole,
    remove_empty,
    remove_tree,
    settle_exchange,
)
from tauro.storage.steps import step

WORKSHOP = "_tauro"
"""The folder beside the targets in which Tauro stages; readers ignore it."""


@dataclass(slots=True)
class FileSwap:
    """One staged write of files; each step can be repeated, by whoever finds it half done."""

    target: Place
    """The table's folder, links followed."""
    work: Place
    """The folder that is this write's alone, on the same file system."""
    write: FileWrite
    merged_onto: tuple[str, frozenset[Path]] | None = None
    """The write that the table was of, and the files that were kept of it, when the new root was made."""
    trade: Callable[..., None] = exchange
    """Lets two folders change places."""

    @property
    def data(self) -> Place:
        """Where Spark has written."""
        return self.work / "data"

    @property
    def empty(self) -> Place:
        """Where the file lies that bears the columns if the table has no other."""
        return self.work / "empty"

    def publish(self) -> bool:
        """Swaps the files in, in one step, unless they are in already; False if the mode leaves alone what is there.

        Raises:
            WriteError: the mode refuses what is there by now, or the table has changed its columns meanwhile.
        """
        with self._lock():
            table = file_table_at(self.target, self.write.where)
            if self._is_in(table):
                return True
            if table is not None and self.write.mode is WriteMode.ERROR:
                raise refusal(self.write.path, self.write.where)
            if table is not None and self.write.mode is WriteMode.IGNORE:
                return False
            root = self._new_root(table)
            if self.target.exists():
                step("files.exchange")
                self.trade(root, self.target, aside=self._aside)
            else:
                step("files.first")
                put_whole(self._first, b"")
                step("files.put")
                put(root, self.target)
            return True

    def undo(self) -> bool:
        """Puts back what was there, if this write is in; False if somebody has written since, or after `discard`."""
        with self._lock():
            root = self._root
            if not self.work.exists():
                return False
            if self._is_ours(root):
                return True
            if not self._is_ours(self.target):
                return not root.exists() and not self._first.exists()
            step("files.undo")
            if root.exists():
                self.trade(root, self.target, aside=self._aside)
            else:
                put(self.target, root)
            return True

    def discard(self) -> None:
        """Removes what is staged and what is kept for `undo`, and the folders that are empty then."""
        if self._aside.exists():
            with self._lock():
                pass  # what a kill has left aside goes back to where it belongs
        dropped = self.work.with_name(f".{self.work.name}.dropped")
        remove_tree(dropped)
        if self.work.exists():
            step("files.drop")
            move(self.work, dropped)  # so that what is half removed is never put back
            step("files.remove")
            remove_tree(dropped)
        step("files.sweep")
        remove_empty(self.work.parent, up_to=self.target.parent / WORKSHOP)

    def root(self) -> Place:
        """The folder that holds the table as it would be if it were published now.

        Raises:
            WriteError: as `publish`.
        """
        if self.write.replaces:
            return self.data
        with self._lock():
            return self._new_root(file_table_at(self.target, self.write.where))

    def record(self) -> dict[str, Any]:  # Any: JSON
        """All that another process needs to publish, undo or discard; `swap_from` reads it."""
        return {"target": str(self.target), "work": str(self.work), "write": self.write.record()}

    @contextmanager
    def _lock(self) -> Iterator[None]:
        workshop = self.target.parent / WORKSHOP
        try:
            with locked(workshop / f"{as_file_name(self.target.name)}.lock"):
                settle_exchange(self._root, self.target, aside=self._aside)
                yield
        finally:
            remove_empty(workshop, up_to=workshop)

    @property
    def _root(self) -> Place:
        """The folder that changes places with the target."""
        return self.data if self.write.replaces else self.work / "root"

    @property
    def _aside(self) -> Place:
        """Where the target waits while it changes places, on file systems that can't do that in one step."""
        return self.work / "aside"

    @property
    def _first(self) -> Place:
        """The note that the target was put where nothing was."""
        return self.work / "first"

    def _is_ours(self, folder: Place) -> bool:
        marker = read_marker(folder)
        return marker is not None and marker.write_id == self.write.marker.write_id

    def _is_in(self, table: FileTable | None) -> bool:
        """Whether this very write is in the table: swapping it in twice would take it out."""
        if table is None:
            return False
        if self._is_ours(table.root):
            return True
        if self.write.append is not None:
            return any(one.write == self.write.append.write for one in table.appends(self.write.where))
        is_part = not self.write.replaces and self._was_in  # runs for other windows may have followed
        return is_part and all(
            _is_same(here(self.data) / file, here(table.root) / file) for file in data_files(self.data)
        )

    @property
    def _was_in(self) -> bool:
        """Whether this write was swapped in once: its folder holds what was there before, or the note of nothing."""
        return not self._is_ours(self._root) and (self._root.exists() or self._first.exists())

    def _new_root(self, table: FileTable | None) -> Place:
        root = self._root
        if self._was_in:
            raise ConflictError(
                f"{self.write.path} was written by somebody else after this write had been published",
                where=self.write.where,
                fix="run it again",
            )
        if self.write.replaces:
            return root
        self.write.check_unchanged(table)
        is_left_out = self.write.left_out_of(table, self.data)
        kept = frozenset(path for path in data_files(table.root) if not is_left_out(path)) if table else frozenset()
        stale, merging = self.work / "stale", self.work / "merging"
        base = (table.marker.write_id if table and table.marker else "", kept)
        if root.exists():
            if self.merged_onto == base:
                return root
            remove_tree(stale)
            step("files.stale")
            move(root, stale)
        for folder in (stale, merging):
            remove_tree(folder)
        step("files.merge")
        self.write.merge(table, is_left_out, data=here(self.data), empty=here(self.empty), into=here(merging))
        step("files.root")
        move(merging, root)
        self.merged_onto = base
        return root


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are links to one file."""
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def swap_from(record: Mapping[str, Any], session: Session = no_session) -> FileSwap:  # Any: JSON
    """What `FileSwap.record` was taken of.

    Args:
        record: what it returned.
        session: opens a session, or returns the one that is open; called for remote folders.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    target, work = place_of(record["target"], session), place_of(record["work"], session)
    return FileSwap(target, work, write_from(record["write"]))
