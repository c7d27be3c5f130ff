"""What a write of files does to the table it goes to: which files live on, and what they are merged into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tauro.errors import ConflictError, WriteError
from tauro.io.files.appended import APPENDS, Append, append_from, as_record, replaced_by, without_files, write_appends
from tauro.io.files.marker import MARKER, Marker
from tauro.io.files.table import FileTable, is_bookkeeping, is_placeholder
from tauro.io.partitions import data_files, key_of, partition_folders, value_of_text, values_of
from tauro.io.windows import WindowCondition
from tauro.model import OverwriteScope, Window, WriteMode
from tauro.storage.local import link_tree, make_folder
from tauro.storage.place import Place, here
from tauro.storage.steps import step

Shape = tuple[str, tuple[str, ...], dict[str, str]] | None
"""Columns, partitions and reader options; None for a folder without a marker."""
_NOTES = ((MARKER,), (APPENDS,))


def shape_of(marker: Marker | None) -> Shape:
    """What files must agree on that lie beside each other."""
    return (marker.schema, marker.partition_by, marker.options) if marker else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWrite:
    """One write of files, as far as it can be told without its rows."""

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

    @property
    def replaces(self) -> bool:
        """Whether nothing of a table that is there lives on."""
        if self.mode is WriteMode.OVERWRITE:
            return self.scope is OverwriteScope.TABLE
        return self.mode is not WriteMode.APPEND

    def replaced_appends(self, table: FileTable | None) -> tuple[Append, ...]:
        """The earlier appends that this one replaces.

        Raises:
            WriteError: they can't be told from other rows.
        """
        if table is None or self.append is None:
            return ()
        return replaced_by(
            self.append,
            table.appends(self.where),
            is_there=table.is_there(),
            path=self.path,
            where=self.where,
        )

    def check_unchanged(self, table: FileTable | None) -> None:
        """Refuses to put files beside others than the write was made for.

        Raises:
            ConflictError: the columns, the partitions or the options are not what they were.
        """
        if table is not None and shape_of(table.marker) != self.expected:
            raise ConflictError(
                f"the columns of {self.path} were changed by another run while this one was writing",
                where=self.where,
                fix="run it again",
            )

    def left_out_of(self, table: FileTable | None, data: Place) -> Callable[[Path], bool]:
        """Which of the table's files do not live on; asked with paths relative to its folder.

        Args:
            table: what is there.
            data: the staged files.

        Raises:
            WriteError: as `replaced_appends`.
        """
        placeholder = table.placeholder if table else None
        if self.mode is WriteMode.APPEND:
            old = frozenset(Path(file) for one in self.replaced_appends(table) for file in one.files)
            old |= {path.with_name(f".{path.name}.crc") for path in old}
            is_replaced: Callable[[Path], bool] = old.__contains__
        elif self.scope is OverwriteScope.PARTITIONS:
            present = {key_of(folder, self.types, self.zone) for folder in partition_folders(data)}

            def is_replaced(path: Path) -> bool:
                return key_of(path, self.types, self.zone) in present
        else:
            is_replaced = self._is_in_window
        return lambda path: path.parts in _NOTES or is_placeholder(path, placeholder) or is_replaced(path)

    def merge(
        self, table: FileTable | None, is_left_out: Callable[[Path], bool], *, data: Path, empty: Path, into: Path
    ) -> None:
        """Makes the table to come, of hard links; its marker is written last.

        Args:
            table: what is there.
            is_left_out: what `left_out_of` returned.
            data: the staged files.
            empty: the file that bears the columns if there is no other.
            into: a folder that does not exist.
        """
        make_folder(into)
        if table is not None:
            link_tree(here(table.root), into, is_left_out=is_left_out)
        link_tree(data, into, is_left_out=is_bookkeeping)
        placeholder = None
        if next(data_files(into), None) is None:
            link_tree(empty, into, is_left_out=is_bookkeeping)
            placeholder = next((path.name for path in data_files(into)), None)
        appends = self.appends_with(table, is_left_out)
        step("files.appends")
        write_appends(into, appends)
        step("files.merged")
        replace(self.marker, placeholder=placeholder, appends=len(appends)).write(into)

    def record(self) -> dict[str, Any]:  # Any: JSON
        """The write as JSON has it; `write_from` reads it."""
        return {
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

    def appends_with(self, table: FileTable | None, is_left_out: Callable[[Path], bool]) -> tuple[Append, ...]:
        """The record of appends as it will be.

        Args:
            table: what is there.
            is_left_out: what `left_out_of` returned.
        """
        earlier = table.appends(self.where) if table is not None else ()
        if self.append is None:
            return without_files(earlier, is_gone=lambda file: is_left_out(Path(file)))
        replaced = self.replaced_appends(table)
        return (*(one for one in earlier if one not in replaced), self.append)

    def _is_in_window(self, path: Path) -> bool:
        assert self.window is not None  # the scope is the window
        is_there, text = text_in(path, self.window_column)
        if not is_there:
            return False
        column = self.window_column.lower()
        type_name = next(name for own, name in self.types.items() if own.lower() == column)
        return WindowCondition(self.window, type_name).holds(value_of_text(text, type_name, self.zone))


def write_from(record: Mapping[str, Any]) -> FileWrite:  # Any: JSON
    """What `FileWrite.record` was taken of.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    marker, expected = record["marker"], record["expected"]
    return FileWrite(
        **{
            **record,
            "mode": WriteMode(record["mode"]),
            "scope": OverwriteScope(record["scope"]),
            "marker": Marker(**{**marker, "partition_by": tuple(marker["partition_by"])}),
            "expected": (expected[0], tuple(expected[1]), expected[2]) if expected else None,
            "window": Window(*record["window"]) if record["window"] else None,
            "append": append_from(record["append"]) if record["append"] else None,
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
