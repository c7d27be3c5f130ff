"""What is read and what is written: entries of `input_config` and `output_config`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from tauro.model.entry import Entry
from tauro.model.settings import Options


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...])]
"""One name, or a list of names."""

SUFFIX_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".orc": "orc",
    ".avro": "avro",
    ".txt": "text",
    ".xml": "xml",
}
COMPRESSIONS = {".gz", ".bz2", ".zst", ".lz4", ".snappy", ".deflate", ".xz"}


def format_of_path(path: str) -> str | None:
    """The format that a path's suffix tells (`a.csv.gz` is csv), or None if it tells none."""
    suffixes = PurePosixPath(path).suffixes
    while suffixes and suffixes[-1].lower() in COMPRESSIONS:
        suffixes.pop()
    return SUFFIX_FORMATS.get(suffixes[-1].lower()) if suffixes else None


class WriteMode(StrEnum):
    """What becomes of the rows that an output holds already."""

    OVERWRITE = "overwrite"
    APPEND = "append"
    IGNORE = "ignore"
    ERROR = "error"
    MERGE = "merge"


class OverwriteScope(StrEnum):
    """Which of the rows that an output holds an overwrite replaces."""

    TABLE = "table"
    WINDOW = "window"
    PARTITIONS = "partitions"


class InputSpec(Entry):
    """An entry of `input_config`."""

    format: str | None = Field(default=None, description="Left out where the path, table or query tells it.")
    path: Names | None = Field(default=None, description="One path, a list, or globs; relative to the project.")
    table: str | None = Field(default=None, description="A table of the catalog.")
    query: str | None = Field(default=None, description="One SELECT over other inputs, named by their ids.")
    schema_: str | None = Field(default=None, alias="schema", description="DDL text, or a file that holds it.")
    options: Options = Field(default_factory=dict, description="Spark's own reader options.")
    partition_filter: str | None = Field(default=None, description="A SQL predicate, pushed down.")
    window_column: str | None = Field(default=None, description="Reads only the rows of the run's window.")
    optional: bool = Field(default=False, description="Whether None stands for an input that does not exist.")

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        given = [what for what in ("path", "table", "query") if getattr(self, what) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other")
        return self

    @property
    def format_name(self) -> str | None:
        """The format as given, or as the path, table or query tells; None if nothing does."""
        if self.format is not None:
            return self.format
        if self.query is not None:
            return "query"
        if self.table is not None:
            return "table"
        return format_of_path(self.path[0]) if self.path else None


class OutputSpec(Entry):
    """An entry of `output_config`."""

    format: str | None = Field(default=None, description="Left out where the path or the project's default tells it.")
    path: str | None = Field(default=None, description="The folder that holds the table; relative to the project.")
    table: str | None = Field(default=None, description="A table of the catalog.")
    write_mode: WriteMode = Field(default=WriteMode.OVERWRITE, description="What becomes of the rows there.")
    overwrite_scope: OverwriteScope = Field(default=OverwriteScope.TABLE, description="Which rows are replaced.")
    keys: Names = Field(default=(), description="The columns that a merge matches rows by.")
    partition_by: Names = Field(default=(), description="Columns that folders are made of.")
    window_column: str | None = Field(default=None, description="The column that a windowed overwrite is about.")
    schema_evolution: bool = Field(default=False, description="Whether new columns may be added.")
    options: Options = Field(default_factory=dict, description="Spark's own writer options.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.path is not None and self.table is not None:
            raise ValueError("path and table exclude each other")
        if self.write_mode is WriteMode.MERGE and not self.keys:
            raise ValueError("write_mode merge needs keys")
        if self.keys and self.write_mode is not WriteMode.MERGE:
            raise ValueError("keys are for write_mode merge")
        if self.overwrite_scope is not OverwriteScope.TABLE and self.write_mode is not WriteMode.OVERWRITE:
            raise ValueError(f"overwrite_scope {self.overwrite_scope} is for write_mode overwrite")
        if self.overwrite_scope is OverwriteScope.WINDOW and self.window_column is None:
            raise ValueError("overwrite_scope window needs window_column")
        return self

    @property
    def replaces_table(self) -> bool:
        """Whether the output holds just what is written, and nothing that was there before."""
        return self.write_mode is WriteMode.OVERWRITE and self.overwrite_scope is OverwriteScope.TABLE

    @property
    def format_name(self) -> str | None:
        """The format as given, or as the path or table tells; None if the project's default is meant."""
        if self.format is not None:
            return self.format
        if self.table is not None:
            return "table"
        return format_of_path(self.path) if self.path else None
