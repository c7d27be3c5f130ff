"""Projects in memory, functions to be named in them, and fakes that implement the documented ports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import pytest

from tauro.config import Context
from tauro.config.context import SESSIONS

MODULE = "node_functions"
"""The module in which a test puts its nodes' functions."""


class Functions:
    """What a test's nodes call: attributes set here are functions at `node_functions.<name>`."""

    def __init__(self, module: ModuleType) -> None:
        self.__dict__["module"] = module

    def __setattr__(self, name: str, function: object) -> None:
        setattr(self.module, name, function)


class FakeLoader:
    """Loads, for each id, a text that names it; keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []

    def load_inputs(self, node_config: Mapping[str, Any]) -> list[Any]:
        self.asked.append(node_config)
        return [f"rows of {one}" for one in node_config["input"]]


class FakeManager:
    """Keeps what it is given to save."""

    def __init__(self) -> None:
        self.saved: list[tuple[str, Any, str | None, str | None]] = []
        self.configs: list[Mapping[str, Any]] = []
        self._lock = Lock()

    def save_output(
        self, node_config: Mapping[str, Any], result: Any, start_date: str | None, end_date: str | None
    ) -> None:
        with self._lock:
            self.configs.append(node_config)
            self.saved.append((node_config["name"], result, start_date, end_date))


@pytest.fixture
def fns(monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Takes the functions of a test's nodes."""
    module = ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, module)
    return Functions(module)


@pytest.fixture
def loader() -> FakeLoader:
    return FakeLoader()


@pytest.fixture
def manager() -> FakeManager:
    return FakeManager()


Make = Callable[..., Context]


@pytest.fixture
def no_session() -> Iterator[None]:
    """No Spark is opened: `Context.spark` is None."""
    before = SESSIONS["session"]
    SESSIONS.add("session", lambda context, config: None)
    yield
    SESSIONS.add("session", before)


@pytest.fixture
def make_context(tmp_path: Path) -> Make:
    """Makes a project of one pipeline, `p`, that holds all nodes; a node without function has `node_functions.<name>`.

    The keywords `inputs`, `outputs`, `settings` and `pipelines` are documents, `pipeline` fields of `p`.
    """

    def make(
        nodes: Mapping[str, Mapping[str, Any]],
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        pipeline: Mapping[str, Any] | None = None,
        pipelines: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Context:
        completed = {
            name: node if "function" in node or "sql" in node else {"function": f"{MODULE}.{name}", **node}
            for name, node in nodes.items()
        }
        named = {"p": {"nodes": list(nodes), "requires_dates": False, **(pipeline or {})}}
        return Context(
            dict(settings or {}),
            named if pipelines is None else dict(pipelines),
            completed,
            dict(inputs or {}),
            dict(outputs or {}),
            root=tmp_path,
            **keywords,
        )

    return make
