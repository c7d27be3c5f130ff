"""What would run, in which order, reading and writing what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tauro.config import Context
from tauro.errors import ConfigError, InvalidValueError, UnknownNameError
from tauro.exec.planning.plan import make_plan
from tauro.exec.planning.selection import Selection
from tauro.model.plan import Plan
from tauro.model.window import Window

Make = Callable[..., Context]
WEEK = Window.parse("2013-01-01", "2013-01-07")


def refused(context: Context, *arguments: Any, **keywords: Any) -> str:
    """What `make_plan` says is wrong."""
    with pytest.raises(ConfigError) as caught:
        make_plan(context, "p", *arguments, **keywords)
    return str(caught.value)


def slots(plan: Plan, node: str) -> list[tuple[Any, ...]]:
    """The node's inputs in short: id, origin, the node that makes it."""
    return [(one.id, one.origin.value, one.node) for one in plan.nodes[node].inputs]


class TestWhereAnInputComesFrom:
    def test_an_entry_of_input_config_comes_before_all(self, make_context: Make) -> None:
        context = make_context(
            {"rows": {}, "b": {"output": ["x"]}, "a": {"input": ["rows", "x"]}},
            inputs={"rows": {"path": "raw.csv"}, "x": {"path": "x.csv"}},
        )
        plan = make_plan(context, "p")
        assert slots(plan, "a") == [("rows", "stored", None), ("x", "stored", None)]
        assert plan.nodes["a"].dependencies == ()

    def test_an_output_of_another_node_comes_before_a_node_of_that_name(self, make_context: Make) -> None:
        context = make_context({"x": {}, "b": {"output": ["x"]}, "a": {"input": ["x"]}})
        assert slots(make_plan(context, "p"), "a") == [("x", "output", "b")]

    def test_a_nodes_name_stands_for_what_it_returned(self, make_context: Make) -> None:
        plan = make_plan(make_context({"a": {"input": ["b"]}, "b": {"output": ["x"]}}), "p")
        assert slots(plan, "a") == [("b", "returned", "b")]
        assert plan.nodes["a"].dependencies == ("b",)
        assert plan.order == ("b", "a")

    def test_inputs_keep_their_order_and_keywords(self, make_context: Make) -> None:
        context = make_context({"c": {"input": {"y": "b", "x": "a"}}, "a": {}, "b": {}})
        assert [(one.keyword, one.id) for one in make_plan(context, "p").nodes["c"].inputs] == [("y", "b"), ("x", "a")]

    def test_an_inline_entry_is_read_where_it_lies(self, make_context: Make, tmp_path: Path) -> None:
        plan = make_plan(make_context({"a": {"input": [{"path": "raw.csv"}]}}), "p")
        assert slots(plan, "a") == [("1", "stored", None)]
        assert plan.nodes["a"].inputs[0].location == str(tmp_path / "raw.csv")

    def test_without_input_a_node_gets_what_its_dependencies_returned_in_order(self, make_context: Make) -> None:
        context = make_context({"c": {"dependencies": ["b", {"a": {}}]}, "a": {}, "b": {}})
        assert slots(make_plan(context, "p"), "c") == [("b", "returned", "b"), ("a", "returned", "a")]

    def test_with_an_empty_input_a_node_gets_nothing(self, make_context: Make) -> None:
        plan = make_plan(make_context({"b": {"input": [], "dependencies": ["a"]}, "a": {}}), "p")
        assert slots(plan, "b") == []
        assert plan.nodes["b"].dependencies == ("a",)

    def test_what_is_nowhere_is_an_error_that_lists_every_place(self, make_context: Make) -> None:
        context = make_context(
            {"extract": {"output": ["bronze.rows"]}, "b": {"input": ["extrakt"]}}, inputs={"raw": {"path": "x.csv"}}
        )
        text = refused(context)
        for part in (
            "input 'extrakt' is nowhere",
            "no entry of input_config",
            "outputs: bronze.rows",
            "nodes: extract",
        ):
            assert part in text
        assert "did you mean 'extract'" in text

    def test_an_input_at_the_location_of_an_output_is_that_output(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"output": ["x"]}, "b": {"input": ["rows"]}},
            inputs={"rows": {"path": "lake/x/", "format": "parquet"}},
            outputs={"x": {"path": "./lake/x"}},
        )
        plan = make_plan(context, "p")
        assert slots(plan, "b") == [("rows", "output", "a")]
        assert plan.nodes["b"].dependencies == ("a",)

    def test_the_default_location_of_an_output_counts_too(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"output": ["bronze.x"]}, "b": {"input": ["rows"]}},
            inputs={"rows": {"path": "lake/bronze/x", "format": "parquet"}},
            settings={"output_path": "lake"},
        )
        assert slots(make_plan(context, "p"), "b") == [("rows", "output", "a")]

    def test_a_table_is_one_whatever_its_spelling(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"output": ["x"]}, "b": {"input": ["rows"]}},
            inputs={"rows": {"table": "Lake.X"}},
            outputs={"x": {"table": "lake.x"}},
        )
        assert slots(make_plan(context, "p"), "b") == [("rows", "output", "a")]

    @pytest.mark.parametrize("path", ["lake/*", "lake/{x,y}", ["lake/x", "lake/y"]])
    def test_an_input_of_several_places_waits_for_all_that_write_them(self, make_context: Make, path: object) -> None:
        context = make_context(
            {"b": {"input": ["rows"]}, "x": {"output": ["x"]}, "y": {"output": ["y"]}, "z": {"output": ["deep.z"]}},
            inputs={"rows": {"path": path, "format": "parquet"}},
            settings={"output_path": "lake"},
        )
        assert make_plan(context, "p").nodes["b"].dependencies == ("x", "y")

    def test_a_query_waits_for_all_that_write_what_it_names(self, make_context: Make) -> None:
        context = make_context(
            {"b": {"input": ["joined"]}, "x": {"output": ["bronze.x"]}, "y": {"output": ["y"]}},
            inputs={
                "joined": {"query": "select * from bronze_x join stored using (id) join part using (id)"},
                "part": {"query": "select id from rows_of_y"},
                "rows_of_y": {"path": "output/y", "format": "parquet"},
                "stored": {"path": "raw.csv"},
            },
            outputs={"bronze.x": {}},
        )
        assert make_plan(context, "p").nodes["b"].dependencies == ("x", "y")

    def test_a_node_that_reads_its_own_output_reads_the_version_before(self, make_context: Make) -> None:
        context = make_context(
            {"by_id": {"input": ["x"], "output": ["x"]}, "by_place": {"input": ["rows"], "output": ["y"]}},
            inputs={"rows": {"path": "output/y", "format": "parquet"}},
        )
        plan = make_plan(context, "p")
        assert slots(plan, "by_id") == [("x", "stored", None)]
        assert slots(plan, "by_place") == [("rows", "stored", None)]
        assert plan.nodes["by_id"].dependencies == plan.nodes["by_place"].dependencies == ()


