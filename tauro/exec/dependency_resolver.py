"""The documented face of the graph: from raw node configurations to an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from tauro.errors import ConfigError, InvalidValueError, Problem, UnknownNameError
from tauro.exec.planning.wiring import wire
from tauro.exec.utils import RawConfig, normalize_dependencies
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.node import InputRef, NodeSpec, OutputRef
from tauro.scheduling.graph import dependents, topological_order


class DependencyResolver:
    """Dependencies between nodes, declared or implied by the data they read; called on the class."""

    @staticmethod
    def build_dependency_graph(
        pipeline_nodes: Sequence[object], node_configs: Mapping[str, RawConfig | NodeSpec]
    ) -> dict[str, set[str]]:
        """Node -> the nodes that depend on it.

        A node depends on those it declares, and on those whose output it reads, by output id, by node name or by the
        location of an inline entry.

        Args:
            pipeline_nodes: the pipeline's nodes: names or one-key mappings.
            node_configs: name -> entry of `nodes_config`; entries of other nodes are ignored.

        Raises:
            UnknownNameError: a node has no entry.
            ConfigError: entries that do not fit; all are named.
        """
        names = normalize_dependencies(pipeline_nodes)
        for name in names:
            if name not in node_configs:
                raise UnknownNameError("node", name, list(node_configs))
        nodes = {name: as_node_spec(name, node_configs[name]) for name in names}
        wiring = wire(nodes, _inline_input, _inline_output, knows_all_inputs=False)  # input_config is not at hand here
        if wiring.faults:
            raise ConfigError([fault.as_problem(None, None) for fault in wiring.faults])
        return {name: set(followers) for name, followers in dependents(wiring.graph).items()}

    @staticmethod
    def topological_sort(dag: Mapping[str, set[str]]) -> list[str]:
        """The nodes so that each precedes its dependents; where several may come next, in the order of `dag`.

        Args:
            dag: node -> its dependents.

        Raises:
            CycleError: dependencies lead back to where they began; the message holds the path.
        """
        graph: dict[str, list[str]] = {node: [] for node in dag}
        for node, followers in dag.items():
            for follower in sorted(followers):
                graph.setdefault(follower, []).append(node)
        return topological_order(graph)

    @staticmethod
    def get_node_dependencies(node_config: RawConfig | NodeSpec) -> list[str]:
        """The nodes that an entry declares as its dependencies, in order.

        Raises:
            InvalidValueError: a dependency is neither a name nor a one-key mapping.
        """
        if isinstance(node_config, NodeSpec):
            return list(node_config.dependencies)
        return normalize_dependencies(node_config.get("dependencies"))


def as_node_spec(name: str, config: RawConfig | NodeSpec) -> NodeSpec:
    """The entry as a spec.

    Only the fields that connect nodes count for an entry that lacks a function: such a fragment is completed.

    Raises:
        InvalidValueError: a dependency is neither a name nor a one-key mapping.
        ConfigError: the entry is wrong otherwise.
    """
    if isinstance(config, NodeSpec):
        return config
    normalize_dependencies(config.get("dependencies"))
    fields = {field: value for field, value in config.items() if field != "name"}
    if "function" not in fields and "sql" not in fields:
        fields["function"] = name
    try:
        return NodeSpec.parse(name, fields)
    except ValidationError as error:
        problems = [
            Problem(f"{'.'.join(map(str, part['loc']))}: {part['msg']}", where=f"node {name!r}")
            for part in error.errors(include_url=False)
        ]
        raise ConfigError(problems) from error
    except ValueError as error:
        raise InvalidValueError(str(error), where=f"node {name!r}") from error


def _inline_input(ref: InputRef) -> InputSpec | None:
    return ref.inline


def _inline_output(ref: OutputRef) -> OutputSpec | None:
    return ref.inline
