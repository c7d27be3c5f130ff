"""Runs a pipeline: plan, check, run, and say how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from loguru import logger

from tauro.config import Context
from tauro.config.collector import collector_paused
from tauro.errors import ConfigError, Problem, RunFailedError, RunInterruptedError, Severity
from tauro.exec.failures import describe
from tauro.exec.functions import import_from
from tauro.exec.node_executor import NodeExecutor
from tauro.exec.plan import make_plan, run_window
from tauro.exec.plan_run import PlanRun
from tauro.exec.ports import InputPort, OutputPort
from tauro.exec.preflight import check_run, refusals
from tauro.exec.recording import recorded
from tauro.exec.run_loop import RunOutcome
from tauro.exec.selection import EVERYTHING, Selection
from tauro.ml.hyperparams import merge_hyperparams
from tauro.model.events import Observer, RunEnded, RunStarted
from tauro.model.outcome import FailureKind, RunResult, Status
from tauro.model.pipeline import PipelineSpec
from tauro.model.plan import Plan
from tauro.model.run_id import new_run_id
from tauro.publish.leases import Leases
from tauro.publish.targets import Target, targets_of


class BaseExecutor:
    """Runs pipelines of a project, one at a time.

    Args:
        context: the project.
        input_loader: reads inputs; Tauro's own if None.
        output_manager: writes outputs; Tauro's own if None.
    """

    def __init__(
        self,
        context: Context,
        input_loader: InputPort | None = None,
        output_manager: OutputPort | None = None,
    ) -> None:
        self.context = context
        self._input_loader = input_loader
        self._output_manager = output_manager
        self._run: PlanRun | None = None
        self._stop_asked: str | None = None

    def execute_pipeline(
        self,
        pipeline_name: str,
        start_date: str | None = None,
        end_date: str | None = None,
        *,
        selection: Selection = EVERYTHING,
        max_workers: int | None = None,
        hyperparams: Mapping[str, Any] | None = None,
        model_version: str | None = None,
        run_id: str | None = None,
        wait_s: float = 0.0,
        observers: Iterable[Observer] = (),
    ) -> RunResult:
        """Runs a pipeline, or the part of it that is selected, and publishes what it wrote as `publish` says.

        Args:
            pipeline_name: an entry of `pipelines`.
            start_date: the window's start, an ISO date (inclusive) or date-time; that of `global_settings` if None.
            end_date: the window's end, an ISO date (inclusive) or date-time (exclusive); likewise.
            selection: the part to run.
            max_workers: nodes at once, in place of what the project says.
            hyperparams: explicit values for machine-learning nodes; they win over the project's.
            model_version: the model's version, in place of the project's.
            run_id: the run's id; a new one if None.
            wait_s: how long to wait for other runs that write one of the outputs.
            observers: told of every event, on this thread.

        Returns:
            The result of a run in which every node is done.

        Raises:
            UnknownNameError, InvalidValueError, UnsupportedError, ConfigError: nothing was run; the project, or what
                was asked for, is wrong.
            OutputHeldError: nothing was run; another run writes one of the outputs.
            SessionError: nothing was run; Spark could not be started.
            RunFailedError: a node failed; its `NodeError` and the root cause are chained, `result` tells the rest.
            RunInterruptedError: the run was stopped; `result` tells how far it came.
        """
        began = time.monotonic()
        run_id = run_id or new_run_id()
        window = run_window(self.context, start_date, end_date)
        with collector_paused():
            context = self.context.for_run(window, run_id)
            import_from(context.root)
            if pipeline_name in context.pipelines:
                _judge(refusals(context, context.pipelines[pipeline_name]))
            plan = make_plan(context, pipeline_name, window, selection, run_id=run_id, max_workers=max_workers)
            _judge(check_run(context, plan))
        info = self.ml_info(plan.pipeline, hyperparams, model_version, context)
        executor = NodeExecutor(context, self._input_loader, self._output_manager, plan.max_workers)
        with recorded(context, observers) as observers:
            with Leases(run_id, plan.pipeline.name or None) as leases:
                self._acquire(leases, targets_of(plan, context.root), wait_s)
                for observer in observers:
                    observer(RunStarted(run_id, plan))
                run = executor.run_plan(plan, context, run_id=run_id, ml_info=info, observers=observers, leases=leases)
                outcome = self._drive(run)
            result = _result(plan, run_id, outcome, time.monotonic() - began, context.redact)
            for observer in observers:
                observer(RunEnded(result))
        _raise_unless_completed(result, outcome)
        return result

    def cancel(self, why: str = "cancelled") -> None:
        """Stops the run that is under way, or the next one; may be called from any thread and a signal handler."""
        self._stop_asked = why
        run = self._run
        if run is not None:
            run.stop(why)

    def ml_info(
        self,
        pipeline: PipelineSpec,
        hyperparams: Mapping[str, Any] | None = None,
        model_version: str | None = None,
        context: Context | None = None,
    ) -> dict[str, Any]:
        """What machine-learning nodes are told: `model_version`, explicit `hyperparams` and `pipeline_config`.

        `pipeline_config["hyperparams"]` holds the project's defaults under the pipeline's own.

        Args:
            pipeline: the pipeline.
            hyperparams: explicit values.
            model_version: in place of the project's.
            context: the project with a run's values filled in; as it was given if None.
        """
        context = context or self.context
        settings = context.settings
        config = dict(context.pipelines_config.get(pipeline.name, {}))
        config["hyperparams"] = merge_hyperparams(settings.default_hyperparams, pipeline.hyperparams)
        return {
            "model_version": model_version or pipeline.model_version or settings.default_model_version,
            "hyperparams": dict(hyperparams or {}),
            "pipeline_config": config,
        }

    def _acquire(self, leases: Leases, targets: Sequence[Target], wait_s: float) -> None:
        try:
            leases.acquire(targets, wait_s=wait_s, stopped=lambda: self._stop_asked)
        except BaseException:
            self._stop_asked = None  # this run has ended; it is not meant for the next
            raise

    def _drive(self, run: PlanRun) -> RunOutcome:
        self._run = run
        if self._stop_asked is not None:
            run.stop(self._stop_asked)
        try:
            return run.run()
        finally:
            self._run = None
            self._stop_asked = None


class BatchExecutor(BaseExecutor):
    """Runs batch and machine-learning pipelines; what `BaseExecutor` does is all they need."""


def _judge(problems: Iterable[Problem]) -> None:
    """Raises the errors, all at once; where there are none, says the warnings."""
    problems = list(problems)
    errors = [one for one in problems if one.severity is Severity.ERROR]
    if errors:
        raise ConfigError(errors)
    for warning in problems:
        logger.warning("{}", warning)


def _result(plan: Plan, run_id: str, outcome: RunOutcome, duration_s: float, redact: Callable[[str], str]) -> RunResult:
    if outcome.is_published:
        status = Status.COMPLETED  # also when it was stopped too late to keep anything from being published
    elif outcome.failure is None and outcome.stopped is not None:
        status = Status.CANCELLED
    else:
        status = Status.FAILED
    first = next(iter(outcome.errors), None)
    error = outcome.nodes[first].error if first is not None else None
    if outcome.failure is not None:
        error = describe(outcome.failure, redact)
    return RunResult(
        run_id=run_id,
        pipeline=plan.pipeline.name,
        window=plan.window,
        status=status,
        duration_s=duration_s,
        nodes=tuple(outcome.nodes[name] for name in plan.order),
        error=error,
    )


def _raise_unless_completed(result: RunResult, outcome: RunOutcome) -> None:
    if result.status is Status.CANCELLED:
        raise RunInterruptedError(f"run {result.run_id} was stopped: {outcome.stopped}", result=result)
    if result.is_completed:
        return
    if outcome.failure is not None:
        is_transient = result.error is not None and result.error.kind is FailureKind.TRANSIENT
        raise RunFailedError(outcome.failure.message, result=result, is_transient=is_transient) from outcome.failure
    kinds = {node.error.kind for node in result.nodes if node.error is not None}
    messages = [error.message for error in outcome.errors.values()]
    more = f"\n... and {len(messages) - 5} more" if len(messages) > 5 else ""
    failed = RunFailedError(
        "\n".join(messages[:5]) + more, result=result, is_transient=kinds == {FailureKind.TRANSIENT}
    )
    raise failed from next(iter(outcome.errors.values()))
