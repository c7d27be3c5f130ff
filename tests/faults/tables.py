"""Tables as readers other than Tauro find them, so that two of them can be compared row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from tests.support.postgres import PostgresServer

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    rows: tuple[str, ...]
    """Sorted."""
    schema: str
    """Its columns and what else its own notes say of them."""
    files: int
    """How many a reader reads; 0 for a database's."""

    def differences(self, other: Table) -> list[str]:
        """What is unlike the table `other`, which is right."""
        found = []
        if self.rows != other.rows:
            extra, missing = _less(self.rows, other.rows), _less(other.rows, self.rows)
            found.append(f"rows wrong: too many {_shown(extra)}, missing {_shown(missing)}")
        if self.schema != other.schema:
            found.append(f"schema wrong: {self.schema}, should be {other.schema}")
        if self.files != other.files:
            found.append(f"{self.files} live files, should be {other.files}")
        return found


Tables = Mapping[str, Table]
"""By their paths below the output folder, or, with `db:`, their names in the database."""


def read_tables(output: Path, server: PostgresServer, names: Collection[str] | None = None) -> Tables:
    """All tables of a project.

    Args:
        output: the folder that holds folders of tables.
        server: its database.
        names: the tables to read there; all but Tauro's own if left out.

    Raises:
        OSError, ValueError: one can't be read.
    """
    folders = {f"{one.parent.name}/{one.name}": one for one in sorted(output.glob("*/*")) if is_table(one)}
    found = {name: read_table(folder) for name, folder in folders.items()}
    if names is None:
        there = (name for (name,) in server.execute(_TABLES))
        names = [name for name in there if not name.startswith(("_tauro", "tauro_"))]
    return found | {f"db:{name}": _database_table(server, name) for name in names}


def is_table(folder: Path) -> bool:
    """Whether a folder beside others is a table, and not one of those that Tauro works in."""
    return folder.is_dir() and not folder.name.startswith(("_", "."))


def read_table(folder: Path) -> Table:
    """A table of files, or of Delta.

    Raises:
        OSError, ValueError: it can't be read.
    """
    if (folder / "_delta_log").exists():
        log = DeltaLog.read(folder)
        rows = [row for path, values in log.live.items() for row in _parquet_rows(folder / path, values)]
        about = json.dumps([json.loads(log.schema), log.partition_by, log.configuration], sort_keys=True)
        return Table(tuple(sorted(rows)), about, len(log.live))
    files = list(data_files(folder))
    rows = [row for file in files for row in _file_rows(file, folder)]
    return Table(tuple(sorted(rows)), _marked_schema(folder), len(files))


def data_files(folder: Path) -> Iterator[Path]:
    """The files that a reader of a folder reads: no part of their path is hidden."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts):
            yield path


@dataclass(frozen=True, slots=True)
class DeltaLog:
    """What a Delta table's log says, read without Delta."""

    live: Mapping[str, Mapping[str, Any]]
    """The files of the newest version, with their partitions' values."""
    known: frozenset[str]
    """Every file that the log has ever named."""
    schema: str
    partition_by: tuple[str, ...]
    configuration: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path) -> DeltaLog:
        """Replays all commits.

        Raises:
            ValueError: commits are missing, or the log uses what this reader does not know.
        """
        live: dict[str, Mapping[str, Any]] = {}
        known: set[str] = set()
        metadata: dict[str, Any] = {}  # Any: JSON
        commits = sorted(one for one in (folder / "_delta_log").glob("*.json") if one.stem.isdigit())
        if [int(one.stem) for one in commits] != list(range(len(commits))) or not commits:
            raise ValueError(f"{folder}: the log has no unbroken row of commits")
        for commit in commits:
            actions = [json.loads(line) for line in commit.read_text().splitlines() if line.strip()]
            for action in actions:
                if "remove" in action:
                    live.pop(unquote(action["remove"]["path"]), None)
            for action in actions:
                if "add" in action:
                    path = unquote(action["add"]["path"])
                    if action["add"].get("deletionVector"):
                        raise ValueError(f"{folder}: {path} has a deletion vector")
                    live[path] = action["add"]["partitionValues"]
                    known.add(path)
                elif "metaData" in action:
                    metadata = action["metaData"]
        return cls(
            live,
            frozenset(known),
            metadata["schemaString"],
            tuple(metadata["partitionColumns"]),
            metadata["configuration"],
        )


_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
_COLUMNS = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s ORDER BY 1"


def _database_table(server: PostgresServer, name: str) -> Table:
    rows = [json.dumps(row, default=str) for row in server.execute(f'SELECT * FROM "{name}"')]
    return Table(tuple(sorted(rows)), str(server.execute(_COLUMNS, (name,))), 0)


def _file_rows(file: Path, folder: Path) -> Iterator[str]:
    parts = (part.partition("=") for part in file.relative_to(folder).parts[:-1])
    values = {name: unquote(value) for name, _, value in parts}
    if file.suffix == ".parquet":
        yield from _parquet_rows(file, values)
        return
    with file.open(newline="") as opened:
        for row in csv.DictReader(opened):
            yield json.dumps({**row, **values}, sort_keys=True)


def _parquet_rows(file: Path, values: Mapping[str, Any]) -> Iterator[str]:
    for row in pq.ParquetFile(file).read().to_pylist():
        yield json.dumps({**row, **values}, sort_keys=True, default=str)


def _marked_schema(folder: Path) -> str:
    """The columns by Tauro's marker, and which appends the table is known to be made of."""
    marker = json.loads((folder / "_tauro.json").read_text())
    about = [json.loads(marker["schema"]), marker["partition_by"], marker["options"], marker["placeholder"]]
    notes = folder / "_tauro_appends.json"
    appends = json.loads(notes.read_text()) if notes.exists() else None
    if appends is not None:
        told = [(one["node"], one["window"], len(one["files"])) for one in appends["appends"]]
        about.append(sorted(told, key=str))
    return json.dumps(about, sort_keys=True, default=str)


def _less(some: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    left = list(others)
    found = []
    for row in some:
        if row in left:
            left.remove(row)
        else:
            found.append(row)
    return found


def _shown(rows: list[str]) -> str:
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return ", ".join(rows[:_SHOWN]) + more if rows else "none"
