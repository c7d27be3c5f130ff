"""One node, or a given order of nodes, with the project's own readers and writers or those of a caller."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest

from tauro.config import Context
from tauro.errors import ConfigError, InvalidValueError, NodeError, UnknownNameError
from tauro.exec.dependency_resolver import DependencyResolver
from tauro.exec.node_executor import NodeExecutor
from tests.unit.exec.conftest import FakeLoader, FakeManager, Functions

Make = Callable[..., Context]
DATES = ("2013-01-01", "2013-01-07")


def run_parallel(
    executor: NodeExecutor, nodes: dict[str, Any], *arguments: Any, order: list[str] | None = None
) -> None:
    dag = DependencyResolver.build_dependency_graph(list(nodes), nodes)
    order = order or DependencyResolver.topological_sort(dag)
    executor.execute_nodes_parallel(order, nodes, dag, *(arguments or (*DATES, None)))


def test_one_node_goes_from_its_inputs_to_its_outputs(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.clean = lambda rows, lookup, start_date, end_date: f"{rows} + {lookup}, {start_date}..{end_date}"
    context = make_context({"clean": {"input": ["raw", "airports"], "output": ["silver"]}})
    assert NodeExecutor(context, loader, manager).execute_single_node("clean", *DATES, None) is None
    assert manager.saved == [("clean", "rows of raw + rows of airports, 2013-01-01..2013-01-07", *DATES)]
    assert loader.asked[0]["input"] == ["raw", "airports"]
    assert manager.configs[0]["output"] == ["silver"]


def test_inputs_by_keyword_are_passed_by_keyword(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.a = lambda *, right, left: (left, right)
    context = make_context({"a": {"input": {"left": "l", "right": "r"}, "output": "x"}})
    NodeExecutor(context, loader, manager).execute_single_node("a")
    assert manager.saved[0][1] == ("rows of l", "rows of r")


def test_params_are_passed_by_keyword(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.a = lambda rows, limit, *, unit="m": (rows, limit, unit)
    context = make_context({"a": {"input": "l", "output": "x", "params": {"limit": 5}}})
    NodeExecutor(context, loader, manager).execute_single_node("a")
    assert manager.saved[0][1] == ("rows of l", 5, "m")


def test_a_callers_loader_gets_inline_entries_as_they_stand(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.a = lambda *rows: None
    fns.b = lambda: "from b"
    entry = {"path": "raw.csv"}
    nodes = {"b": {}, "a": {"input": ["raw", "b", entry]}}
    NodeExecutor(make_context(nodes), loader, manager).execute_single_node("a")
    assert loader.asked[0]["input"] == ["raw", entry]


def test_nodes_hand_on_what_they_return(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    seen = []
    fns.a = lambda: {"model": 1}
    fns.b = lambda: None
    fns.c = lambda b, a: seen.append((b, a))
    nodes = {name: {"function": f"node_functions.{name}"} for name in "ab"}
    nodes["c"] = {"function": "node_functions.c", "dependencies": ["b", "a"]}  # type: ignore[dict-item]  # a list
    assert run_parallel(NodeExecutor(make_context({}, pipelines={}), loader, manager), nodes) is None  # type: ignore[func-returns-value]  # checked
    assert seen == [(None, {"model": 1})]
    assert loader.asked == []


def test_what_a_node_with_outputs_returned_reaches_its_readers_too(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    seen = []
    fns.a = lambda: "rows"
    fns.b = seen.append
    run_parallel(
        NodeExecutor(make_context({}, pipelines={}), loader, manager),
        {
            "a": {"function": "node_functions.a", "output": ["x"]},
            "b": {"function": "node_functions.b", "input": ["a"]},
        },
    )
    assert seen == ["rows"]


def test_entries_that_the_project_does_not_have_are_told_to_the_callers_ports(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.a = lambda rows: rows
    nodes = {"a": {"function": "node_functions.a", "input": ["raw"], "output": ["x"], "description": "given"}}
    run_parallel(NodeExecutor(make_context({}, pipelines={}), loader, manager), nodes)
    assert loader.asked[0]["description"] == manager.configs[0]["description"] == "given"
    assert manager.configs[0]["output"] == ["x"]


def test_the_dag_orders_nodes_that_no_entry_connects(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    began: list[str] = []
    for name in "abc":
        setattr(fns, name, lambda name=name: began.append(name))
    nodes = {name: {"function": f"node_functions.{name}"} for name in "abc"}
    executor = NodeExecutor(make_context({}, pipelines={}), loader, manager, max_workers=3)
    executor.execute_nodes_parallel(["a", "b", "c"], nodes, {"c": {"b"}, "b": {"a"}, "a": set()})
    assert began == ["c", "b", "a"]


def test_nodes_run_in_parallel_up_to_max_workers(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    together = Barrier(2)
    for at in range(6):
        setattr(fns, f"n{at}", lambda: together.wait(10) and None)
    nodes = {f"n{at}": {"function": f"node_functions.n{at}"} for at in range(6)}
    run_parallel(NodeExecutor(make_context({}, pipelines={}), loader, manager, max_workers=2), nodes)


def test_the_root_cause_of_a_failure_is_chained(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    def fails() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    fns.a = fails
    fns.b = lambda rows: None
    context = make_context({"a": {}, "b": {"input": ["a"]}})
    executor = NodeExecutor(context, loader, manager)
    calls: list[Callable[[], None]] = [
        lambda: executor.execute_single_node("a"),
        lambda: run_parallel(executor, dict(context.nodes_config)),
    ]
    for call in calls:
        with pytest.raises(NodeError, match=r"node 'a' failed in attempt 1.*ValueError: outer") as caught:
            call()
        assert isinstance(caught.value.__cause__, ValueError)
        assert isinstance(caught.value.__cause__.__cause__, KeyError)


def test_a_failed_save_is_the_nodes_failure(make_context: Make, fns: Functions, loader: FakeLoader) -> None:
    class Broken:
        def save_output(self, node_config: Any, result: Any, start_date: Any, end_date: Any) -> None:
            raise OSError("disk full")

    fns.a = lambda: "rows"
    with pytest.raises(NodeError, match="disk full") as caught:
        NodeExecutor(make_context({"a": {"output": "x"}}), loader, Broken()).execute_single_node("a")
    assert isinstance(caught.value.__cause__, OSError)


def test_none_for_an_output_is_an_error_and_nothing_is_saved(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.a = lambda: None
    with pytest.raises(NodeError, match=r"returned None for output 'x'") as caught:
        NodeExecutor(make_context({"a": {"output": "x"}}), loader, manager).execute_single_node("a")
    assert "node 'a'" in str(caught.value)
    assert manager.saved == []


def test_a_node_that_writes_nothing_may_return_none(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    fns.a = lambda: None
    NodeExecutor(make_context({"a": {}}), loader, manager).execute_single_node("a")


def test_one_node_runs_with_what_it_needs_that_is_stored_nowhere(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    ran: list[str] = []
    for name in ("a", "b", "c", "apart"):
        setattr(fns, name, lambda *rows, name=name: ran.append(name))
    context = make_context({"c": {"input": ["b"]}, "b": {"dependencies": "a"}, "a": {}, "apart": {}})
    NodeExecutor(context, loader, manager).execute_single_node("b")
    assert ran == ["a", "b"]


def test_one_node_gets_the_runs_own_values(
    make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
) -> None:
    seen: list[Any] = []
    fns.a = lambda first, run: seen.append((first, run))
    context = make_context({"a": {"params": {"first": "${start_date}", "run": "${run_id}"}}})
    NodeExecutor(context, loader, manager).execute_single_node("a", *DATES)
    assert seen[0][0] == "2013-01-01"
    assert len(seen[0][1]) > 8


def test_the_dates_of_a_node_are_those_given(make_context: Make, fns: Functions) -> None:
    seen: list[Any] = []
    fns.a = lambda start_date, end_date: seen.append((start_date, end_date))
    executor = NodeExecutor(make_context({"a": {}}))
    executor.execute_single_node("a", "2013-01-01T06:00+02:00", "2013-01-02")
    executor.execute_single_node("a")
    assert seen == [("2013-01-01T04:00:00", "2013-01-02T00:00:00"), (None, None)]
    with pytest.raises(InvalidValueError, match="only one of start and end"):
        executor.execute_single_node("a", "2013-01-01")


def test_unknown_nodes_are_errors_with_suggestions(make_context: Make, fns: Functions) -> None:
    executor = NodeExecutor(make_context({"extract": {}}))
    with pytest.raises(UnknownNameError, match="did you mean 'extract'"):
        executor.execute_single_node("extrat")
    with pytest.raises(UnknownNameError, match="did you mean 'extract'"):
        executor.execute_nodes_parallel(["extrat"], {"extract": {}}, {})


def test_all_that_is_wrong_is_said_before_anything_runs(make_context: Make, fns: Functions) -> None:
    ran: list[str] = []
    fns.right = lambda: ran.append("right")
    fns.wrong = lambda a, b: ran.append("wrong")
    nodes = {
        "right": {"function": "node_functions.right"},
        "wrong": {"function": "node_functions.wrong", "dependencies": ["right"]},
        "lost": {"function": "node_functions.lost"},
    }
    with pytest.raises(ConfigError) as caught:
        run_parallel(NodeExecutor(make_context({}, pipelines={})), nodes)
    assert "missing a required argument: 'b'" in str(caught.value)
    assert "has no attribute 'lost'" in str(caught.value)
    assert ran == []


@pytest.mark.parametrize("workers", [0, -1])
def test_at_least_one_worker_is_needed(make_context: Make, workers: int) -> None:
    with pytest.raises(InvalidValueError, match="max_workers"):
        NodeExecutor(make_context({"a": {}}), max_workers=workers)


class TestMachineLearning:
    def test_a_node_that_takes_ml_context_gets_what_ml_info_says(
        self, make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager, no_session: None
    ) -> None:
        seen: dict[str, Any] = {}
        fns.train = lambda ml_context: seen.update(ml_context)
        context = make_context(
            {"train": {"hyperparams": {"b": "node", "c": "node", "d": "node"}}},
            settings={"default_hyperparams": dict.fromkeys("abcde", "default")},
        )
        info = {
            "model_version": "v2",
            "hyperparams": {"d": "explicit"},
            "pipeline_config": {"hyperparams": {"b": "pipeline", "e": "pipeline"}, "type": "ml"},
        }
        NodeExecutor(context, loader, manager).execute_single_node("train", *DATES, info)
        assert seen["hyperparams"] == {
            "a": "default",
            "b": "node",
            "c": "node",
            "d": "explicit",
            "e": "pipeline",
        }
        assert seen["model_version"] == "v2"
        assert seen["pipeline_config"]["type"] == "ml"
        assert seen["node_config"]["hyperparams"]["b"] == "node"
        assert seen["execution"] == {"node": "train", "start_date": DATES[0], "end_date": DATES[1]}

    def test_the_projects_defaults_hold_without_ml_info(
        self, make_context: Make, fns: Functions, no_session: None
    ) -> None:
        seen: dict[str, Any] = {}
        fns.train = lambda ml_context: seen.update(ml_context)
        settings = {"default_hyperparams": {"a": 1}, "default_model_version": "v0"}
        NodeExecutor(make_context({"train": {}}, settings=settings)).execute_single_node("train")
        assert (seen["hyperparams"], seen["model_version"]) == ({"a": 1}, "v0")

    def test_functions_with_any_keywords_get_no_context_outside_machine_learning(
        self, make_context: Make, fns: Functions
    ) -> None:
        seen: list[Any] = []
        fns.a = lambda **others: seen.append(sorted(others))
        NodeExecutor(make_context({"a": {}})).execute_single_node("a")
        assert seen == [["end_date", "start_date"]]


def test_a_caller_may_run_nodes_from_many_threads(make_context: Make, fns: Functions) -> None:
    together = Barrier(4)
    fns.a = lambda: together.wait(10) and None
    executor = NodeExecutor(make_context({"a": {}}))
    threads = [Thread(target=executor.execute_single_node, args=("a",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not together.broken


def test_the_dates_of_the_settings_complete_those_given(make_context: Make, fns: Functions) -> None:
    seen: list[Any] = []
    fns.a = lambda start_date, end_date: seen.append((start_date, end_date))
    context = make_context({"a": {}}, settings={"start_date": "2013-01-01", "end_date": "2013-01-07"})
    NodeExecutor(context).execute_single_node("a")
    NodeExecutor(context).execute_nodes_parallel(["a"], context.nodes, {"a": set()}, end_date="2013-01-02")
    assert seen == [("2013-01-01", "2013-01-07"), ("2013-01-01", "2013-01-02")]


def test_what_a_run_would_refuse_is_refused_for_nodes_too(
    make_context: Make, fns: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    fns.a = lambda: None
    with pytest.raises(ConfigError, match="mode connect needs a server"):
        NodeExecutor(make_context({"a": {}}, settings={"mode": "connect"})).execute_single_node("a")


def test_a_function_that_changes_its_params_changes_them_for_itself_alone(make_context: Make, fns: Functions) -> None:
    seen: list[list[str]] = []

    def a(columns: list[str]) -> None:
        columns.append("z")
        seen.append(columns)

    fns.a = a
    executor = NodeExecutor(make_context({"a": {"params": {"columns": ["x"]}}}))
    executor.execute_single_node("a")
    executor.execute_single_node("a")
    assert seen == [["x", "z"], ["x", "z"]]


def test_what_a_failed_attempt_returned_is_closed(make_context: Make, fns: Functions) -> None:
    class Cursor:
        closed = 0

        def close(self) -> None:
            Cursor.closed += 1

    fns.a = Cursor
    manager = FakeManager()
    manager.save_output = lambda *_: (_ for _ in ()).throw(OSError("disk full"))  # type: ignore[method-assign]
    with pytest.raises(NodeError):
        NodeExecutor(make_context({"a": {"output": "x"}}), output_manager=manager).execute_single_node("a")
    assert Cursor.closed == 1
