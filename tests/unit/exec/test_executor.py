"""A whole run of a pipeline, in memory or with a caller's readers and writers."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from loguru import logger

import tauro
from tauro.config import Context
from tauro.config.context import SESSIONS
from tauro.errors import (
    ConfigError,
    InvalidValueError,
    NodeError,
    RunFailedError,
    RunInterruptedError,
    UnknownNameError,
)
from tauro.exec.executor import BaseExecutor, BatchExecutor
from tauro.exec.planning.selection import Selection
from tauro.exec.runs import loop as run_loop
from tauro.model.events import Event as Event_
from tauro.model.events import NodeEnded, NodeStarted, RunEnded, RunStarted
from tauro.model.outcome import RunResult, Status
from tauro.spark.stops import whom_to_ask
from tests.unit.exec.conftest import FakeLoader, FakeManager, Functions

Make = Callable[..., Context]
WAIT_S = 10


def fails(error: BaseException) -> Callable[..., None]:
    def function(*rows: Any) -> None:
        raise error

    return function


def failed(context: Context, **keywords: Any) -> RunFailedError:
    with pytest.raises(RunFailedError) as caught:
        BaseExecutor(context).execute_pipeline("p", **keywords)
    return caught.value


class TestResult:
    def test_a_run_reads_calls_and_writes_every_node(
        self, make_context: Make, fns: Functions, loader: FakeLoader, manager: FakeManager
    ) -> None:
        fns.a = lambda rows: f"clean {rows}"
        fns.b = lambda rows: f"joined {rows}"
        context = make_context(
            {"b": {"input": ["a"], "output": ["y"]}, "a": {"input": ["raw"], "output": ["x"]}},
            inputs={"raw": {"format": "memory"}},
        )
        result = BaseExecutor(context, loader, manager).execute_pipeline("p", "2013-01-01", "2013-01-07")
        assert [one[:2] for one in manager.saved] == [("a", "clean rows of raw"), ("b", "joined clean rows of raw")]
        assert manager.saved[0][2:] == ("2013-01-01", "2013-01-07")
        assert result.is_completed
        assert [node.name for node in result.nodes] == ["a", "b"]

    def test_the_result_tells_all_about_the_run(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: 1
        context = make_context({"a": {}}, pipeline={"requires_dates": True})
        result = BaseExecutor(context).execute_pipeline("p", "2013-01-01", "2013-01-07", run_id="r-7")
        assert isinstance(result, RunResult)
        assert (result.run_id, result.pipeline, result.status, result.error) == ("r-7", "p", "completed", None)
        assert result.window is not None
        assert (result.window.start, result.window.end) == ("2013-01-01", "2013-01-07")
        assert result.duration_s > 0
        assert (result.node("a").status, result.node("a").attempts, result.node("a").outputs) == ("completed", 1, ())

    def test_run_ids_are_each_their_own(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: 1
        executor = BaseExecutor(make_context({"a": {}}))
        assert len({executor.execute_pipeline("p").run_id for _ in range(3)}) == 3

    def test_a_part_of_the_graph_runs(self, make_context: Make, fns: Functions) -> None:
        fns.a = fns.b = fns.c = lambda *rows: 1
        context = make_context({"a": {}, "b": {"input": ["a"]}, "c": {"input": ["b"]}})
        result = BaseExecutor(context).execute_pipeline("p", selection=Selection(nodes=("b",)))
        assert [node.name for node in result.nodes] == ["a", "b"]

    def test_events_tell_the_run_on_the_calling_thread(self, make_context: Make, fns: Functions) -> None:
        from threading import current_thread

        fns.a = lambda: 1
        told: list[Any] = []
        threads = set()

        def observe(event: Any) -> None:
            told.append(event)
            threads.add(current_thread())

        result = BaseExecutor(make_context({"a": {}})).execute_pipeline("p", observers=[observe])
        assert [type(event) for event in told] == [RunStarted, NodeStarted, NodeEnded, RunEnded]
        assert told[0].plan.order == ("a",)
        assert told[-1].result == result
        assert threads == {current_thread()}

    def test_the_same_run_from_python(self, tmp_path: Path, fns: Functions) -> None:
        seen: list[Any] = []
        fns.a = lambda start_date, word: seen.append((start_date, word))
        documents = {
            "pipelines_config": {"p": {"nodes": ["a"]}},
            "nodes_config": {"a": {"function": "node_functions.a", "params": {"word": "${word}"}}},
            "global_settings": {"variables": {"word": "base"}},
        }
        (tmp_path / "tauro.yml").write_text(json.dumps(documents))
        for project in (tmp_path, str(tmp_path / "tauro.yml"), Context.from_project(tmp_path)):
            result = tauro.run(project, pipeline="p", start="2013-01-01", end="2013-01-02")
            assert result.is_completed
        tauro.run(tmp_path, pipeline="p", start="2013-01-01", end="2013-01-02", variables={"word": "mine"})
        assert seen == [("2013-01-01", "base")] * 3 + [("2013-01-01", "mine")]


class TestFailures:
    def test_the_root_cause_is_chained_whole(self, make_context: Make, fns: Functions) -> None:
        root = KeyError("inner")
        outer = ValueError("wrong rows")
        outer.__cause__ = root
        fns.a = fails(outer)
        error = failed(make_context({"a": {}}))
        assert isinstance(error.__cause__, NodeError)
        assert error.__cause__.__cause__ is outer
        assert outer.__cause__ is root
        text = "".join(traceback.format_exception(error))
        assert "KeyError: 'inner'" in text
        assert "in function" in text
        assert (error.__cause__.node, error.__cause__.pipeline, error.__cause__.attempt) == ("a", "p", 1)
        assert "node 'a' of pipeline 'p' failed in attempt 1" in str(error)

    def test_the_result_tells_every_node(self, make_context: Make, fns: Functions) -> None:
        fns.a = fails(ValueError("wrong rows"))
        fns.b = fns.c = lambda *rows: 1
        told: list[Any] = []
        error = failed(
            make_context({"a": {}, "b": {"input": ["a"]}, "c": {}}, pipeline={"on_failure": "continue"}),
            observers=[told.append],
        )
        result = error.result
        assert isinstance(result, RunResult)
        assert {node.name: node.status.value for node in result.nodes} == {
            "a": "failed",
            "b": "cancelled",
            "c": "completed",
        }
        assert result.status is Status.FAILED
        assert result.error == result.node("a").error
        assert result.error is not None
        assert (result.error.type, result.error.message) == ("ValueError", "wrong rows")
        assert (result.error.node, result.error.attempt, result.error.kind) == ("a", 1, "other")
        assert told[-1] == RunEnded(result)

    @pytest.mark.parametrize(
        ("errors", "is_transient"),
        [
            ((ConnectionResetError(), TimeoutError()), True),
            ((ConnectionResetError(), ValueError()), False),
            ((ImportError(), ConnectionResetError()), False),
        ],
    )
    def test_a_run_is_transient_if_every_root_cause_is(
        self, make_context: Make, fns: Functions, errors: tuple[Exception, ...], is_transient: bool
    ) -> None:
        fns.a, fns.b = map(fails, errors)
        context = make_context({"a": {}, "b": {}}, pipeline={"on_failure": "continue"})
        assert failed(context).is_transient is is_transient

    def test_many_failures_are_counted(self, make_context: Make, fns: Functions) -> None:
        names = [f"n{at}" for at in range(8)]
        for name in names:
            setattr(fns, name, fails(ImportError(name)))
        context = make_context({name: {} for name in names}, pipeline={"on_failure": "continue"})
        assert str(failed(context)).endswith("... and 3 more")

    def test_secrets_do_not_show_in_what_a_failure_tells(self, make_context: Make, fns: Functions) -> None:
        fns.a = fails(ConnectionError("login sa:hunter2secret refused"))
        context = make_context(
            {"a": {}},
            settings={"variables": {"password": "${secret:DB_PASSWORD}"}},
            environ={"DB_PASSWORD": "hunter2secret"},
        )
        error = failed(context)
        assert isinstance(error.result, RunResult)
        assert error.result.error is not None
        for text in (str(error), str(error.__cause__), error.result.error.message, error.result.error.cause or ""):
            assert "hunter2secret" not in text
            assert "***" in text

    def test_retries_of_the_node_are_made(self, make_context: Make, fns: Functions) -> None:
        calls: list[int] = []

        def second_time() -> None:
            calls.append(1)
            if len(calls) < 2:
                raise RuntimeError("once")

        fns.a = second_time
        context = make_context({"a": {"retry": {"retries": 1, "backoff_s": 0.01}}})
        assert BaseExecutor(context).execute_pipeline("p").node("a").attempts == 2

    def test_a_time_limit_of_the_node_is_kept_for_python_that_never_ends(
        self, make_context: Make, fns: Functions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_loop, "GIVE_UP_AFTER_S", 0.1)
        never = Event()
        fns.a = lambda: never.wait() and None
        error = failed(make_context({"a": {"timeout_s": 0.02}}))
        assert isinstance(error.result, RunResult)
        assert error.result.error is not None
        assert error.result.error.type == "NodeTimeoutError"
        never.set()


class TestCancelling:
    def test_a_cancel_from_another_thread_ends_the_run(
        self, make_context: Make, fns: Functions, manager: FakeManager
    ) -> None:
        begun, go_on = Event(), Event()

        def slow() -> str:
            begun.set()
            assert go_on.wait(WAIT_S)
            return "rows"

        fns.a, fns.b = slow, lambda rows: rows
        executor = BaseExecutor(make_context({"a": {"output": "x"}, "b": {"input": ["a"]}}), None, manager)

        def cancel() -> None:
            assert begun.wait(WAIT_S)
            executor.cancel("Ctrl-C")
            go_on.set()

        thread = Thread(target=cancel)
        thread.start()
        with pytest.raises(RunInterruptedError, match="was stopped: Ctrl-C") as caught:
            executor.execute_pipeline("p")
        thread.join()
        result = caught.value.result
        assert isinstance(result, RunResult)
        assert result.status is Status.CANCELLED
        assert result.node("b").status is Status.CANCELLED
        if result.node("a").status is Status.CANCELLED:  # else it had begun to save before the cancel was heard
            assert manager.saved == []

    def test_a_cancel_while_the_run_is_prepared_counts(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: Event().wait(0.05)
        executor = BaseExecutor(
            make_context({"a": {}, "b": {"dependencies": "a", "function": "node_functions.a", "input": []}})
        )
        with pytest.raises(RunInterruptedError):
            executor.execute_pipeline(
                "p", observers=[lambda event: isinstance(event, RunStarted) and executor.cancel()]
            )

    def test_a_run_that_is_stopped_while_spark_starts_runs_no_node(
        self, make_context: Make, fns: Functions, no_session: None
    ) -> None:
        fns.a = lambda: "rows"
        executor = BaseExecutor(make_context({"a": {"output": "x"}, "b": {"sql": "select 1 as one"}}))

        def starts(context: Context, config: object) -> None:
            assert whom_to_ask()() is None
            executor.cancel("Ctrl-C")
            raise RunInterruptedError(f"{whom_to_ask()()} while Spark was starting")

        SESSIONS.add("session", starts)
        events: list[Event_] = []
        with pytest.raises(RunInterruptedError) as caught:
            executor.execute_pipeline("p", observers=[events.append])
        result = caught.value.result
        assert isinstance(result, RunResult)
        assert result.status is Status.CANCELLED
        told = [(node.name, node.status, node.note) for node in result.nodes]
        assert told == [(name, "cancelled", "Ctrl-C while Spark was starting") for name in ("a", "b")]
        assert not any(isinstance(event, NodeStarted) for event in events)
        assert whom_to_ask()() is None

    def test_the_run_after_a_cancelled_one_is_not_cancelled(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: Event().wait(0.05) and None
        context = make_context({"a": {}, "b": {"dependencies": "a", "function": "node_functions.a", "input": []}})
        executor = BaseExecutor(context)
        executor.cancel("before")
        with pytest.raises(RunInterruptedError, match="before"):
            executor.execute_pipeline("p")
        assert executor.execute_pipeline("p").is_completed

    def test_a_cancel_that_comes_after_everything_was_done_changes_nothing(
        self, make_context: Make, fns: Functions, manager: FakeManager
    ) -> None:
        fns.a = lambda: "rows"

        class Cancels(FakeManager):
            def save_output(self, *arguments: Any) -> None:
                executor.cancel("too late")
                super().save_output(*arguments)

        executor = BaseExecutor(make_context({"a": {"output": "x"}}), None, Cancels())
        assert executor.execute_pipeline("p").is_completed

    def test_a_save_that_outlasts_the_time_limit_is_let_finish(
        self, make_context: Make, fns: Functions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_loop, "GIVE_UP_AFTER_S", 0.02)
        monkeypatch.setattr(run_loop, "CANCEL_EVERY_S", 0.01)
        fns.a = lambda: "rows"

        class Slow(FakeManager):
            def save_output(self, *arguments: Any) -> None:
                Event().wait(0.2)
                super().save_output(*arguments)

        context = make_context({"a": {"output": "x", "timeout_s": 0.05}})
        assert BaseExecutor(context, None, Slow()).execute_pipeline("p").is_completed


class TestRefusals:
    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({"pipeline": {"type": "streaming"}}, "pipelines of type streaming can be validated, but not run yet"),
            ({"pipeline": {"type": "hybrid"}}, "pipelines of type hybrid can be validated"),
            ({"settings": {"mode": "connect"}}, "mode connect needs a server, and nothing names one"),
        ],
    )
    def test_what_cannot_be_run_is_refused_with_exit_code_2(
        self,
        make_context: Make,
        fns: Functions,
        keywords: dict[str, Any],
        message: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("SPARK_REMOTE", raising=False)
        ran: list[int] = []
        fns.a = lambda: ran.append(1)
        with pytest.raises(ConfigError, match=message) as caught:
            BaseExecutor(make_context({"a": {}}, **keywords)).execute_pipeline("p")
        assert caught.value.exit_code == 2
        assert ran == []

    def test_pipelines_of_type_ml_run(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: 1
        assert BatchExecutor(make_context({"a": {}}, pipeline={"type": "ml"})).execute_pipeline("p").is_completed

    def test_an_unknown_pipeline_is_an_error_with_suggestions(self, make_context: Make) -> None:
        with pytest.raises(UnknownNameError, match="unknown pipeline 'q'"):
            BaseExecutor(make_context({"a": {}})).execute_pipeline("q")

    def test_missing_and_half_dates_are_errors(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: 1
        executor = BaseExecutor(make_context({"a": {}}, pipeline={"requires_dates": True}))
        with pytest.raises(ConfigError, match="needs dates"):
            executor.execute_pipeline("p")
        with pytest.raises(InvalidValueError, match="only one of start and end"):
            executor.execute_pipeline("p", "2013-01-01")

    def test_one_date_completes_those_of_the_settings(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: 1
        context = make_context({"a": {}}, settings={"start_date": "2013-01-01", "end_date": "2013-01-31"})
        window = BaseExecutor(context).execute_pipeline("p", "2013-01-15").window
        assert window is not None
        assert (window.start, window.end) == ("2013-01-15", "2013-01-31")

    def test_every_problem_of_the_pipeline_is_said_and_nothing_runs(self, make_context: Make, fns: Functions) -> None:
        ran: list[int] = []
        fns.a = lambda: ran.append(1)
        context = make_context(
            {"a": {}, "b": {"function": "nowhere.at.all"}, "c": {"input": ["raw"], "function": "node_functions.a"}},
            inputs={"raw": {"path": "missing.csv", "options": {"haeder": True}}},
        )
        with pytest.raises(ConfigError) as caught:
            BaseExecutor(context).execute_pipeline("p")
        text = str(caught.value)
        for part in ("there is no module 'nowhere'", "missing.csv does not exist", "haeder", "can't be called"):
            assert part in text
        assert ran == []

    def test_problems_of_other_pipelines_do_not_stand_in_the_way(self, make_context: Make, fns: Functions) -> None:
        fns.a = lambda: 1
        pipelines = {name: {"nodes": [node], "requires_dates": False} for name, node in (("p", "a"), ("q", "b"))}
        nodes = {"a": {}, "b": {"function": "nowhere.at.all", "input": ["nothing"]}}
        assert BaseExecutor(make_context(nodes, pipelines=pipelines)).execute_pipeline("p").is_completed

    def test_warnings_are_said_when_the_run_starts(self, make_context: Make, fns: Functions, no_session: None) -> None:
        fns.a = lambda: 1
        told: list[str] = []
        sink = logger.add(told.append, format="{message}", level="WARNING")
        try:
            context = make_context({"a": {}, "b": {"sql": "select from where"}})
            with pytest.raises(RunFailedError):
                BaseExecutor(context).execute_pipeline("p")
        finally:
            logger.remove(sink)
        assert any("the parser can't read the query" in line for line in told)


class TestMlInfo:
    def test_it_is_prepared_for_the_nodes(self, make_context: Make) -> None:
        context = make_context(
            {"a": {}},
            pipeline={"type": "ml", "hyperparams": {"b": 2, "c": 2}, "model_version": "v2"},
            settings={"default_hyperparams": {"a": 1, "b": 1}, "default_model_version": "v1"},
        )
        executor = BaseExecutor(context)
        info = executor.ml_info(context.pipelines["p"], {"c": 3})
        assert info["model_version"] == "v2"
        assert info["hyperparams"] == {"c": 3}
        assert info["pipeline_config"]["hyperparams"] == {"a": 1, "b": 2, "c": 2}
        assert info["pipeline_config"]["type"] == "ml"
        assert executor.ml_info(context.pipelines["p"], model_version="v3")["model_version"] == "v3"

    def test_nodes_get_it_with_the_runs_values_filled_in(
        self, make_context: Make, fns: Functions, no_session: None
    ) -> None:
        seen: dict[str, Any] = {}
        fns.a = lambda **others: seen.update(others["ml_context"])
        context = make_context({"a": {}}, pipeline={"type": "ml", "hyperparams": {"since": "${start_date}"}})
        BaseExecutor(context).execute_pipeline(
            "p", "2013-01-01", "2013-01-07", hyperparams={"depth": 3}, model_version="v9"
        )
        assert seen["hyperparams"] == {"since": "2013-01-01", "depth": 3}
        assert seen["model_version"] == "v9"


class TestResources:
    def test_a_resource_is_closed_when_its_last_reader_is_done(self, make_context: Make, fns: Functions) -> None:
        story: list[str] = []

        class Connection:
            def close(self) -> None:
                story.append("closed")

        fns.opens = Connection
        fns.one = fns.two = lambda connection: story.append("read")
        fns.later = lambda *rows: story.append("later")
        context = make_context(
            {
                "opens": {},
                "one": {"input": ["opens"]},
                "two": {"input": ["opens"]},
                "later": {"dependencies": ["one", "two"]},
            }
        )
        BaseExecutor(context).execute_pipeline("p")
        assert story == ["read", "read", "closed", "later"]

    @pytest.mark.parametrize("way", ["fails", "cancelled"])
    def test_a_resource_is_closed_when_its_readers_will_not_run(
        self, make_context: Make, fns: Functions, way: str
    ) -> None:
        closed: list[int] = []

        class Connection:
            def close(self) -> None:
                closed.append(1)

        fns.opens = Connection
        fns.reads = fails(ValueError()) if way == "fails" else lambda connection, other: None
        fns.breaks = fails(ValueError())
        reads = {"input": ["opens"]} if way == "fails" else {"input": ["opens", "breaks"]}
        nodes = {"opens": {}, "breaks": {"dependencies": "opens", "input": []}, "reads": reads}
        failed(make_context(nodes))
        assert closed == [1]
