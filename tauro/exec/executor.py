"""Runs a pipeline: plan, check, run, and say how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from loguru import logger

from tauro.config import Context
from tauro.config.collector import collector_paused
from tauro.errors import ConfigError, Problem, RunFailedError, RunInterruptedError, Severity
from tauro.exec.checks.preflight import check_run, refusals
from tauro.exec.code.functions import import_from
from tauro.exec.failures import describe
from tauro.exec.node_executor import DONE_BEFORE, NodeExecutor
from tauro.exec.planning.plan import make_plan, run_window
from tauro.exec.planning.selection import EVERYTHING, Selection
from tauro.exec.ports import InputPort, OutputPort
from tauro.exec.resume.known_runs import known_run
from tauro.exec.resume.left_runs import LeftRun
from tauro.exec.runs.held_run import HeldRun, held_run
from tauro.exec.runs.loop import RunOutcome
from tauro.exec.runs.plan_run import PlanRun
from tauro.exec.runs.recording import recorded
from tauro.ml.hyperparams import merge_hyperparams
from tauro.model.dataset import WriteMode
from tauro.model.events import NodeEnded, Observer, RunEnded, RunStarted
from tauro.model.outcome import FailureKind, NodeResult, OutputResult, RunResult, Status
from tauro.model.pipeline import PipelineSpec
from tauro.model.plan import Plan, PlannedNode
from tauro.model.run_id import new_run_id
from tauro.publish.journal import Journal
from tauro.spark.stops import called_off_by

REDONE_AT_MOST = 3
"""How often a run does a merge anew because others keep changing its table."""


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
        journal: Journal | None = None,
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
            run_id: the run's id; a new one if None. A run that ended under this id without publishing, or died, is
                carried on: what its nodes have done is not done again as long as it is valid.
            journal: that of the run to be carried on, where it is known; looked up beside the outputs if None.
            wait_s: how long to wait for other runs that write one of the outputs.
            observers: told of every event, on this thread.

        Returns:
            The result of a run in which every node is done.

        Raises:
            UnknownNameError, InvalidValueError, UnsupportedError, ConfigError: nothing was run; the project, or what
                was asked for, is wrong.
            OutputHeldError: nothing was run; another run writes one of the outputs.
            JournalError: nothing was run; what a dead run has left can be neither finished nor undone now.
            SessionError: nothing was run; Spark could not be started.
            RunFailedError: a node failed; its `NodeError` and the root cause are chained, `result` tells the rest.
            RunInterruptedError: the run was stopped; `result` tells how far it came.
        """
        began = time.monotonic()
        may_be_done = run_id is not None and wait_s > 0  # by the run of the same id that is waited for
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
        asked = _as_json(
            {
                "selection": asdict(selection),
                "max_workers": max_workers,
                "hyperparams": dict(hyperparams or {}),
                "model_version": model_version,
            }
        )
        try:
            with called_off_by(lambda: self._stop_asked), recorded(context, observers) as observers:
                with held_run(
                    context,
                    plan,
                    run_id,
                    asked=asked,
                    ml_info=info,
                    journal=journal,
                    keeps_journal=executor.keeps_journal,
                    wait_s=wait_s,
                    stopped=lambda: self._stop_asked,
                ) as held:
                    if may_be_done:
                        known = known_run(context, run_id, pipeline_name, start_date, end_date, selection)
                        if isinstance(known, RunResult):
                            return known
                    for observer in observers:
                        observer(RunStarted(run_id, plan))
                    outcome = self._outcome(executor, plan, context, run_id, info, observers, held)
                    held.is_done = outcome.is_published
                result = _result(plan, run_id, outcome, time.monotonic() - began, context.redact)
                for observer in observers:
                    observer(RunEnded(result))
        except RunInterruptedError as error:  # before it had begun: while it waited, or Spark was starting
            stopped = _stopped_before(plan, error.message, {}, ())
            error.result = _result(plan, run_id, stopped, time.monotonic() - began, context.redact)
            raise
        finally:
            self._stop_asked = None  # this run has ended; it is not meant for the next
        _raise_unless_completed(result, outcome)
        return result

    def resume(
        self, run: LeftRun, *, max_workers: int | None = None, wait_s: float = 0.0, observers: Iterable[Observer] = ()
    ) -> RunResult:
        """Carries on a run that ended without publishing, or died: what is done and still valid is not run again.

        Args:
            run: as `find_run` returns it.
            max_workers: nodes at once, in place of what the run was given.
            wait_s: as for `execute_pipeline`.
            observers: likewise.

        Returns:
            The result of the run, in which the nodes that were done are skipped.

        Raises:
            TauroError: as `execute_pipeline`.
        """
        about = run.about
        asked, window = about.asked, about.window or (None, None)
        return self.execute_pipeline(
            about.pipeline or "",
            window[0],
            window[1],
            selection=Selection(**{name: tuple(names) for name, names in asked.get("selection", {}).items()}),
            max_workers=max_workers or asked.get("max_workers"),
            hyperparams=asked.get("hyperparams"),
            model_version=asked.get("model_version"),
            run_id=about.run_id,
            journal=run.journal,
            wait_s=wait_s,
            observers=observers,
        )

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

    def _outcome(
        self,
        executor: NodeExecutor,
        plan: Plan,
        context: Context,
        run_id: str,
        info: Mapping[str, Any],
        observers: Sequence[Observer],
        held: HeldRun,
    ) -> RunOutcome:
        """Runs what is to be run; again what a merge was made for that somebody else has come before."""
        if held.published is not None:
            return _done_before(plan, held.published, observers)
        for name, why in held.carried.again.items():
            logger.info("node {!r} is run again: {}", name, why)
        redone = 0
        while True:
            try:
                run = executor.run_plan(
                    plan, context, run_id=run_id, ml_info=info, observers=observers, held=held, keeps=True
                )
            except RunInterruptedError as error:  # Spark was starting
                return _stopped_before(plan, error.message, held.carried.done, observers)
            outcome = self._drive(run)
            conflict = outcome.failure.conflict if outcome.failure is not None else None
            if conflict is None or redone == REDONE_AT_MOST or not _can_be_redone(plan.nodes[conflict], held):
                return outcome
            redone += 1
            logger.warning("{}\nnode {!r} is run again, on what is there now", outcome.failure, conflict)
            held.redo(plan.nodes[conflict])

    def _drive(self, run: PlanRun) -> RunOutcome:
        self._run = run
        if self._stop_asked is not None:
            run.stop(self._stop_asked)
        try:
            return run.run()
        finally:
            self._run = None


