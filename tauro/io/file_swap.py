"""Staged files and the table they change places with; needs no Spark, so that any process can finish it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tauro.errors import ConflictError, WriteError
from tauro.io.appended import APPENDS, Append, append_from, as_record, replaced_by, without_files, write_appends
from tauro.io.file_table import FileTable, file_table_at, is_bookkeeping, is_placeholder
from tauro.io.marker import MARKER, Marker, read_marker
from tauro.io.partitions import data_files, key_of, partition_folders, value_of_text, values_of
from tauro.io.windows import WindowCondition
from tauro.model import OverwriteScope, Window, WriteMode
from tauro.storage.local import exchange, link_tree, make_folder, put, remove_empty, remove_tree, settle_exchange
from tauro.storage.lock import locked
from tauro.storage.paths import as_file_name

WORKSHOP = "_tauro"
"""The folder beside the targets in which Tauro stages; readers ignore it."""

_NOTES = ((MARKER,), (APPENDS,))

Shape = tuple[str, tuple[str, ...], dict[str, str]] | None
"""Columns, partitions and reader options; None for a folder without a marker."""


def shape_of(marker: Marker | None) -> Shape:
    """What files must agree on that lie beside each other."""
    return (marker.schema, marker.partition_by, marker.options) if marker else None


@dataclass(slots=True)
class FileSwap:
    """One staged write of files; each step can be repeated, by whoever finds it half done."""

    target: Path
    """The table's folder, links followed."""
    work: Path
    """The folder that is this write's alone, on the same file system."""
    path: str
    """The target as the user wrote it, for messages."""
    where: str
    """The output, for messages."""
    mode: WriteMode
    scope: OverwriteScope
    marker: Marker
    """What the published table will bear; `write_id` names this write."""
    expected: Shape
    """What a table at the target must still be like, if the files are to lie beside its own."""
    types: dict[str, str] = field(default_factory=dict)
    """Spark types, by name, of the partitions' columns."""
    zone: str = "UTC"
    """The session's time zone, in which partitions are named after instants."""
    window_column: str = ""
    window: Window | None = None
    append: Append | None = None
    """What an append brings; None for other modes."""
    merged_onto: tuple[str, frozenset[Path]] | None = None
    """The write that the table was of, and the files that were kept of it, when the new root was made."""
    trade: Callable[..., None] = exchange
    """Lets two folders change places."""

    @property
    def data(self) -> Path:
        """Where Spark has written."""
        return self.work / "data"

    @property
    def empty(self) -> Path:
        """Where the file lies that bears the columns if the table has no other."""
        return self.work / "empty"

    @property
    def replaces(self) -> bool:
        """Whether nothing of a table that is there lives on."""
        if self.mode is WriteMode.OVERWRITE:
            return self.scope is OverwriteScope.TABLE
        return self.mode is not WriteMode.APPEND

    def publish(self) -> bool:
        """Swaps the files in, in one step, unless they are in already; False if the mode leaves alone what is there.

        Raises:
            WriteError: the mode refuses what is there by now, or the table has changed its columns meanwhile.
        """
        with self._lock():
            table = file_table_at(self.target, self.where)
            if self._is_in(table):
                return True
            if table is not None and self.mode is WriteMode.ERROR:
                raise refusal(self.path, self.where)
            if table is not None and self.mode is WriteMode.IGNORE:
                return False
            root = self._new_root(table)
            if self.target.exists():
                self.trade(root, self.target, aside=self._aside)
            else:
                self._first.touch()
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
            self.work.rename(dropped)  # so that what is half removed is never put back
            remove_tree(dropped)
        remove_empty(self.work.parent, up_to=self.target.parent / WORKSHOP)

    def root(self) -> Path:
        """The folder that holds the table as it would be if it were published now.

        Raises:
            WriteError: as `publish`.
        """
        if self.replaces:
            return self.data
        with self._lock():
            return self._new_root(file_table_at(self.target, self.where))

    def check_append(self, table: FileTable | None) -> tuple[Append, ...]:
        """The earlier appends that this one replaces.

        Raises:
            WriteError: they can't be told from other rows.
        """
        if table is None or self.append is None:
            return ()
        return replaced_by(
            self.append,
            table.appends(self.where),
            is_there=lambda file: (table.root / file).exists(),
            path=self.path,
            where=self.where,
        )

    def record(self) -> dict[str, Any]:  # Any: JSON
        """All that another process needs to publish, undo or discard; `swap_from` reads it."""
        return {
            "target": str(self.target),
            "work": str(self.work),
            "path": self.path,
            "where": self.where,
            "mode": self.mode.value,
            "scope": self.scope.value,
            "marker": asdict(self.marker),
            "expected": list(self.expected) if self.expected else None,
            "types": self.types,
            "zone": self.zone,
            "window_column": self.window_column,
            "window": [self.window.start, self.window.end] if self.window else None,
            "append": as_record(self.append) if self.append else None,
        }

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
    def _root(self) -> Path:
        """The folder that changes places with the target."""
        return self.data if self.replaces else self.work / "root"

    @property
    def _aside(self) -> Path:
        """Where the target waits while it changes places, on file systems that can't do that in one step."""
        return self.work / "aside"

    @property
    def _first(self) -> Path:
        """The note that the target was put where nothing was."""
        return self.work / "first"

    def _is_ours(self, folder: Path) -> bool:
        marker = read_marker(folder)
        return marker is not None and marker.write_id == self.marker.write_id

    def _is_in(self, table: FileTable | None) -> bool:
        """Whether this very write is in the table: swapping it in twice would take it out."""
        if table is None:
            return False
        if self._is_ours(table.root):
            return True
        return self.append is not None and any(one.write == self.append.write for one in table.appends(self.where))

    def _new_root(self, table: FileTable | None) -> Path:
        root = self._root
        if not self._is_ours(root) and (root.exists() or self._first.exists()):
            raise ConflictError(
                f"{self.path} was written by somebody else after this write had been published",
                where=self.where,
                fix="run it again",
            )
        if self.replaces:
            return root
        if table is not None and shape_of(table.marker) != self.expected:
            raise ConflictError(
                f"the columns of {self.path} were changed by another run while this one was writing",
                where=self.where,
                fix="run it again",
            )
        is_left_out = self._left_out_of(table)
        kept = frozenset(path for path in data_files(table.root) if not is_left_out(path)) if table else frozenset()
        base = (table.marker.write_id if table and table.marker else "", kept)
        if root.exists():
            if self.merged_onto == base:
                return root
            stale = self.work / "stale"
            root.rename(stale)
            remove_tree(stale)
        self._merge(table, is_left_out).rename(root)
        self.merged_onto = base
        return root

    def _merge(self, table: FileTable | None, is_left_out: Callable[[Path], bool]) -> Path:
        """A folder with the table's files that live on, and the staged ones."""
        merging = self.work / "merging"
        remove_tree(merging)
        make_folder(merging)
        if table is not None:
            link_tree(table.root, merging, is_left_out=is_left_out)
        link_tree(self.data, merging, is_left_out=is_bookkeeping)
        placeholder = None
        if next(data_files(merging), None) is None:
            link_tree(self.empty, merging, is_left_out=is_bookkeeping)
            placeholder = next((path.name for path in data_files(merging)), None)
        appends = self._appends_with(table, is_left_out)
        write_appends(merging, appends)
        replace(self.marker, placeholder=placeholder, appends=len(appends)).write(merging)
        return merging

    def _appends_with(self, table: FileTable | None, is_left_out: Callable[[Path], bool]) -> tuple[Append, ...]:
        earlier = table.appends(self.where) if table is not None else ()
        if self.append is None:
            return without_files(earlier, is_gone=lambda file: is_left_out(Path(file)))
        replaced = self.check_append(table)
        return (*(one for one in earlier if one not in replaced), self.append)

    def _left_out_of(self, table: FileTable | None) -> Callable[[Path], bool]:
        """Which of the table's files do not live on."""
        placeholder = table.placeholder if table else None
        if self.mode is WriteMode.APPEND:
            old = frozenset(Path(file) for one in self.check_append(table) for file in one.files)
            old |= {path.with_name(f".{path.name}.crc") for path in old}
            is_replaced: Callable[[Path], bool] = old.__contains__
        elif self.scope is OverwriteScope.PARTITIONS:
            present = {key_of(folder, self.types, self.zone) for folder in partition_folders(self.data)}

            def is_replaced(path: Path) -> bool:
                return key_of(path, self.types, self.zone) in present
        else:
            assert self.window is not None  # the scope is the window
            column = self.window_column.lower()
            type_name = next(name for own, name in self.types.items() if own.lower() == column)
            is_replaced = _in_window(column, WindowCondition(self.window, type_name), self.zone)
        return lambda path: path.parts in _NOTES or is_placeholder(path, placeholder) or is_replaced(path)


