"""What a run must not leave behind: folders, staged tables, rows, files that no log knows, processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import wait_for_end
from tests.faults.tables import DeltaLog
from tests.support.postgres import PostgresServer

JVM_END_S = 15.0
"""How long a JVM may outlive the last process of a case."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What lies around, apart from the rows: to be compared with that of an undisturbed project."""

    entries: frozenset[str]
    """Folders beside and within the tables, and files that are no data, below the output folder."""
    tables: frozenset[str]
    """All tables in the database."""


def shape_of(output: Path, server: PostgresServer) -> Shape:
    """What lies around now."""
    tables = server.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    return Shape(frozenset(_entries(output)), frozenset(name for (name,) in tables))


def leftovers(root: Path, server: PostgresServer, undisturbed: Shape, mark: str) -> list[str]:
    """What is left of dead runs, in words; empty if nothing is."""
    output = root / "output"
    found = [f"folder {one.relative_to(root)}" for one in sorted(output.rglob("_tauro"))]
    journals = root / ".tauro/runs"
    if journals.exists():
        found += [f"journal {one.relative_to(root)}" for one in sorted(journals.iterdir())]
    shape = shape_of(output, server)
    found += [f"extra {name}" for name in sorted(shape.entries - undisturbed.entries) if "_tauro/" not in f"{name}/"]
    found += [f"missing {name}" for name in sorted(undisturbed.entries - shape.entries)]
    found += [f"extra table {name}" for name in sorted(shape.tables - undisturbed.tables)]
    if "public._tauro" in shape.tables:
        found += [f"row in _tauro: {row}" for row in server.execute("SELECT * FROM public._tauro")]
    found += _unknown_files(output)
    found += [f"process {pid}" for pid in wait_for_end(mark, JVM_END_S)]
    return found


def _entries(output: Path) -> list[str]:
    """Names two folders deep, and, within tables, of everything hidden but Delta's numbered commits and checksums."""
    found = []
    for path in output.rglob("*"):
        parts = path.relative_to(output).parts
        is_log = "_delta_log" in parts[:-1]
        is_checksum = path.name.endswith(".crc")
        if len(parts) <= 2 or (path.name.startswith(("_", ".")) and not is_log and not is_checksum):
            found.append("/".join(parts))
    return found


def _unknown_files(output: Path) -> list[str]:
    """Files in Delta tables that their logs have never named."""
    found = []
    for log_folder in output.rglob("_delta_log"):
        folder = log_folder.parent
        if "_tauro" in folder.parts:
            continue
        known = DeltaLog.read(folder).known
        names = (file.relative_to(folder).as_posix() for file in folder.rglob("*.parquet"))
        found += [
            f"file {folder.name}/{name} that the log does not know"
            for name in names
            if name not in known and not name.startswith("_delta_log/")
        ]
    return found
