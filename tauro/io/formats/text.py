"""Text: one row a line, in the column `value`."""

from __future__ import annotations

from tauro.io.formats.files import COMMON_READER_OPTIONS, FileFormat, read_only_files


class Text(FileFormat):
    """Spark's `text`, for reading."""

    name = "text"
    capabilities = read_only_files(holds_nested=False)
    reader_options = COMMON_READER_OPTIONS | {"compression", "encoding", "lineSep", "wholetext"}


TEXT = Text()
