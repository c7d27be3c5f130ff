"""What nodes return, written: all of it staged, then all of it published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tauro.errors import ConfigError, Problem, TauroError, WriteError
from tauro.io.formats import FORMATS
from tauro.io.input import window_of
from tauro.io.locations import output_spec_for
from tauro.io.ports import Project, Staged, WriteRequest
from tauro.io.results import frames_of
from tauro.io.writing import spark_errors
from tauro.model import OutputResult
from tauro.model.node import OutputRefs
from tauro.model.run_id import new_run_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_REFS: TypeAdapter[OutputRefs] = TypeAdapter(OutputRefs)


class OutputManager:
    """Writes what a project's nodes return.

    Args:
        context: the project; its session is opened when the first output is written.
    """

    def __init__(self, context: Project) -> None:
        self._context = context

    def save_output(
        self,
        node_config: Mapping[str, Any],  # Any: a node's configuration as a plain mapping, a documented signature
        result: object,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> tuple[OutputResult, ...]:
        """Writes what a node returned; nothing is published before all of it is staged.

        Args:
            node_config: `output` (ids, or entries inline), and `name`, the node's.
            result: a DataFrame, or a tuple, list or mapping of them.
            start_date: the window's start; the project's own where it is None.
            end_date: the window's end.

        Raises:
            ResultError: the result is not what the outputs need; nothing is written.
            ConfigError: an output asks for what its format does not do.
            WriteError: an output could not be staged or published.
            WindowError: rows lie outside the window of a windowed overwrite.
        """
        node = str(node_config.get("name") or "node")
        refs = _REFS.validate_python(node_config.get("output"))
        if not refs:
            return ()
        frames = frames_of(node, [ref.id for ref in refs], result)
        window = window_of(self._context, start_date, end_date)
        run_id = new_run_id()
        requests = [
            WriteRequest(None, node, ref.id, output_spec_for(self._context, ref.id, ref.inline), window, run_id)
            for ref in refs
        ]
        return tuple(self.publish_all(requests, frames))

    def publish_all(self, requests: Sequence[WriteRequest], frames: Sequence[DataFrame]) -> Iterator[OutputResult]:
        """Stages every output, then publishes them one after the other; nothing is if one can't be staged.

        Args:
            requests: the outputs.
            frames: their rows, in the same order.

        Raises:
            WriteError, WindowError: as `stage`, or from publishing; what was published before stays.
        """
        staged = self.stage_all(requests, frames)
        try:
            for one in staged:
                yield one.publish()
        finally:
            for one in staged:
                discard(one)

    def stage_all(self, requests: Sequence[WriteRequest], frames: Sequence[DataFrame]) -> list[Staged]:
        """Stages every output; none stays staged if one can't be.

        Args:
            requests: the outputs.
            frames: their rows, in the same order.

        Raises:
            WriteError, WindowError: as `stage`.
        """
        staged: list[Staged] = []
        try:
            for request, frame in zip(requests, frames, strict=True):
                staged.append(self.stage(request, frame))  # what is staged must be known if one fails
        except BaseException:
            for one in staged:
                discard(one)
            raise
        return staged

    def stage(self, request: WriteRequest, frame: DataFrame) -> Staged:
        """Writes one output where nobody sees it yet.

        Raises:
            ConfigError: the output asks for what its format does not do.
            WriteError: it could not be written.
            WindowError: rows lie outside the window of a windowed overwrite.
        """
        spec = request.spec
        form = FORMATS[spec.format_name or self._context.settings.default_format]
        problems = form.check_output(spec)
        if problems:
            source = spec.source
            raise ConfigError(
                [
                    Problem(
                        problem,
                        file=source.file if source else None,
                        line=source.line if source else None,
                        where=f"output {request.output_id!r}",
                    )
                    for problem in problems
                ]
            )
        try:
            return form.stage(self._context.spark, request, frame)
        except WriteError as error:
            if error.where is None:
                error.where = request.where
            raise


def discard(staged: Staged) -> None:
    """Drops what is staged; what stands in the way of that hides neither a failure nor a success."""
    failures: tuple[type[Exception], ...] = (TauroError, OSError, *spark_errors())
    try:
        staged.discard()
    except failures as error:
        from loguru import logger

        logger.opt(exception=error).warning("what was staged can't be dropped")
