"""CSV: text files of flat rows; what Tauro writes has a header, and comes back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tauro.io.formats.files import COMMON_READER_OPTIONS, COMMON_WRITER_OPTIONS, FileFormat, merged, written_files
from tauro.model import OutputSpec

_BOTH = frozenset(
    {
        "charset",
        "charToEscapeQuoteEscaping",
        "dateFormat",
        "delimiter",
        "emptyValue",
        "encoding",
        "escape",
        "header",
        "ignoreLeadingWhiteSpace",
        "ignoreTrailingWhiteSpace",
        "lineSep",
        "locale",
        "nullValue",
        "quote",
        "sep",
        "timeFormat",
        "timestampFormat",
        "timestampNTZFormat",
        "timeZone",
    }
)
TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
"""Spark's own default keeps three digits of a second's six."""


class Csv(FileFormat):
    """Spark's `csv`."""

    name = "csv"
    capabilities = written_files(holds_nested=False, cannot_hold=frozenset({"void", "interval", "variant", "binary"}))
    reader_options = (
        COMMON_READER_OPTIONS
        | _BOTH
        | {
            "columnNameOfCorruptRecord",
            "comment",
            "compression",
            "enableDateTimeParsingFallback",
            "enforceSchema",
            "extension",
            "inferSchema",
            "inputBufferSize",
            "maxCharsPerColumn",
            "maxColumns",
            "mode",
            "multiLine",
            "nanValue",
            "negativeInf",
            "positiveInf",
            "preferDate",
            "samplingRatio",
            "singleVariantColumn",
            "unescapedQuoteHandling",
        }
    )
    writer_options = COMMON_WRITER_OPTIONS | _BOTH | {"codec", "escapeQuotes", "extension", "quoteAll"}
    writer_defaults: ClassVar[Mapping[str, str]] = {
        "header": "true",
        "escape": '"',
        "ignoreLeadingWhiteSpace": "false",
        "ignoreTrailingWhiteSpace": "false",
        **TIMES,
    }
    reader_defaults: ClassVar[Mapping[str, str]] = {"multiLine": "true", "nullValue": "\u0001tauro null\u0001"}
    tells_types = False

    def options_to_write(self, spec: OutputSpec, columns: int) -> dict[str, str]:
        """As for all files; and what keeps nulls and empty text apart.

        Spark writes null as nothing and empty text as `""`. It reads both as null, unless `nullValue` is a text that
        never occurs. A row that is nothing but one null would be an empty line, which readers skip: there, null
        is written as `\\N`.
        """
        options = super().options_to_write(spec, columns)
        return merged({"nullValue": r"\N"}, options) if columns == 1 else options


CSV = Csv()
