"""What every kind of write has in common: the window it needs, and outputs that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tauro.errors import WindowError, WriteError, bounded
from tauro.io.columns import find_column
from tauro.io.ports import Record, WriteRequest
from tauro.io.windows import WINDOW_TYPES, WindowCondition
from tauro.model import OutputResult, OverwriteScope, Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """An output of `write_mode: ignore` that has data already."""

    request: WriteRequest

    def publish(self) -> OutputResult:
        """Nothing is written."""
        spec = self.request.spec
        return OutputResult(
            self.request.output_id, spec.format or "", path=spec.path, table=spec.table, rows=0, is_written=False
        )

    def undo(self) -> bool:
        """Nothing was changed."""
        return True

    def discard(self) -> None:
        """There is nothing to drop."""

    def release(self) -> None:
        """Nothing is kept."""

    def record(self) -> Record | None:
        """There is nothing to be told."""
        return {}

    @property
    def is_durable(self) -> bool:
        """There is nothing that could be lost."""
        return True

    def table(self) -> DataFrame | None:
        """The table is the one that is there."""
        return None

    def rows(self) -> DataFrame | None:
        """None were staged."""
        return None


def window_condition(request: WriteRequest, schema: StructType) -> WindowCondition | None:
    """What a windowed overwrite is about; None for others.

    Raises:
        WindowError: the run has no window.
        WriteError: the window column is not in the result, or of a type that has no place in time.
    """
    if request.spec.overwrite_scope is not OverwriteScope.WINDOW:
        return None
    if request.window is None:
        raise WindowError(
            "overwrite_scope window needs a window, and the run has no dates",
            where=request.where,
            fix="give start_date and end_date",
        )
    return column_condition(request, schema, request.window)


def column_condition(request: WriteRequest, schema: StructType, window: Window) -> WindowCondition:
    """A window on the output's `window_column`.

    Raises:
        WriteError: the column is not in the result, or of a type that has no place in time.
    """
    column = request.spec.window_column or ""
    found = find_column(schema.fieldNames(), column)
    if found is None:
        raise WriteError(
            f"window_column {column!r} is not in the result: {bounded(schema.fieldNames())}", where=request.where
        )
    type_name = schema[found].dataType.typeName()
    if type_name not in WINDOW_TYPES:
        raise WriteError(
            f"window_column {column!r} is {type_name}; a window needs one of {', '.join(WINDOW_TYPES)}",
            where=request.where,
        )
    return WindowCondition(window, type_name)


def spark_errors() -> tuple[type[Exception], ...]:
    """What Spark raises when a read or a write fails, through PySpark or past it."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return (PySparkException, Py4JError)


_IN_WORKER = "An exception was thrown from the Python worker"


def one_line(error: BaseException, at_most: int = 300) -> str:
    """An error's first telling line, bounded; of what Java raised, the line behind the call that led there.

    What was raised in a Python worker is told by the last line of its traceback, too.
    """
    from py4j.protocol import Py4JJavaError

    whole = str(error.java_exception.toString()) if isinstance(error, Py4JJavaError) else str(error)
    lines = [line for line in whole.partition("\n\nJVM stacktrace:")[0].splitlines() if line.strip()]
    text = lines[0].strip() if lines else type(error).__name__
    if text.startswith(_IN_WORKER):
        raised = next((line for line in reversed(lines[1:]) if not line[0].isspace()), "")
        text = f"{_IN_WORKER}: {raised}"
    return text if len(text) <= at_most else text[: at_most - 3] + "..."
