"""What every kind of write has in common: the window it needs, and outputs that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

from tauro.errors import WindowError
from tauro.io.ports import WriteRequest
from tauro.model import OutputResult, Window


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

    def discard(self) -> None:
        """There is nothing to drop."""


def needed_window(request: WriteRequest) -> Window:
    """The window of a windowed overwrite.

    Raises:
        WindowError: the run has none.
    """
    if request.window is None:
        raise WindowError(
            "overwrite_scope window needs a window, and the run has no dates",
            where=request.where,
            fix="give start_date and end_date",
        )
    return request.window


def spark_errors() -> tuple[type[Exception], ...]:
    """What Spark raises when a read or a write fails, through PySpark or past it."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return (PySparkException, Py4JError)


def one_line(error: BaseException, at_most: int = 300) -> str:
    """An error's first telling line, bounded."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text if len(text) <= at_most else text[: at_most - 3] + "..."
