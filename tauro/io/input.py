"""Inputs as DataFrames: looked up, read, and bounded by the run's window."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter

from tauro.errors import ReadError, bounded, did_you_mean
from tauro.io.columns import find_column
from tauro.io.formats import FORMATS
from tauro.io.locations import as_input, at_paths, at_version, format_of, input_spec_for, location
from tauro.io.overlay import Overlaid, Overlay
from tauro.io.pinning import read_pinned
from tauro.io.ports import Project, ReadRequest
from tauro.io.versions import ReadVersions
from tauro.io.windows import WINDOW_TYPES, WindowCondition, quoted
from tauro.io.writing import one_line, spark_errors
from tauro.model import InputSpec, OutputSpec, Window
from tauro.model.node import InputRefs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

_REFS: TypeAdapter[InputRefs] = TypeAdapter(InputRefs)
_SCHEMA_FILES = (".ddl", ".sql", ".json")


class InputLoader:
    """Reads what a project's nodes are given.

    Args:
        context: the project; its session is opened when the first input is read.
        overlay: what a run has staged, which is read in place of what is published there.
        versions: what the run has found at its inputs; of a Delta table it then reads one version throughout.
    """

    def __init__(self, context: Project, overlay: Overlay | None = None, versions: ReadVersions | None = None) -> None:
        self._context = context
        self._overlay = overlay or Overlay()
        self._versions = versions

    # Any: a node's configuration as a plain mapping, one of the documented signatures
    def load_inputs(self, node_config: Mapping[str, Any]) -> list[DataFrame | None]:
        """The inputs of a node, in configured order; None in the place of an optional one that does not exist.

        Args:
            node_config: `input` (an id, a list, or a mapping from argument to id; entries may stand inline), and
                `start_date` and `end_date` where the window is not the project's own.

        Raises:
            UnknownNameError: an id is in neither document.
            ReadError: an input could not be read.
            InvalidValueError: a date is none.
        """
        window = window_of(self._context, node_config.get("start_date"), node_config.get("end_date"))
        refs = _REFS.validate_python(node_config.get("input"))
        return [self.load(input_spec_for(self._context, ref.id, ref.inline), window) for ref in refs]

    def load(self, spec: InputSpec, window: Window | None) -> DataFrame | None:
        """One input, with its partition filter and its window applied; None if it is optional and does not exist.

        Args:
            spec: its paths may be relative to the project.
            window: bounds the rows if the input has a `window_column`.

        Raises:
            ReadError: naming the input, its location and its place in the user's files.
        """
        return self._load(spec, window, reading=())

    def load_output(self, spec: OutputSpec, schema: str | None) -> DataFrame:
        """What a node of this run has written, all of it.

        Args:
            spec: the output, its path absolute and its format set.
            schema: the written columns as Spark's schema JSON, so that nothing is inferred; None if not known.

        Raises:
            ReadError: it could not be read.
        """
        from pyspark.sql.types import StructType

        known = None if schema is None else StructType.fromJson(json.loads(schema))
        return self._read(as_input(spec, spec.name), known, None, reading=())

    def empty(self, spec: InputSpec) -> DataFrame:
        """No rows, with the columns of an input's `schema`: what stands for a missing one in a SQL node.

        Raises:
            ReadError: it has no schema, or its schema can't be read.
        """
        schema = self._schema(spec)
        if schema is None:
            raise ReadError("an optional input of a SQL node needs a schema", where=_where(spec))
        return self._context.spark.createDataFrame([], schema)

    def _load(self, spec: InputSpec, window: Window | None, reading: tuple[str, ...]) -> DataFrame | None:
        spec = input_spec_for(self._context, spec.name, spec)
        schema = self._schema(spec)
        try:
            frame = self._read(spec, schema, window, reading, is_stored=True)
        except ReadError as error:
            cause = error.__cause__
            form = FORMATS[format_of(self._context, spec)]
            if spec.optional and isinstance(cause, Exception) and form.is_missing(cause):
                return None
            raise
        if spec.partition_filter is not None:
            try:
                frame = frame.where(spec.partition_filter)
            except spark_errors() as error:
                raise ReadError(
                    f"partition_filter {spec.partition_filter!r} can't be applied: {one_line(error)}",
                    where=_where(spec),
                ) from error
        if spec.window_column is not None and window is not None:
            frame = frame.where(_condition(spec, frame, window))
        return frame

    def _read(
        self,
        spec: InputSpec,
        schema: StructType | str | None,
        window: Window | None,
        reading: tuple[str, ...],
        *,
        is_stored: bool = False,
    ) -> DataFrame:
        overlaid = self._overlay.over(spec, lambda: self._context.spark)
        if overlaid is not None:
            return self._read_overlaid(spec, overlaid, schema, window, reading)
        name = format_of(self._context, spec)
        form = FORMATS[name]
        problems = form.check_input(spec)
        if problems:
            raise ReadError("; ".join(problems), where=_where(spec))
        pinned = self._pinned(spec) if is_stored else None
        ids = (*self._context.inputs, *(id for id in self._context.outputs if id not in self._context.inputs))
        request = ReadRequest(
            self._context.spark,
            spec if pinned is None else at_version(spec, pinned),
            schema,
            load=lambda id: self._load_for_query(spec, id, window, reading),
            input_ids=ids,
        )
        failures: tuple[type[Exception], ...] = (FileNotFoundError, *spark_errors())
        try:
            frame = form.read(request) if pinned is None else read_pinned(form, request)
            frame.schema  # noqa: B018  # the look that tells whether a table or a path is there
        except ReadError as error:
            if error.where is None:
                error.where = _where(spec)
            raise
        except failures as error:
            what = "does not exist" if form.is_missing(error) else "could not be read"
            raise ReadError(
                f"{name} at {location(spec)} {what}: {one_line(error)}",
                where=_where(spec),
                fix="optional: true, if it may be missing" if form.is_missing(error) else None,
            ) from error
        return frame

    def _pinned(self, spec: InputSpec) -> int | None:
        """The version of a Delta table that this run reads; None for the newest.

        Connect analyzes a plan each time it runs, and may find by then that the version is too old.
        """
        from tauro.spark.jobs import is_classic

        return self._versions.pinned(spec) if self._versions and is_classic(self._context.spark) else None

    def _read_overlaid(
        self,
        spec: InputSpec,
        overlaid: Overlaid,
        schema: StructType | str | None,
        window: Window | None,
        reading: tuple[str, ...],
    ) -> DataFrame:
        """An input of which this run has staged a part, or all: the staged rows, and what else it names."""
        others = overlaid.formats - {spec.format_name}
        if others and spec.format_name is not None:
            raise ReadError(
                f"this run has staged it as {bounded(sorted(others))}, and it is not published yet",
                where=_where(spec),
                fix="read it in the format it is written in, or set publish: node",
            )
        frame, *more = (_as_declared(one, schema) for one in overlaid.frames)
        if overlaid.rest:
            more.append(self._read(at_paths(spec, overlaid.rest), schema, window, reading, is_stored=True))
        for other in more:
            frame = frame.unionByName(other, allowMissingColumns=True)
        return frame

    def _load_for_query(
        self, spec: InputSpec, id: str, window: Window | None, reading: tuple[str, ...]
    ) -> DataFrame | None:
        path = (*reading, spec.name)
        if id in path:
            raise ReadError(f"queries read each other: {' -> '.join((*path, id))}", where=_where(spec))
        return self._load(input_spec_for(self._context, id), window, path)

    def _schema(self, spec: InputSpec) -> StructType | str | None:
        """The user's schema: text as it stands, or what the file holds that it names."""
        from pyspark.sql.types import StructType

        text = spec.schema_
        if text is None or not text.strip().lower().endswith(_SCHEMA_FILES) or "\n" in text.strip():
            return text
        file = Path(self._context.resolve_path(text.strip()))
        try:
            text = file.read_text(encoding="utf-8")
            return StructType.fromJson(json.loads(text)) if file.suffix.lower() == ".json" else text.strip()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReadError(f"the schema file {file} can't be read: {error}", where=_where(spec)) from error


