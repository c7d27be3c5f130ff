"""What the formats have in common whose tables are folders of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from tauro.errors import ReadError, bounded
from tauro.io.files.marker import Marker, read_marker
from tauro.io.formats.base import BaseFormat
from tauro.io.options import value_of
from tauro.io.ports import Capabilities, ReadRequest, Record, Staged, WriteRequest
from tauro.model import InputSpec, OutputSpec, OverwriteScope, WriteMode
from tauro.model.settings import as_spark_options
from tauro.storage.paths import has_glob, is_remote, literal_spark_path, local_path, matches, spark_path
from tauro.storage.place import place_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

FILE_MODES = frozenset(WriteMode) - {WriteMode.MERGE}
FILE_SCOPES = frozenset(OverwriteScope)
COMMON_READER_OPTIONS = frozenset(
    {
        "basePath",
        "ignoreCorruptFiles",
        "ignoreMissingFiles",
        "modifiedAfter",
        "modifiedBefore",
        "pathGlobFilter",
        "recursiveFileLookup",
    }
)
COMMON_WRITER_OPTIONS = frozenset({"compression", "maxRecordsPerFile"})


def read_only_files(*, holds_nested: bool = True, needs_options: tuple[str, ...] = ()) -> Capabilities:
    """The capabilities of a file format that is only read."""
    return Capabilities(is_file=True, needs_path=True, holds_nested=holds_nested, needs_options=needs_options)


def written_files(*, holds_nested: bool = True, cannot_hold: frozenset[str]) -> Capabilities:
    """The capabilities of a file format that is read and written."""
    return Capabilities(
        write_modes=FILE_MODES,
        overwrite_scopes=FILE_SCOPES,
        partition_by=True,
        schema_evolution=True,
        holds_nested=holds_nested,
        cannot_hold=cannot_hold,
        is_file=True,
        needs_path=True,
    )


class FileFormat(BaseFormat):
    """A format whose tables are folders of files that Spark lists."""

    writer_defaults: ClassVar[Mapping[str, str]] = {}
    """Options that make what is written come back as it was; the user's own win."""
    reader_defaults: ClassVar[Mapping[str, str]] = {}
    """Options for reading what Tauro has written, beside those it was written with."""
    tells_types: ClassVar[bool] = True
    """Whether the files say what types their columns have."""

    @property
    def spark_name(self) -> str:
        """The format as Spark calls it."""
        return self.name

    def check_output(self, spec: OutputSpec) -> list[str]:
        """What is wrong with an output, as far as that is known without data and without Spark."""
        found = super().check_output(spec)
        if spec.overwrite_scope is OverwriteScope.WINDOW and spec.window_column not in spec.partition_by:
            found.append(f"on files, overwrite_scope window needs window_column {spec.window_column!r} in partition_by")
        if spec.path is not None and has_glob(spec.path):
            found.append(f"the path {spec.path!r} is a pattern; an output needs one folder")
        return found

    def read(self, request: ReadRequest) -> DataFrame:
        """The rows of the paths, with the columns that the user, or the marker that Tauro left, says they have.

        Raises:
            FileNotFoundError: none of the paths exists.
            ReadError: some of several paths do not exist.
        """
        from pyspark.sql.types import StructType

        from tauro.io.columns import selected

        places = _existing(request.spec)
        marker = _common_marker(request, self.name)
        schema = request.schema
        if schema is None and marker is not None:
            schema = StructType.fromJson(json.loads(marker.schema))
        options = {**(marker.options if marker else {}), **as_spark_options(request.spec.options)}
        reader = request.session.read.format(self.spark_name).options(**options)
        if schema is not None:
            reader = reader.schema(schema)
        frame = reader.load(places)
        return selected(frame, schema.fieldNames()) if isinstance(schema, StructType) else frame

    def read_some(self, session: SparkSession, folder: str, files: Sequence[str], marker: Marker) -> DataFrame:
        """The rows of some files of a folder, with the columns of its partitions.

        Args:
            session: a session.
            folder: the table's.
            files: relative to it.
            marker: what the folder says of its columns and options.
        """
        from pyspark.sql.types import StructType

        from tauro.io.columns import selected

        schema = StructType.fromJson(json.loads(marker.schema))
        options = {**marker.options, "basePath": folder}
        reader = session.read.format(self.spark_name).options(**options).schema(schema)
        paths = [literal_spark_path(f"{folder}/{file}") for file in files]
        return selected(reader.load(paths), schema.fieldNames())

    def stage(self, session: SparkSession, request: WriteRequest, frame: DataFrame) -> Staged:
        """Writes beside the target; see `tauro.io.files.staging`."""
        from tauro.io.files.staging import stage_files

        return stage_files(session, request, frame, self)

    def staged_from(self, session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
        """The staged files; Spark is needed to read them only."""
        from tauro.io.files.staging import staged_files_from

        del request
        return staged_files_from(record, session)

    def options_to_write(self, spec: OutputSpec, columns: int) -> dict[str, str]:
        """Spark's writer options: the user's over those that let everything come back.

        Args:
            spec: the output.
            columns: how many columns lie in the files, those of the partitions not counted.
        """
        del columns
        return merged(self.writer_defaults, as_spark_options(spec.options))

    def options_to_read(self, spec: OutputSpec, columns: int) -> dict[str, str]:
        """What a reader of the written files needs to be told; as `options_to_write`."""
        known = {name.lower() for name in self.reader_options}
        written = {name: value for name, value in self.options_to_write(spec, columns).items() if name.lower() in known}
        return merged(self.reader_defaults, {name: v for name, v in written.items() if name.lower() != "compression"})

    def columns_at(self, session: SparkSession, path: str, spec: OutputSpec) -> StructType | None:
        """The columns of a folder that bears no marker, as Spark finds them; None if it can't tell."""
        from pyspark.errors import AnalysisException

        options = {**self.writer_defaults, **as_spark_options(spec.options)}
        found = session.read.format(self.spark_name).options(**options)
        try:
            return found.load(literal_spark_path(path)).schema
        except AnalysisException as error:
            if error.getCondition() == "UNABLE_TO_INFER_SCHEMA":
                return None
            raise


def merged(defaults: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """`given` over `defaults`; names are the same whatever their case."""
    kept = {name: value for name, value in defaults.items() if value_of(given.items(), name) is None}
    return {**kept, **given}


def _existing(spec: InputSpec) -> list[str]:
    """The paths as Spark takes them; local ones are looked at first."""
    places, missing = [], []
    for path in spec.path or ():
        if is_remote(path):
            places.append(path)
        elif local_path(path).exists():
            places.append(literal_spark_path(path))
        elif has_glob(path) and matches(path):
            places.append(spark_path(path))
        else:
            missing.append(path)
    if missing and not places:
        raise FileNotFoundError(f"nothing at {bounded(missing)}")
    if missing:
        raise ReadError(f"some of the paths do not exist: {bounded(missing)}", fix="correct them, or use a glob")
    return places


def _common_marker(request: ReadRequest, format_name: str) -> Marker | None:
    """What the markers of the folders say, if each bears one and all say the same about columns and options.

    Raises:
        ReadError: a remote folder can't be reached.
    """
    markers = [_marker_at(path, request.session) for path in request.spec.path or ()]
    first = markers[0] if markers else None
    if first is None or first.format != format_name:
        return None
    alike = all(m is not None and (m.schema, m.options) == (first.schema, first.options) for m in markers)
    return first if alike else None


def _marker_at(path: str, session: SparkSession) -> Marker | None:
    from tauro.spark.jobs import is_classic  # there is a session, so pyspark is there

    if not is_remote(path):
        return read_marker(local_path(path))
    if has_glob(path) or not is_classic(session):
        return None
    try:
        return read_marker(place_of(path, lambda: session))
    except OSError as error:
        raise ReadError(f"{path} can't be reached: {error}") from error