def swap_from(record: Mapping[str, Any]) -> FileSwap:  # Any: JSON
    """What `FileSwap.record` was taken of.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    fields = dict(record)
    marker = {**fields["marker"], "partition_by": tuple(fields["marker"]["partition_by"])}
    expected = fields["expected"]
    return FileSwap(
        **{
            **fields,
            "target": Path(fields["target"]),
            "work": Path(fields["work"]),
            "mode": WriteMode(fields["mode"]),
            "scope": OverwriteScope(fields["scope"]),
            "marker": Marker(**marker),
            "expected": (expected[0], tuple(expected[1]), expected[2]) if expected else None,
            "window": Window(*fields["window"]) if fields["window"] else None,
            "append": append_from(fields["append"]) if fields["append"] else None,
        }
    )


def refusal(path: str, where: str) -> WriteError:
    """Why `write_mode: error` writes nothing."""
    return WriteError(
        f"{path} holds data already, and write_mode is error",
        where=where,
        fix="remove the data, or choose another write_mode",
    )


def text_in(folder: Path, column: str) -> tuple[bool, str | None]:
    """Whether a partition folder's name holds a column, whatever its case, and its value there."""
    for name, text in values_of(folder).items():
        if name.lower() == column.lower():
            return True, text
    return False, None


def _in_window(column: str, condition: WindowCondition, zone: str) -> Callable[[Path], bool]:
    def holds(path: Path) -> bool:
        is_there, text = text_in(path, column)
        return is_there and condition.holds(value_of_text(text, condition.type_name, zone))

    return holds
