"""Runs that write one output, from Python: the second is refused before it does anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tauro.config import Context
from tauro.errors import OutputHeldError, RunFailedError, RunInterruptedError
from tauro.exec.executor import BaseExecutor
from tauro.exec.node_executor import NodeExecutor
from tests.unit.exec.conftest import FakeLoader, FakeManager, Functions

Make = Callable[..., Context]
WEEKS = (("2013-01-01", "2013-01-07"), ("2013-01-08", "2013-01-14"))
BY_WINDOW = {"overwrite_scope": "window", "window_column": "day", "partition_by": ["day"]}


@pytest.fixture
def executor(loader: FakeLoader, manager: FakeManager) -> Callable[[Context], BaseExecutor]:
    return lambda context: BaseExecutor(context, loader, manager)


def test_while_a_run_goes_on_others_are_refused_and_afterwards_nothing_is_left(
    make_context: Make, fns: Functions, executor: Any, loader: FakeLoader, manager: FakeManager, tmp_path: Path
) -> None:
    refused: list[BaseException] = []
    told: list[Any] = []

    def a() -> int:
        nodes = NodeExecutor(context, loader, manager)
        for other in (
            lambda: executor(context).execute_pipeline("p", observers=[told.append]),
            lambda: nodes.execute_single_node("a"),
            lambda: nodes.execute_nodes_parallel(["a"], context.nodes_config, {"a": set()}),
        ):
            with pytest.raises(OutputHeldError, match=r"'x' .*is held by run r-1 of pipeline 'p'") as caught:
                other()
            refused.append(caught.value)
        return 1

    fns.a = a
    context = make_context({"a": {"output": ["x"]}}, settings={"output_path": "out"})
    executor(context).execute_pipeline("p", run_id="r-1")
    assert len(refused) == 3
    assert told == []  # such a run has not begun
    assert [name for name, *_ in manager.saved] == ["a"]
    assert not (tmp_path / "out" / "_tauro").exists()


def test_a_run_that_fails_gives_its_outputs_back(
    make_context: Make, fns: Functions, executor: Any, tmp_path: Path
) -> None:
    def fails() -> None:
        assert (tmp_path / "out" / "_tauro" / "leases" / "x.json").exists()
        raise ValueError

    fns.a = fails
    context = make_context({"a": {"output": ["x"]}}, settings={"output_path": "out"})
    with pytest.raises(RunFailedError):
        executor(context).execute_pipeline("p")
    assert not (tmp_path / "out" / "_tauro").exists()


def test_other_windows_of_a_windowed_output_go_on_at_once(make_context: Make, fns: Functions, executor: Any) -> None:
    ran: list[str] = []

    def a(start_date: str) -> int:
        ran.append(start_date)
        if start_date == WEEKS[0][0]:
            executor(context).execute_pipeline("p", *WEEKS[1])
            with pytest.raises(OutputHeldError, match="2013-01-01T00:00:00"):
                executor(context).execute_pipeline("p", "2013-01-07", "2013-01-14")
        return 1

    fns.a = a
    context = make_context({"a": {"output": ["x"]}}, outputs={"x": BY_WINDOW})
    executor(context).execute_pipeline("p", *WEEKS[0])
    assert ran == [WEEKS[0][0], WEEKS[1][0]]


def test_a_stop_that_ends_waiting_is_not_meant_for_the_next_run(
    make_context: Make, fns: Functions, executor: Any
) -> None:
    def a() -> int:
        waiting.cancel("enough")
        with pytest.raises(RunInterruptedError, match="while it waited for an output: enough"):
            waiting.execute_pipeline("p", wait_s=600)
        return 1

    fns.a = a
    context = make_context({"a": {"output": ["x"]}})
    waiting = executor(context)
    executor(context).execute_pipeline("p")
    fns.a = lambda: 1
    assert waiting.execute_pipeline("p").is_completed
