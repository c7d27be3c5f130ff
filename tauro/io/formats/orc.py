"""ORC: columns in files, typed and nested."""

from __future__ import annotations

from tauro.io.formats.files import COMMON_READER_OPTIONS, COMMON_WRITER_OPTIONS, FileFormat, written_files


class Orc(FileFormat):
    """Spark's `orc`."""

    name = "orc"
    capabilities = written_files(cannot_hold=frozenset({"void", "interval", "variant"}))
    reader_options = COMMON_READER_OPTIONS | {"mergeSchema"}
    writer_options = COMMON_WRITER_OPTIONS
    option_prefixes = ("orc.",)


ORC = Orc()
