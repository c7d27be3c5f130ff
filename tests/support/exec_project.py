"""A project in memory whose nodes call functions that the test defines, run on the session of the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tauro.config import Context
from tauro.exec.executor import BaseExecutor
from tauro.exec.node_executor import NodeExecutor
from tauro.model.outcome import RunResult

MODULE = "project_functions"


class ExecProject:
    """Pipelines of one set of documents after another, in one folder.

    Args:
        root: the project's folder.
        module: where the nodes' functions are put.
    """

    def __init__(self, root: Path, module: ModuleType) -> None:
        self.root = root
        self._module = module

    def function(self, function: Callable[..., Any], name: str | None = None) -> str:
        """The dotted path of a function, for use in a node."""
        name = name or f"{function.__name__.strip('<>')}_{len(vars(self._module))}"
        setattr(self._module, name, function)
        return f"{MODULE}.{name}"

    def context(self, nodes: Mapping[str, Any], **documents: Mapping[str, Any]) -> Context:
        """A project of one pipeline, `p`; a node's `function` may be the function itself.

        Args:
            nodes: name -> a function, or an entry.
            documents: `inputs`, `outputs`, `settings`, and `pipeline` for fields of `p`.
        """
        entries = {}
        for name, node in nodes.items():
            entry = dict(node) if isinstance(node, Mapping) else {"function": node}
            if callable(entry.get("function")):
                entry["function"] = self.function(entry["function"])
            entries[name] = entry
        pipeline = {"nodes": list(nodes), "requires_dates": False, **documents.get("pipeline", {})}
        return Context(
            documents.get("settings", {}),
            {"p": pipeline},
            entries,
            documents.get("inputs", {}),
            documents.get("outputs", {}),
            root=self.root,
        )

    def run(self, nodes: Mapping[str, Any], *dates: str, **documents: Mapping[str, Any]) -> RunResult:
        """The result of a run of all nodes."""
        return BaseExecutor(self.context(nodes, **documents)).execute_pipeline("p", *dates)

    def run_node(self, name: str, nodes: Mapping[str, Any], *dates: str, **documents: Mapping[str, Any]) -> None:
        """Runs one node."""
        NodeExecutor(self.context(nodes, **documents)).execute_single_node(name, *dates)


@contextmanager
def exec_project(root: Path) -> Iterator[ExecProject]:
    """A project whose functions are importable for as long as the block lasts."""
    module = sys.modules[MODULE] = ModuleType(MODULE)
    try:
        yield ExecProject(root, module)
    finally:
        del sys.modules[MODULE]