class TestWhereAnOutputGoes:
    def test_an_output_without_an_entry_lies_below_the_output_path_in_the_default_format(
        self, make_context: Make, tmp_path: Path
    ) -> None:
        context = make_context(
            {"a": {"output": ["bronze.events"]}}, settings={"output_path": "lake", "default_format": "orc"}
        )
        (output,) = make_plan(context, "p").nodes["a"].outputs
        assert output.location == output.spec.path == str(tmp_path / "lake/bronze/events")
        assert output.spec.format == "orc"

    def test_an_entry_of_output_config_says_where(self, make_context: Make, tmp_path: Path) -> None:
        context = make_context({"a": {"output": "x"}}, outputs={"x": {"path": "there/x.csv", "write_mode": "append"}})
        (output,) = make_plan(context, "p").nodes["a"].outputs
        assert (output.location, output.spec.format) == (str(tmp_path / "there/x.csv"), "csv")

    def test_outputs_keep_their_order(self, make_context: Make) -> None:
        plan = make_plan(make_context({"a": {"output": ["z", "y"]}}), "p")
        assert [one.id for one in plan.nodes["a"].outputs] == ["z", "y"]

    def test_two_nodes_that_write_one_output_are_an_error(self, make_context: Make) -> None:
        context = make_context({"a": {"output": ["x"]}, "b": {"output": ["x"]}})
        assert "node 'b': output 'x' is written by node 'a' too" in refused(context)

    def test_two_ids_at_one_location_are_an_error(self, make_context: Make) -> None:
        context = make_context({"a": {"output": ["x"]}, "b": {"output": ["y"]}}, outputs={"y": {"path": "output/x"}})
        assert "outputs 'x' (node 'a') and 'y' are one" in refused(context)

    def test_one_id_at_two_locations_is_an_error(self, make_context: Make) -> None:
        context = make_context({"a": {"output": {"x": {"path": "here"}}}, "b": {"output": {"x": {"path": "there"}}}})
        assert "output 'x' is at two locations" in refused(context)

    def test_nodes_of_different_pipelines_may_write_one_output(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"output": ["x"]}, "b": {"output": ["x"]}},
            pipelines={name: {"nodes": [node], "requires_dates": False} for name, node in (("p", "a"), ("q", "b"))},
        )
        assert make_plan(context, "p").order == ("a",)


