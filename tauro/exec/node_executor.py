"""Runs nodes: one by itself, a given order of them, or a whole plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from tauro.config import Context
from tauro.config.collector import collector_paused
from tauro.errors import ConfigError, InvalidValueError, RunInterruptedError, Severity, UnknownNameError
from tauro.exec.checks.nodes import check_nodes
from tauro.exec.checks.preflight import refusals
from tauro.exec.code.functions import import_from, load_function, parameters_of
from tauro.exec.dependency_resolver import as_node_spec
from tauro.exec.nodes.commands import MlInfo, is_told_of_learning
from tauro.exec.nodes.work import NodeWork
from tauro.exec.planning.plan import plan_nodes, run_window, windows_missing
from tauro.exec.planning.resolution import ResolvedPipeline, wire_nodes
from tauro.exec.planning.selection import EVERYTHING, Selection
from tauro.exec.ports import InputPort, OutputPort
from tauro.exec.runs.held_run import HeldRun, held_run
from tauro.exec.runs.loop import RunLoop
from tauro.exec.runs.plan_run import PlanRun
from tauro.exec.utils import RawConfig
from tauro.io.input import InputLoader
from tauro.io.output import OutputManager
from tauro.io.overlay import Overlay
from tauro.model.events import Observer
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec
from tauro.model.plan import Origin, Plan
from tauro.model.run_id import new_run_id
from tauro.scheduling.graph import reachable, remaining_path
from tauro.scheduling.machine import RunMachine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


DONE_BEFORE = "done by an earlier process of the run"
"""Why a node of a run that is carried on is skipped."""


class NodeExecutor:
    """Runs nodes of a project.

    Args:
        context: the project.
        input_loader: reads inputs; Tauro's own if None.
        output_manager: writes outputs; Tauro's own if None.
        max_workers: nodes at once, at most.
    """

    def __init__(
        self,
        context: Context,
        input_loader: InputPort | None = None,
        output_manager: OutputPort | None = None,
        max_workers: int = 4,
    ) -> None:
        if max_workers < 1:
            raise InvalidValueError(f"max_workers is {max_workers}; at least one is needed")
        self._context = context
        self._input_loader = input_loader
        self._output_manager = output_manager
        self._max_workers = max_workers

    def execute_single_node(
        self,
        node_name: str,
        start_date: str | None = None,
        end_date: str | None = None,
        ml_info: MlInfo | None = None,
    ) -> None:
        """Runs one node, and those it needs whose results are stored nowhere; its outputs are published on return.

        Args:
            node_name: an entry of `nodes_config`.
            start_date: the window's start, an ISO date (inclusive) or date-time.
            end_date: the window's end, an ISO date (inclusive) or date-time (exclusive).
            ml_info: `model_version`, `hyperparams` and `pipeline_config` for machine-learning nodes.

        Raises:
            UnknownNameError: there is no such node.
            ConfigError: something about the node does not fit.
            NodeError: it failed; the root cause is chained.
        """
        if node_name not in self._context.nodes_config:
            raise UnknownNameError("node", node_name, list(self._context.nodes_config))
        run_id = new_run_id()
        context = self._context.for_run(run_window(self._context, start_date, end_date), run_id)
        nodes = {name: context.nodes[name] for name in _with_producers(context, node_name)}
        self._run(context, nodes, ml_info, Selection(nodes=(node_name,)), run_id=run_id)

    def execute_nodes_parallel(
        self,
        execution_order: Sequence[str],
        node_configs: Mapping[str, RawConfig | NodeSpec],
        dag: Mapping[str, set[str]],
        start_date: str | None = None,
        end_date: str | None = None,
        ml_info: MlInfo | None = None,
    ) -> None:
        """Runs nodes in parallel, each as soon as all it depends on is done.

        Args:
            execution_order: the nodes to run; among those that are ready the longest remaining path goes first, then
                this order decides.
            node_configs: name -> entry of `nodes_config`.
            dag: node -> the nodes that depend on it, as `DependencyResolver.build_dependency_graph` gives it.
            start_date: the window's start, an ISO date (inclusive) or date-time.
            end_date: the window's end, an ISO date (inclusive) or date-time (exclusive).
            ml_info: `model_version`, `hyperparams` and `pipeline_config` for machine-learning nodes.

        Raises:
            UnknownNameError: a node has no entry.
            ConfigError: something about the nodes does not fit; all of it is named.
            NodeError: a node failed; the root cause is chained.
        """
        for name in execution_order:
            if name not in node_configs:
                raise UnknownNameError("node", name, list(node_configs))
        nodes = {name: as_node_spec(name, node_configs[name]) for name in execution_order}
        run_id = new_run_id()
        context = self._context.for_run(run_window(self._context, start_date, end_date), run_id)
        given = {name: config for name, config in node_configs.items() if isinstance(config, Mapping)}
        configs = {**context.nodes_config, **given}
        self._run(context, nodes, ml_info, EVERYTHING, run_id=run_id, dag=dag, configs=configs)

    def run_plan(
        self,
        plan: Plan,
        context: Context,
        *,
        run_id: str,
        ml_info: MlInfo | None = None,
        observers: Iterable[Observer] = (),
        node_configs: Mapping[str, RawConfig] | None = None,
        held: HeldRun | None = None,
        keeps: bool = False,
    ) -> PlanRun:
        """A plan, ready to be run.

        Args:
            plan: what runs; `max_workers` is the plan's own here.
            context: the project, with the run's values filled in.
            run_id: the run's id.
            ml_info: `model_version`, `hyperparams` and `pipeline_config` for machine-learning nodes.
            observers: told of every event.
            node_configs: name -> the node's entry, where those of the project do not hold.
            held: the leases and the journal of the run, and what an earlier process of it has done; the leases are
                told of the session, and asked right before anything is published.
            keeps: whether what is staged stays where it lies, if the run ends without publishing it.
        """
        overlay = Overlay()
        loader = self._input_loader or InputLoader(context, overlay, held.versions if held else None)
        manager = self._output_manager or OutputManager(context)
        session = context.open_spark(plan.pipeline.spark_config) if self._needs_spark(plan) else None
        before_publish: Callable[[], object] = _nothing
        if held is not None:
            held.leases.note_session(session)
            before_publish = held.leases.check
        work = NodeWork(
            context,
            plan,
            loader,
            manager,
            ml_info=ml_info,
            run_id=run_id,
            session=session,
            node_configs=node_configs,
            overlay=overlay,
            before_publish=before_publish,
            journal=held.journal if held else None,
            versions=held.versions if held else None,
        )
        done = held.carried.done if held else {}
        work.adopt(done)
        machine = RunMachine(plan.on_failure, plan.breaker)
        ranks = remaining_path(plan.order, {name: plan.nodes[name].dependencies for name in plan.order})
        for name in plan.order:
            node = plan.nodes[name]
            machine.add(name, node.dependencies, node.retry, ranks[name])
        observers = tuple(observers)
        loop = RunLoop(
            machine,
            work,
            max_workers=plan.max_workers,
            timeouts={name: node.timeout_s for name, node in plan.nodes.items()},
            observers=observers,
            pipeline=plan.pipeline.name or None,
            run_id=run_id,
            redact=context.redact,
            skipped={name: DONE_BEFORE for name in plan.order if name in done},
        )
        journal = held.journal.journal if held and held.journal else None
        return PlanRun(loop, work, _settings(session, plan), observers, before_publish, journal, keeps=keeps)

    @property
    def keeps_journal(self) -> bool:
        """Whether Tauro itself writes the outputs, and so knows what is staged where."""
        return self._output_manager is None or isinstance(self._output_manager, OutputManager)

    def _run(
        self,
        context: Context,
        nodes: Mapping[str, NodeSpec],
        ml_info: MlInfo | None,
        selection: Selection,
        *,
        run_id: str,
        dag: Mapping[str, set[str]] | None = None,
        configs: Mapping[str, RawConfig] | None = None,
    ) -> None:
        """Runs nodes that belong to no pipeline, and raises what the first of them to fail raised."""
        import_from(context.root)
        with collector_paused():
            wiring, problems = wire_nodes(context, nodes, knows_all_inputs=self._input_loader is None, dag=dag)
            problems += check_nodes(context, nodes, wiring.inputs)
            errors = [one for one in problems if one.severity is Severity.ERROR]
            pipeline = PipelineSpec(nodes=tuple(nodes), requires_dates=False)
            resolved = ResolvedPipeline(pipeline, nodes, wiring, ())
            if context.window is None:
                errors += windows_missing(context, resolved)
            errors += [one for one in refusals(context, pipeline) if one.severity is Severity.ERROR]
            if errors:
                raise ConfigError(errors)
            plan = plan_nodes(context, resolved, context.window, selection, max_workers=self._max_workers)
        with held_run(context, plan, run_id, asked=None, ml_info=ml_info, keeps_journal=self.keeps_journal) as held:
            with collector_paused():
                run = self.run_plan(plan, context, run_id=run_id, ml_info=ml_info, node_configs=configs, held=held)
            outcome = run.run()
            held.is_done = outcome.is_published
        for error in (*outcome.errors.values(), outcome.failure):
            if error is not None:
                raise error
        if not outcome.is_published and outcome.stopped is not None:
            raise RunInterruptedError(outcome.stopped)

    def _needs_spark(self, plan: Plan) -> bool:
        """Whether a session must be there before the first node starts."""
        for node in plan.nodes.values():
            reads = self._input_loader is None and any(one.origin is not Origin.RETURNED for one in node.inputs)
            writes = self._output_manager is None and bool(node.outputs)
            if reads or writes or node.spec.sql is not None:
                return True
        by_function = {node.spec.function: node.spec for node in plan.nodes.values() if not node.spec.hyperparams}
        by_hyperparams = [node.spec for node in plan.nodes.values() if node.spec.hyperparams]
        return any(_is_handed_spark(spec, plan.pipeline) for spec in (*by_function.values(), *by_hyperparams))


def _nothing() -> None:
    """What is asked before publishing where nobody holds a lease."""


def _with_producers(context: Context, node_name: str) -> list[str]:
    """The node and all it depends on, in the project's order."""
    nodes = dict(context.nodes)
    wiring, _ = wire_nodes(context, nodes, knows_all_inputs=False)
    needed = reachable([node_name], wiring.graph)
    return [name for name in context.nodes_config if name in needed]


def _is_handed_spark(spec: NodeSpec, pipeline: PipelineSpec) -> bool:
    """Whether the node's function gets the session by its `ml_context`."""
    if spec.function is None:
        return False
    function = load_function(spec.function)
    return "ml_context" in parameters_of(function) and is_told_of_learning(spec, function, pipeline)


def _settings(session: SparkSession | None, plan: Plan) -> AbstractContextManager[None]:
    """Gives the session the pipeline's settings for as long as the plan runs."""
    if session is None or not plan.pipeline.spark_config:
        return nullcontext()
    from tauro.spark.runtime import runtime_settings

    return runtime_settings(session, plan.pipeline.spark_config)
