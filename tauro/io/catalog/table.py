"""What a session's catalog says of a table, and how SQL spells it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tauro.io.windows import quoted
from tauro.storage.paths import canonical

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """What the catalog knows of a table."""

    provider: str
    location: str
    is_external: bool
    schema: StructType
    partition_by: tuple[str, ...]

    def record(self) -> dict[str, Any]:  # Any: JSON
        """The entry as JSON has it; `catalog_table_from` reads it."""
        return {
            "provider": self.provider,
            "location": self.location,
            "is_external": self.is_external,
            "schema": self.schema.json(),
            "partition_by": list(self.partition_by),
        }


def catalog_table_from(record: Mapping[str, Any]) -> CatalogTable:  # Any: JSON
    """What `CatalogTable.record` was taken of.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    from pyspark.sql.types import StructType

    schema = StructType.fromJson(json.loads(record["schema"]))
    return CatalogTable(**{**record, "schema": schema, "partition_by": tuple(record["partition_by"])})


def described(session: SparkSession, name: str) -> CatalogTable | None:
    """The catalog's entry; None if it knows no such table. Starts no job.

    Args:
        session: the session.
        name: the table's, quoted.
    """
    if not session.catalog.tableExists(name):
        return None
    rows = session.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()
    names = [row["col_name"] for row in rows]
    at = names.index("# Detailed Table Information")
    details = {row["col_name"]: row["data_type"] for row in rows[at + 1 :]}
    parts: list[str] = []
    if "# Partition Information" in names:
        first = names.index("# Partition Information") + 2
        parts = [name for name in names[first:at] if name]
    return CatalogTable(
        provider=str(details.get("Provider") or details.get("Type") or "").lower(),
        location=canonical(str(details.get("Location") or "")),
        is_external=details.get("Type") == "EXTERNAL",
        schema=session.table(name).schema,
        partition_by=tuple(parts),
    )


def new_location(session: SparkSession, table: str) -> str:
    """Where the catalog would put a table of this name, were it to manage it."""
    *database, name = _parts(table)
    where = session.catalog.getDatabase(".".join(map(quoted, database)) or session.catalog.currentDatabase())
    return canonical(f"{where.locationUri.rstrip('/')}/{name.lower()}")


def _parts(table: str) -> list[str]:
    """A name's parts; those in backticks may hold dots."""
    return [part.strip("`") for part in re.findall(r"`[^`]+`|[^.`]+", table)]


def quoted_name(table: str) -> str:
    """A table's name with each of its parts in backticks."""
    return ".".join(quoted(part) for part in _parts(table))


def sql_options(options: Mapping[str, str]) -> str:
    """The clause OPTIONS of a CREATE TABLE; empty for none."""
    if not options:
        return ""
    escaped = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in options.items()}
    pairs = ", ".join(f"'{name}' = '{value}'" for name, value in escaped.items())
    return f" OPTIONS ({pairs})"
