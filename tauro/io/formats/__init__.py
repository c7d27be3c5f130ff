"""The formats that inputs and outputs may have: one file and one row each; others add theirs by entry point."""

from __future__ import annotations

from tauro.io.ports import Format
from tauro.registry import Registry

FORMATS: Registry[Format] = Registry(
    "format",
    {
        "parquet": "tauro.io.formats.parquet:PARQUET",
        "csv": "tauro.io.formats.csv:CSV",
        "json": "tauro.io.formats.json:JSON",
        "orc": "tauro.io.formats.orc:ORC",
        "avro": "tauro.io.formats.avro:AVRO",
        "text": "tauro.io.formats.text:TEXT",
        "xml": "tauro.io.formats.xml:XML",
        "delta": "tauro.io.formats.delta:DELTA",
        "jdbc": "tauro.io.formats.jdbc:JDBC",
        "table": "tauro.io.formats.table:TABLE",
        "query": "tauro.io.formats.query:QUERY",
        "memory": "tauro.io.formats.memory:MEMORY",
    },
    group="tauro.formats",
)

__all__ = ["FORMATS"]
