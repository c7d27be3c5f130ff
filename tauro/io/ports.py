"""What a format is to the rest of Tauro, and what reading and writing are asked for with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tauro.model import GlobalSettings, InputSpec, Options, OutputResult, OutputSpec, OverwriteScope, Window, WriteMode
from tauro.storage.paths import as_file_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


class Project(Protocol):
    """What reading and writing need of a project; `tauro.config.Context` is one."""

    @property
    def inputs(self) -> Mapping[str, InputSpec]:
        """The entries of `input_config`."""

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """The entries of `output_config`."""

    @property
    def settings(self) -> GlobalSettings:
        """The document `global_settings`."""

    @property
    def window(self) -> Window | None:
        """The run's window; None if it has none."""

    @property
    def spark(self) -> SparkSession:
        """The session, opened when it is first asked for."""

    def resolve_path(self, path: str) -> str | Path:
        """A path of the project's documents as an absolute one; remote ones stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a format can hold and do; what is not declared here is refused before the run."""

    can_read: bool = True
    write_modes: frozenset[WriteMode] = frozenset()
    """Empty for a format that is only read."""
    overwrite_scopes: frozenset[OverwriteScope] = frozenset({OverwriteScope.TABLE})
    partition_by: bool = False
    schema_evolution: bool = False
    can_undo: bool = True
    """Whether what was published can be put back as it was, as long as nobody else has written since."""
    append_by_window: bool = False
    """Whether an append with a window_column replaces the window's rows."""
    holds_nested: bool = True
    """Whether arrays, maps and structs survive."""
    cannot_hold: frozenset[str] = frozenset()
    """Names of Spark types (`binary`, `void`) that it has no place for."""
    is_file: bool = False
    """Whether a table is a folder of files that Spark lists."""
    needs_path: bool = False
    needs_options: tuple[str, ...] = ()
    """Options without which nothing can be read or written."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One input to be read."""

    session: SparkSession
    spec: InputSpec
    """Its paths are absolute."""
    schema: StructType | str | None = None
    """What the user or an earlier write says the columns are; None to let Spark find out."""
    load: Callable[[str], DataFrame | None] = field(default=lambda _: None, compare=False)
    """Reads another input by its id; what a query refers to."""
    input_ids: tuple[str, ...] = ()
    """The ids that `load` takes."""


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One output to be written."""

    pipeline: str | None
    node: str
    output_id: str
    spec: OutputSpec
    """Its path is absolute and its format is set."""
    window: Window | None
    run_id: str
    home: str | None = None
    """Where the run's journal lies, for those who find what it has left behind; None if it keeps none."""
    process: str = ""
    """Names the process: one that was taken for dead, and wakes, stages elsewhere than the one that carries on."""

    @property
    def folder(self) -> Path:
        """Where it is staged, relative to the folder that Tauro keeps beside the target."""
        output = self.output_id + (f"-{self.process}" if self.process else "")
        return Path(as_file_name(self.run_id), as_file_name(self.node), as_file_name(output))

    @property
    def where(self) -> str:
        """The node and output, and the output's place in the user's files, for messages."""
        place = f"{self.spec.source}  " if self.spec.source else ""
        return f"{place}node {self.node!r}, output {self.output_id!r}"


Record = Mapping[str, Any]  # Any: JSON
"""What is staged, as JSON has it; without secrets."""


class Staged(Protocol):
    """An output that is written, or checked, and not yet visible."""

    def publish(self) -> OutputResult:
        """Makes it visible, once; what `undo` needs is kept until `discard`."""

    def undo(self) -> bool:
        """After `publish`: puts back what was there before; False where that can't be done, and nothing changed."""

    def discard(self) -> None:
        """Drops what is staged, and what is kept for `undo`; doing it again changes nothing."""

    def release(self) -> None:
        """Lets go of what this process keeps for it, such as cached rows; what is staged stays where it lies."""

    def record(self) -> Record | None:
        """What `Format.staged_from` makes it of in another process; None if it does not outlive this one.

        What comes of a record can be published, undone and discarded, and its `table` can be read. Rows that were
        never written anywhere are not in it: publishing them then raises `WriteError`, unless they are in already.
        """

    @property
    def is_durable(self) -> bool:
        """Whether its rows are written where another process finds them."""

    def table(self) -> DataFrame | None:
        """Before `publish`: the table as it will be once published; None if it is the one that is there already."""

    def rows(self) -> DataFrame | None:
        """Before `publish`: the rows that were staged, and no others; None if none were."""


class Format(Protocol):
    """One way to keep rows: a plug-in of the registry `tauro.io.formats.FORMATS`."""

    @property
    def name(self) -> str:
        """As it is written in the documents."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can hold and do."""

    def check_input(self, spec: InputSpec) -> list[str]:
        """What is wrong with an input, as far as that is known without data and without Spark."""

    def options_as_read(self, options: Options) -> Options:
        """Of an output's options those that count when it is read back."""

    def check_output(self, spec: OutputSpec) -> list[str]:
        """What is wrong with an output, as far as that is known without data and without Spark."""

    def check_schema(self, schema: StructType, spec: OutputSpec | None = None) -> None:
        """Refuses columns that the format can't hold.

        Raises:
            WriteError: naming the columns.
        """

    def read(self, request: ReadRequest) -> DataFrame:
        """The input's rows, not filtered; starts no Spark job where the schema is known.

        Raises:
            FileNotFoundError: the input does not exist.
        """

    def is_missing(self, error: Exception) -> bool:
        """Whether an error of `read`, or of the first look at what it returned, says that the input does not exist."""

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """Writes, or checks, all that can be before anybody sees it.

        Raises:
            WriteError: the rows could not be written, or do not fit the table that is there.
            WindowError: rows lie outside the window of a windowed overwrite.
        """

    def staged_from(self, session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
        """What was staged, from its record; nothing is looked at before it is asked for.

        Args:
            session: opens a session, or returns the one that is open; not called where none is needed.
            request: as `stage` was given it; secrets among its options are those of the project that asks.
            record: what `Staged.record` returned.

        Raises:
            KeyError, TypeError, ValueError: it is no such record.
        """