class TestSelection:
    @pytest.fixture
    def context(self, make_context: Make, tmp_path: Path) -> Context:
        """raw -> clean (stored) -> joined (in memory) -> report; apart."""
        (tmp_path / "output/clean").mkdir(parents=True)
        return make_context(
            {
                "raw": {},
                "clean": {"dependencies": ["raw"], "output": ["clean"], "tags": ["daily"]},
                "joined": {"input": ["clean"]},
                "report": {"input": ["joined"], "output": ["report"], "tags": ["daily", "mail"]},
                "apart": {"output": ["apart"]},
            }
        )

    @pytest.mark.parametrize(
        ("selection", "order"),
        [
            (Selection(), ("raw", "clean", "joined", "report", "apart")),
            (Selection(nodes=("clean",)), ("raw", "clean")),  # raw is stored nowhere
            (Selection(nodes=("joined",)), ("joined",)),  # clean is read from storage
            (Selection(nodes=("report",)), ("joined", "report")),
            (Selection(nodes=("apart", "joined")), ("joined", "apart")),
            (Selection(start=("joined",)), ("joined", "report")),
            (Selection(end=("joined",)), ("raw", "clean", "joined")),
            (Selection(start=("clean",), end=("joined",)), ("raw", "clean", "joined")),
            (Selection(tags=("mail",)), ("joined", "report")),
            (Selection(tags=("daily",)), ("raw", "clean", "joined", "report")),
            (Selection(start=("report",), tags=("daily",)), ("joined", "report")),
        ],
    )
    def test_a_part_runs_with_what_it_needs_that_is_stored_nowhere(
        self, context: Context, selection: Selection, order: tuple[str, ...]
    ) -> None:
        plan = make_plan(context, "p", selection=selection)
        assert plan.order == order
        assert set(plan.left_out) == {"raw", "clean", "joined", "report", "apart"} - set(order)

    def test_an_output_that_does_not_exist_yet_is_made(self, context: Context) -> None:
        plan = make_plan(context, "p", selection=Selection(nodes=("joined",)), is_stored=lambda output: False)
        assert plan.order == ("raw", "clean", "joined")
        assert plan.nodes["clean"].reason == "joined needs its 'clean', which is stored nowhere"
        assert plan.nodes["joined"].reason == "asked for"

    def test_what_is_read_from_storage_is_no_dependency(self, context: Context) -> None:
        plan = make_plan(context, "p", selection=Selection(nodes=("joined",)))
        assert plan.nodes["joined"].dependencies == ()
        assert slots(plan, "joined") == [("clean", "stored", None)]

    def test_a_node_whose_rows_are_stored_whole_is_read_by_its_name(self, make_context: Make, tmp_path: Path) -> None:
        (tmp_path / "output/x").mkdir(parents=True)
        plan = make_plan(
            make_context({"a": {"output": ["x"]}, "b": {"input": ["a"]}}), "p", selection=Selection(nodes=("b",))
        )
        (one,) = plan.nodes["b"].inputs
        assert (one.origin.value, one.location) == ("stored", str(tmp_path / "output/x"))

    def test_a_node_whose_output_holds_more_than_it_returned_is_run_again(
        self, make_context: Make, tmp_path: Path
    ) -> None:
        (tmp_path / "output/x").mkdir(parents=True)
        context = make_context({"a": {"output": ["x"]}, "b": {"input": ["a"]}}, outputs={"x": {"write_mode": "append"}})
        assert make_plan(context, "p", selection=Selection(nodes=("b",))).order == ("a", "b")

    def test_what_is_kept_in_memory_alone_is_made_again(self, make_context: Make) -> None:
        context = make_context({"a": {"output": ["x"]}, "b": {"input": ["x"]}}, outputs={"x": {"format": "memory"}})
        assert make_plan(context, "p", selection=Selection(nodes=("b",))).order == ("a", "b")

    def test_each_of_several_places_is_made_if_it_is_not_there(self, make_context: Make, tmp_path: Path) -> None:
        (tmp_path / "output/x").mkdir(parents=True)
        context = make_context(
            {"x": {"output": ["x"]}, "y": {"output": ["y"]}, "b": {"input": ["rows"]}},
            inputs={"rows": {"path": "output/*", "format": "parquet"}},
        )
        assert make_plan(context, "p", selection=Selection(nodes=("b",))).order == ("y", "b")

    def test_a_dependency_without_data_is_not_run(self, make_context: Make) -> None:
        context = make_context({"a": {}, "b": {"input": [], "dependencies": ["a"]}})
        assert make_plan(context, "p", selection=Selection(nodes=("b",))).order == ("b",)

    @pytest.mark.parametrize("field", ["nodes", "start", "end", "tags"])
    def test_unknown_names_are_errors_with_suggestions(self, context: Context, field: str) -> None:
        name, suggested = ("dayli", "daily") if field == "tags" else ("reprot", "report")
        with pytest.raises(UnknownNameError, match=f"did you mean '{suggested}'"):
            make_plan(context, "p", selection=Selection(**{field: (name,)}))

    def test_a_selection_of_nothing_is_an_error(self, context: Context) -> None:
        with pytest.raises(InvalidValueError, match="leaves no node"):
            make_plan(context, "p", selection=Selection(nodes=("apart",), tags=("daily",)))


