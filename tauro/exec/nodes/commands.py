"""What the nodes of a plan do with their inputs: the command of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from tauro.config import Context
from tauro.errors import ResultError
from tauro.exec.code.functions import NodeFunction, load_function, parameters_of
from tauro.exec.code.sql import sql_text
from tauro.exec.commands import Command, MLNodeCommand, NodeCommand, SqlCommand
from tauro.exec.nodes.handover import Frame
from tauro.exec.ports import InputPort
from tauro.exec.utils import RawConfig
from tauro.io.input import InputLoader
from tauro.io.sql import run_query, view_name
from tauro.ml.hyperparams import merge_hyperparams
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec, PipelineType
from tauro.model.plan import Plan, PlannedNode
from tauro.model.settings import GlobalSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MlInfo = Mapping[str, Any]
"""`model_version`, `hyperparams` (explicit ones) and `pipeline_config`."""


class NodeCommands:
    """Makes the commands of a plan's nodes, on any thread.

    Args:
        context: the project, with the run's values filled in.
        plan: what runs.
        loader: what has read the inputs.
        ml_info: what machine-learning nodes are told.
        session: the Spark session; None if nothing in the plan needs one.
        node_configs: name -> the node's entry, as machine-learning nodes are told it.
    """

    def __init__(
        self,
        context: Context,
        plan: Plan,
        loader: InputPort,
        *,
        ml_info: MlInfo | None,
        session: SparkSession | None,
        node_configs: Mapping[str, RawConfig],
    ) -> None:
        self._context = context
        self._pipeline = plan.pipeline
        self._loader = loader
        self._ml_info = _completed(ml_info or {}, context.settings)
        self._session = session
        self._configs = node_configs
        self._start = plan.window.start if plan.window else None
        self._end = plan.window.end if plan.window else None
        paths = {node.spec.function for node in plan.nodes.values() if node.spec.function}
        self._functions: dict[str | None, NodeFunction] = {path: load_function(path) for path in paths}

    # Any: what nodes are handed is up to users' code
    def command(self, node: PlannedNode, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Command:
        """A node's command, to be executed once.

        Args:
            node: the node.
            positional: the inputs that it gets by position.
            keywords: the inputs that it gets by keyword.

        Raises:
            ResultError: an input of a SQL node is no DataFrame.
            InvalidValueError: the file of a SQL node can't be read.
        """
        if node.spec.sql is not None:
            return self._sql_command(node, positional, keywords)
        function = self._functions[node.spec.function]
        # a function may change what it is given; the next one may not see it
        taken = {**keywords, **deepcopy(node.spec.params)}
        if not is_told_of_learning(node.spec, function, self._pipeline):
            return NodeCommand(function, positional, self._start, self._end, node.name, keywords=taken)
        return MLNodeCommand(
            function,
            positional,
            self._start,
            self._end,
            node.name,
            self._ml_info.get("model_version"),
            self._ml_info.get("hyperparams"),
            deepcopy(dict(self._configs.get(node.name, {}))),
            deepcopy(self._ml_info.get("pipeline_config")),
            self._session,
            keywords=taken,
        )

    def _sql_command(self, node: PlannedNode, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Command:
        session = self._context.spark
        values = iter(positional)
        frames: dict[str, Any] = {}
        for one in node.inputs:
            value = keywords[one.keyword] if one.keyword is not None else next(values)
            if value is None and one.spec is not None and isinstance(self._loader, InputLoader):
                value = self._loader.empty(one.spec)
            if not isinstance(value, Frame):
                raise ResultError(
                    f"input {one.id!r} of a SQL node is a {type(value).__name__}; expected a DataFrame",
                    where=f"node {node.name!r}",
                )
            frames[one.keyword or view_name(one.id)] = value
        params = {"start_date": self._start, "end_date": self._end, **node.spec.params}
        return SqlCommand(partial(run_query, session), sql_text(self._context, node.spec), frames, params)


def is_told_of_learning(spec: NodeSpec, function: NodeFunction, pipeline: PipelineSpec) -> bool:
    """Whether a node gets an `ml_context` if its function takes one: it asks for it, or its pipeline is about it."""
    asks = bool(spec.hyperparams) or "ml_context" in parameters_of(function).names
    return asks or pipeline.type is PipelineType.ML


def _completed(info: MlInfo, settings: GlobalSettings) -> MlInfo:
    """What nodes are told, with the project's defaults below what a caller says."""
    pipeline = dict(info.get("pipeline_config") or {})
    pipeline["hyperparams"] = merge_hyperparams(settings.default_hyperparams, pipeline.get("hyperparams"))
    version = info.get("model_version") or settings.default_model_version
    return {**info, "model_version": version, "pipeline_config": pipeline}
