"""The table of files that lies at an output's place before it is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tauro.errors import WriteError, bounded
from tauro.io.files.appended import APPENDS, Append, read_appends
from tauro.io.files.marker import MARKER, Marker, read_marker
from tauro.io.partitions import data_files, is_hidden, partition_columns
from tauro.io.ports import WriteRequest
from tauro.storage.place import Place, kinds_in
from tauro.storage.remote import RemotePath

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from tauro.io.formats.files import FileFormat


_NOTES = frozenset(
    {"_SUCCESS", "._SUCCESS.crc", MARKER, f"{MARKER}.draft", f".{MARKER}.draft", APPENDS, f".{APPENDS}.draft"}
)


@dataclass(frozen=True, slots=True)
class FileTable:
    """A folder with data."""

    root: Place
    marker: Marker | None
    """None for a folder that somebody else wrote."""
    partition_by: tuple[str, ...]

    @property
    def placeholder(self) -> str | None:
        """The file that only bears the schema of a table without rows."""
        return self.marker.placeholder if self.marker else None

    def appends(self, where: str) -> tuple[Append, ...]:
        """What was appended, as far as Tauro did it.

        Raises:
            WriteError: the record of it is lost.
        """
        return read_appends(self.root, self.marker, where)

    def is_there(self) -> Callable[[str], bool]:
        """Tells whether the table has a file; those of another file system are listed once."""
        if not isinstance(self.root, RemotePath):
            return lambda file: (self.root / file).exists()
        return frozenset(path.as_posix() for path in data_files(self.root)).__contains__

    def schema(self, session: SparkSession, request: WriteRequest, form: FileFormat) -> StructType | None:
        """The columns: as the marker says, or else as Spark finds them; None if it can't tell."""
        from pyspark.sql.types import StructType

        if self.marker is not None:
            return StructType.fromJson(json.loads(self.marker.schema))
        return form.columns_at(session, str(self.root), request.spec)

    def check_replaceable(self, request: WriteRequest) -> None:
        """Refuses to take a folder away in which others keep files: the sources of the project, say.

        Raises:
            WriteError: naming files that neither Tauro nor Spark wrote.
        """
        if self.marker is not None:
            return
        foreign = sorted(path.name for path in data_files(self.root) if not path.name.startswith("part-"))
        if foreign:
            raise WriteError(
                f"{self.root} holds files that neither Tauro nor Spark wrote, and would lose them: "
                f"{bounded(foreign, 5)}",
                where=request.where,
                fix="give the output a folder of its own, or move the files away",
            )

    def check_layout(self, request: WriteRequest) -> None:
        """Refuses to add files of another format, or in other partitions, to those that are there.

        Raises:
            WriteError: saying what is there.
        """
        spec = request.spec
        if self.marker is not None and self.marker.format != spec.format:
            raise WriteError(
                f"the table at {spec.path} is {self.marker.format}, the output says {spec.format}", where=request.where
            )
        if [name.lower() for name in self.partition_by] != [name.lower() for name in spec.partition_by]:
            raise WriteError(
                f"the table at {spec.path} is partitioned by {bounded(self.partition_by) or 'nothing'}, "
                f"the output by {bounded(spec.partition_by) or 'nothing'}",
                where=request.where,
                fix=f"partition_by: [{', '.join(self.partition_by)}]",
            )


def file_table_at(root: Place, where: str) -> FileTable | None:
    """What lies at `root`; None if nothing does, or an empty folder.

    Raises:
        WriteError: it is a file, a Delta table, or a folder with other tables below; none of these is swapped away.
    """
    try:
        there = kinds_in(root)
    except NotADirectoryError:
        raise WriteError(
            f"{root} is a file; an output is a folder", where=where, fix="move it away, or change path"
        ) from None
    if there is None:
        return None
    if "_delta_log" in there:
        raise WriteError(f"at {root} lies a Delta table", where=where, fix="format: delta, or another path")
    below = [name for name, is_folder in there.items() if is_folder and "=" not in name and not _is_by_the_way(name)]
    if below:
        raise WriteError(
            f"{root} holds folders that are no partitions of a table: {bounded(sorted(below))}",
            where=where,
            fix="give the output a folder of its own",
        )
    marker = read_marker(root) if MARKER in there else None
    if marker is None and next(data_files(root), None) is None:
        return None
    return FileTable(root, marker, marker.partition_by if marker else partition_columns(root))


def _is_by_the_way(name: str) -> bool:
    """Whether a hidden folder may go with the table; that of outputs being staged below may not."""
    return is_hidden(name) and name != "_tauro"


def is_bookkeeping(path: Path) -> bool:
    """Whether a file of a table's root is Spark's or Tauro's note rather than data."""
    return len(path.parts) == 1 and path.name in _NOTES


def is_placeholder(path: Path, placeholder: str | None) -> bool:
    """Whether a file is the one that only bears a schema, or its checksum."""
    return placeholder is not None and path.parts in ((placeholder,), (f".{placeholder}.crc",))
