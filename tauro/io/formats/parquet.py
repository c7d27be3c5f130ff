"""Parquet: columns in files, typed and nested."""

from __future__ import annotations

from tauro.io.formats.files import COMMON_READER_OPTIONS, COMMON_WRITER_OPTIONS, FileFormat, written_files


class Parquet(FileFormat):
    """Spark's `parquet`."""

    name = "parquet"
    capabilities = written_files(cannot_hold=frozenset({"void", "interval"}))
    reader_options = COMMON_READER_OPTIONS | {"datetimeRebaseMode", "int96RebaseMode", "mergeSchema"}
    writer_options = COMMON_WRITER_OPTIONS
    option_prefixes = ("parquet.",)


PARQUET = Parquet()
