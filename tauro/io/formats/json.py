"""JSON: one object a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tauro.io.formats.csv import TIMES
from tauro.io.formats.files import COMMON_READER_OPTIONS, COMMON_WRITER_OPTIONS, FileFormat, written_files

_BOTH = frozenset(
    {"charset", "dateFormat", "encoding", "lineSep", "locale", "timeFormat", "timestampFormat", "timestampNTZFormat"}
) | {"timeZone"}


class Json(FileFormat):
    """Spark's `json`."""

    name = "json"
    capabilities = written_files(cannot_hold=frozenset({"void", "interval"}))
    reader_options = (
        COMMON_READER_OPTIONS
        | _BOTH
        | {
            "allowBackslashEscapingAnyCharacter",
            "allowComments",
            "allowNonNumericNumbers",
            "allowNumericLeadingZeros",
            "allowSingleQuotes",
            "allowUnquotedControlChars",
            "allowUnquotedFieldNames",
            "columnNameOfCorruptRecord",
            "compression",
            "dropFieldIfAllNull",
            "enableDateTimeParsingFallback",
            "inferTimestamp",
            "mode",
            "multiLine",
            "prefersDecimal",
            "primitivesAsString",
            "samplingRatio",
            "singleVariantColumn",
        }
    )
    writer_options = (
        COMMON_WRITER_OPTIONS | _BOTH | {"ignoreNullFields", "sortKeys", "writeNonAsciiCharacterAsCodePoint"}
    )
    writer_defaults: ClassVar[Mapping[str, str]] = {"ignoreNullFields": "false", **TIMES}
    tells_types = False


JSON = Json()