class BatchExecutor(BaseExecutor):
    """Runs batch and machine-learning pipelines; what `BaseExecutor` does is all they need."""


def _can_be_redone(node: PlannedNode, held: HeldRun) -> bool:
    """Whether a node that met somebody else's commit may be run again on top of it: it merges its rows into them."""
    return held.journal is not None and all(one.spec.write_mode is WriteMode.MERGE for one in node.outputs)


def _done_before(
    plan: Plan, published: Mapping[tuple[str, str], OutputResult], observers: Iterable[Observer]
) -> RunOutcome:
    """The outcome of a run that an earlier process had decided to publish."""
    nodes = {}
    for name in plan.order:
        outputs = tuple(result for (node, _), result in published.items() if node == name)
        nodes[name] = NodeResult(name, Status.SKIPPED, outputs=outputs, note=DONE_BEFORE)
        for observer in observers:
            observer(NodeEnded(nodes[name]))
    return RunOutcome(nodes, is_published=True)


def _stopped_before(plan: Plan, why: str, done: Container[str], observers: Iterable[Observer]) -> RunOutcome:
    """The outcome of a run that was stopped before the first of its nodes began."""
    nodes = {}
    for name in plan.order:
        status, note = (Status.SKIPPED, DONE_BEFORE) if name in done else (Status.CANCELLED, why)
        nodes[name] = NodeResult(name, status, note=note)
        for observer in observers:
            observer(NodeEnded(nodes[name]))
    return RunOutcome(nodes, stopped=why)


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


def _as_json(values: Mapping[str, Any]) -> dict[str, Any] | None:  # Any: JSON
    """Values as a journal keeps them; None if one of them is nothing that JSON holds."""
    try:
        return dict(json.loads(json.dumps(values)))
    except (TypeError, ValueError):
        return None
