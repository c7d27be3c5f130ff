"""What a node does once its inputs are there: call a function, run SQL, or search hyperparameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tauro.errors import MissingExtraError
from tauro.exec.code.functions import NodeFunction, parameters_of
from tauro.ml.hyperparams import merge_hyperparams

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Command(ABC):
    """Something to be done once."""

    @abstractmethod
    def execute(self) -> Any:
        """Does it; what comes back is up to the user's code."""


class NodeCommand(Command):
    """Calls a node's function.

    `start_date` and `end_date` are passed to functions that take them by name or as `**kwargs`.

    Args:
        function: the user's function.
        input_dfs: what it gets by position, in order.
        start_date: the window's start, or None.
        end_date: the window's end, or None.
        node_name: the node.
        keywords: what it gets by keyword: inputs that are named, then parameters.
    """

    def __init__(
        self,
        function: NodeFunction,
        input_dfs: Sequence[Any],
        start_date: str | None,
        end_date: str | None,
        node_name: str,
        *,
        keywords: Mapping[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.input_dfs = list(input_dfs)
        self.start_date = start_date
        self.end_date = end_date
        self.node_name = node_name
        self.keywords = dict(keywords or {})

    def execute(self) -> Any:
        """Calls the function and returns what it returns."""
        return self.function(*self.input_dfs, **self._taken({"start_date": self.start_date, "end_date": self.end_date}))

    def _taken(self, offered: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments: the node's own, and of what is offered that which the function takes."""
        accepted = parameters_of(self.function)
        return {name: value for name, value in offered.items() if name in accepted} | self.keywords


class MLNodeCommand(NodeCommand):
    """Calls a node's function with the context of a machine-learning run.

    Functions that take `ml_context`, by name or as `**kwargs`, get a mapping with `hyperparams`, `model_version`,
    `node_config`, `pipeline_config`, `spark` and `execution` (node, start_date, end_date); others are called plainly.
    Hyperparameters are merged from the pipeline's, the node's and the explicit ones, the later winning. They stand as
    `tauro.ml.<name>` in `ml_context["spark"].conf` too: a session of this node's own, so that nodes which run at the
    same time do not see each other's.

    Args:
        function: the user's function.
        input_dfs: what it gets by position, in order.
        start_date: the window's start, or None.
        end_date: the window's end, or None.
        node_name: the node.
        model_version: the version of the model that the run is about.
        hyperparams: explicit values; they win over all others.
        node_config: the node's entry.
        pipeline_config: the pipeline's entry.
        spark: the session; without one `ml_context["spark"]` is None.
        keywords: what it gets by keyword.
    """

    def __init__(
        self,
        function: NodeFunction,
        input_dfs: Sequence[Any],
        start_date: str | None,
        end_date: str | None,
        node_name: str,
        model_version: str | None,
        hyperparams: Mapping[str, Any] | None = None,
        node_config: Mapping[str, Any] | None = None,
        pipeline_config: Mapping[str, Any] | None = None,
        spark: SparkSession | None = None,
        *,
        keywords: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(function, input_dfs, start_date, end_date, node_name, keywords=keywords)
        self.model_version = model_version
        self.node_config = dict(node_config or {})
        self.pipeline_config = dict(pipeline_config or {})
        self.spark = spark
        self.hyperparams = deepcopy(
            merge_hyperparams(self.pipeline_config.get("hyperparams"), self.node_config.get("hyperparams"), hyperparams)
        )

    def execute(self) -> Any:
        """Calls the function, exactly once, and returns what it returns."""
        offered: dict[str, Any] = {"start_date": self.start_date, "end_date": self.end_date}
        if "ml_context" in parameters_of(self.function):
            offered["ml_context"] = self._ml_context()
        return self.function(*self.input_dfs, **self._taken(offered))

    def _ml_context(self) -> dict[str, Any]:
        return {
            "hyperparams": dict(self.hyperparams),
            "model_version": self.model_version,
            "node_config": self.node_config,
            "pipeline_config": self.pipeline_config,
            "spark": self._own_session(),
            "execution": {"node": self.node_name, "start_date": self.start_date, "end_date": self.end_date},
        }

    def _own_session(self) -> SparkSession | None:
        if self.spark is None:
            return None
        session = self.spark.newSession()
        for name, value in self.hyperparams.items():
            session.conf.set(f"tauro.ml.{name}", str(value))
        return session


class SqlCommand(Command):
    """Runs a SQL node: one query over views that only this node sees.

    Args:
        run_query: runs a query over named frames with bound parameters (`tauro.io.sql.run_query` with its session).
        text: the query.
        frames: view name -> frame.
        params: parameter name -> value.
    """

    def __init__(
        self,
        run_query: Callable[[str, Mapping[str, DataFrame], Mapping[str, Any]], DataFrame],
        text: str,
        frames: Mapping[str, DataFrame],
        params: Mapping[str, Any],
    ) -> None:
        self._run_query = run_query
        self.text = text
        self.frames = dict(frames)
        self.params = dict(params)

    def execute(self) -> DataFrame:
        """The query's result, not computed yet."""
        return self._run_query(self.text, self.frames, self.params)


class ExperimentCommand(Command):
    """Searches the hyperparameters that make an objective smallest, by Bayesian optimisation (`gp_minimize`).

    Args:
        objective_func: takes a list of values, one for each dimension, and returns the number to be minimised.
        space: the dimensions, as scikit-optimize takes them: `[(1e-4, 1e-1, "log-uniform"), (1, 10)]`.
        n_calls: how often the objective is called.
        random_state: a seed, for the same search again; 0 is a seed too.
    """

    def __init__(
        self,
        objective_func: Callable[[list[Any]], float],
        space: Sequence[Any],
        n_calls: int = 20,
        random_state: int | None = None,
    ) -> None:
        self.objective_func = objective_func
        self.space = list(space)
        self.n_calls = n_calls
        self.random_state = random_state

    def execute(self) -> Any:
        """The search's result: an `OptimizeResult` with `x` (the best values), `fun` (their objective) and more.

        Raises:
            MissingExtraError: scikit-optimize is not installed.
        """
        try:
            from skopt import gp_minimize
        except ModuleNotFoundError as error:
            raise MissingExtraError("scikit-optimize", "ml", needed_for="a hyperparameter search") from error
        return gp_minimize(self.objective_func, self.space, n_calls=self.n_calls, random_state=self.random_state)