def _as_declared(frame: DataFrame, schema: StructType | str | None) -> DataFrame:
    """The columns that an input's schema names, with its types; all as they are without one."""
    from pyspark.sql import functions
    from pyspark.sql.types import StructType

    if schema is None:
        return frame
    wanted = schema if isinstance(schema, StructType) else cast("StructType", StructType.fromDDL(schema))
    there = {name.lower() for name in frame.columns}
    columns = [
        (functions.col(quoted(field.name)) if field.name.lower() in there else functions.lit(None))
        .cast(field.dataType)
        .alias(field.name)
        for field in wanted.fields
    ]
    return frame.select(*columns)


def window_of(context: Project, start: str | None, end: str | None) -> Window | None:
    """The window from two dates, or the project's own where they are not given.

    Raises:
        InvalidValueError: a date is none, or the window is empty.
    """
    settings, own = context.settings, context.window
    if start is None and end is None and own is not None:
        return own
    start = start or (own.start if own else settings.start_date)
    end = end or (own.end if own else settings.end_date)
    return None if start is None or end is None else Window.parse(start, end)


def _condition(spec: InputSpec, frame: DataFrame, window: Window) -> str:
    column = spec.window_column or ""
    found = find_column(frame.columns, column)
    if found is None:
        raise ReadError(
            f"window_column {column!r} is not among the columns: {bounded(frame.columns)}",
            where=_where(spec),
            fix=did_you_mean(column, frame.columns),
        )
    type_name = frame.schema[found].dataType.typeName()
    if type_name not in WINDOW_TYPES:
        raise ReadError(
            f"window_column {found!r} is {type_name}; a window needs one of {', '.join(WINDOW_TYPES)}",
            where=_where(spec),
            fix="give the input a schema, or choose another column",
        )
    return WindowCondition(window, type_name).sql(found)


def _where(spec: InputSpec) -> str:
    return f"{spec.source}  input {spec.name!r}" if spec.source else f"input {spec.name!r}"
