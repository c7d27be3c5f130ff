"""Avro: rows in files, typed and nested; needs Spark's `spark-avro` jar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tauro.io.formats.files import COMMON_READER_OPTIONS, COMMON_WRITER_OPTIONS, FileFormat, written_files
from tauro.model import OutputSpec

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Avro(FileFormat):
    """Spark's `avro`."""

    name = "avro"
    capabilities = written_files(cannot_hold=frozenset({"void", "interval", "variant"}))
    reader_options = COMMON_READER_OPTIONS | {
        "avroSchema",
        "avroSchemaUrl",
        "datetimeRebaseMode",
        "enableStableIdentifiersForUnionType",
        "ignoreExtension",
        "mode",
        "positionalFieldMatching",
        "recursiveFieldMaxDepth",
        "stableIdentifierPrefixForUnionType",
    }
    writer_options = COMMON_WRITER_OPTIONS | {
        "avroSchema",
        "avroSchemaUrl",
        "positionalFieldMatching",
        "recordName",
        "recordNamespace",
    }

    def schema_problems(self, schema: StructType, spec: OutputSpec | None) -> Iterator[str]:
        """One text for each column that does not fit: Avro's names are letters, digits and underscores."""
        yield from super().schema_problems(schema, spec)
        in_folders = spec.partition_by if spec is not None else ()
        for name in _names(schema):
            if not _NAME.fullmatch(name) and name not in in_folders:
                yield f"{name!r} is no Avro name (letters, digits and _ alone)"


def _names(schema: StructType) -> Iterator[str]:
    from pyspark.sql.types import ArrayType, MapType, StructType

    for field in schema.fields:
        yield field.name
        inner = field.dataType
        while isinstance(inner, ArrayType | MapType):
            inner = inner.elementType if isinstance(inner, ArrayType) else inner.valueType
        if isinstance(inner, StructType):
            yield from _names(inner)


AVRO = Avro()