class TestSettings:
    def test_the_nearest_setting_wins(self, make_context: Make) -> None:
        context = make_context(
            {"own": {"retry": 0, "timeout_s": 1}, "theirs": {}},
            pipeline={"retry": 2, "timeout_s": 2, "max_workers": 2, "on_failure": "continue"},
            settings={"retry": 3, "timeout_s": 3, "max_workers": 3, "circuit_breaker": {"threshold": 7}},
        )
        plan = make_plan(context, "p")
        assert {name: (node.retry.retries, node.timeout_s) for name, node in plan.nodes.items()} == {
            "own": (0, 1),
            "theirs": (2, 2),
        }
        assert (plan.max_workers, plan.on_failure.value, plan.breaker.threshold) == (2, "continue", 7)
        assert make_plan(context, "p", max_workers=9).max_workers == 9

    def test_global_settings_hold_where_nothing_is_nearer(self, make_context: Make) -> None:
        settings = {"retry": 3, "timeout_s": 3, "max_workers": 3, "on_failure": "continue"}
        plan = make_plan(make_context({"a": {}}, settings=settings), "p")
        node = plan.nodes["a"]
        assert (node.retry.retries, node.timeout_s, plan.max_workers, plan.on_failure) == (3, 3, 3, "continue")

    def test_no_worker_is_an_error(self, make_context: Make) -> None:
        with pytest.raises(InvalidValueError, match="max_workers is 0"):
            make_plan(make_context({"a": {}}), "p", max_workers=0)


