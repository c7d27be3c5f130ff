"""What the command line needs of whoever executes a pipeline, and where to find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from tauro.registry import Registry

if TYPE_CHECKING:
    from tauro.config import Context
    from tauro.exec.planning.selection import Selection
    from tauro.exec.resume.left_runs import LeftRun
    from tauro.model.events import Observer
    from tauro.model.outcome import RunResult
    from tauro.publish.journal import Journal


class Executor(Protocol):
    """Runs a pipeline of one project."""

    def execute_pipeline(
        self,
        pipeline_name: str,
        start_date: str | None = None,
        end_date: str | None = None,
        *,
        selection: Selection = ...,
        max_workers: int | None = None,
        run_id: str | None = None,
        journal: Journal | None = None,
        wait_s: float = 0.0,
        observers: Sequence[Observer] = (),
    ) -> RunResult:
        """Runs to the end, telling the observers of each step.

        Raises:
            ProjectError: the project or an argument is wrong; nothing ran.
            OutputHeldError: another run writes one of the outputs; nothing ran.
            RunFailedError: a node failed; it bears the result.
            RunInterruptedError: `cancel` was called; it bears the result so far.
        """

    def resume(
        self,
        run: LeftRun,
        *,
        max_workers: int | None = None,
        wait_s: float = 0.0,
        observers: Sequence[Observer] = (),
    ) -> RunResult:
        """Carries a run on to its end, telling the observers of each step.

        Raises:
            TauroError: as `execute_pipeline`.
        """

    def cancel(self, reason: str) -> None:
        """Stops the run; may be called by any thread, and by a signal handler."""


EXECUTORS: Registry[Callable[[Context], Executor]] = Registry(
    "executor", {"batch": "tauro.exec.executor:BatchExecutor"}
)
"""Name -> what makes an executor for a context; `tauro run` uses `batch`."""