class TestWindow:
    def test_a_pipeline_needs_dates_unless_it_says_otherwise(self, make_context: Make) -> None:
        context = make_context({"a": {}}, pipeline={"requires_dates": True})
        with pytest.raises(ConfigError, match="pipeline 'p': the pipeline needs dates"):
            make_plan(context, "p")
        assert make_plan(context, "p", WEEK).window == WEEK

    def test_the_settings_may_name_the_window(self, make_context: Make) -> None:
        context = make_context({"a": {}}, settings={"start_date": "2013-01-01", "end_date": "2013-01-07"})
        assert make_plan(context, "p").window == WEEK

    def test_half_a_window_is_an_error(self, make_context: Make) -> None:
        with pytest.raises(InvalidValueError, match="only one of start_date and end_date"):
            make_plan(make_context({"a": {}}, settings={"start_date": "2013-01-01"}), "p")

    def test_what_needs_a_window_is_an_error_without_one(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"input": ["rows"], "output": ["x"]}},
            inputs={"rows": {"path": "r.csv", "window_column": "day"}},
            outputs={"x": {"format": "delta", "overwrite_scope": "window", "window_column": "day"}},
        )
        text = refused(context)
        assert "input 'rows' has a window_column, and the run has no window" in text
        assert "output 'x' overwrites the run's window, and the run has none" in text
        make_plan(context, "p", WEEK)

    def test_the_runs_own_values_are_filled_in(self, make_context: Make, tmp_path: Path) -> None:
        context = make_context(
            {"a": {"input": ["rows"], "output": ["x"], "params": {"run": "${run_id}"}}},
            inputs={"rows": {"path": "in/${start_date}..${end_date}.csv"}},
            outputs={"x": {"path": "out/${start_date}"}},
        )
        plan = make_plan(context, "p", WEEK, run_id="r1")
        assert plan.nodes["a"].inputs[0].location == str(tmp_path / "in/2013-01-01..2013-01-07.csv")
        assert plan.nodes["a"].outputs[0].location == str(tmp_path / "out/2013-01-01")
        assert plan.nodes["a"].spec.params == {"run": "r1"}
        assert "start_date" in refused(context)


class TestNames:
    def test_an_unknown_pipeline_is_an_error_with_suggestions(self, make_context: Make) -> None:
        context = make_context({"a": {}}, pipelines={"daily": {"nodes": ["a"]}})
        with pytest.raises(UnknownNameError, match="did you mean 'daily'"):
            make_plan(context, "dayly")

    def test_an_unknown_node_is_an_error_with_suggestions(self, make_context: Make) -> None:
        context = make_context({"extract": {}}, pipelines={"p": {"nodes": ["extrat"], "requires_dates": False}})
        text = refused(context)
        assert "pipeline 'p': unknown node 'extrat'" in text
        assert "did you mean 'extract'" in text

    def test_an_unknown_dependency_is_an_error_with_suggestions(self, make_context: Make) -> None:
        context = make_context({"extract": {}, "load": {"dependencies": "extrat"}})
        text = refused(context)
        assert "node 'load': unknown dependency 'extrat'" in text
        assert "known nodes: extract, load" in text
        assert "did you mean 'extract'" in text

    def test_a_cycle_is_told_as_its_path_in_order(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"dependencies": "b"}, "b": {"input": ["x"]}, "c": {"input": ["a"], "output": "x"}}
        )
        assert "dependency cycle: a -> b -> c -> a" in refused(context)

    def test_all_problems_are_said_at_once(self, make_context: Make) -> None:
        context = make_context(
            {"a": {"dependencies": "nobody"}, "b": {"input": ["nothing"]}, "c": {"output": "x"}, "d": {"output": "x"}}
        )
        with pytest.raises(ConfigError) as caught:
            make_plan(context, "p")
        assert len(caught.value.problems) == 3


def test_the_order_is_topological_then_declared(make_context: Make) -> None:
    context = make_context({"z": {}, "late": {"input": ["a"]}, "b": {}, "a": {}})
    assert make_plan(context, "p").order == ("z", "b", "a", "late")


def test_a_column_that_is_called_like_an_output_is_no_dependency(make_context: Make) -> None:
    context = make_context(
        {"a": {"input": ["counted"], "output": ["x"]}, "b": {"input": ["x"], "output": ["y"]}},
        inputs={"counted": {"query": "select y, count(*) from stored group by y"}, "stored": {"path": "raw.csv"}},
        outputs={"y": {}},
    )
    assert make_plan(context, "p").order == ("a", "b")
