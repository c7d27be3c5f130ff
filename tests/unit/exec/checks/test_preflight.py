"""All that can be known to be wrong before a run, told at once and without Spark."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tauro.config import Context
from tauro.errors import Problem, Severity, UnknownNameError
from tauro.exec.checks.preflight import check_project, check_run
from tauro.exec.planning.plan import make_plan
from tauro.model.window import Window
from tests.unit.exec.conftest import Functions

Make = Callable[..., Context]


def errors(context: Context, pipeline: str | None = None, **keywords: Any) -> list[str]:
    return [str(one) for one in check_project(context, pipeline, **keywords) if one.severity is Severity.ERROR]


def warnings(context: Context, pipeline: str | None = None) -> list[str]:
    return [str(one) for one in check_project(context, pipeline) if one.severity is Severity.WARNING]


@pytest.fixture
def right(fns: Functions, tmp_path: Path) -> None:
    """The function `node_functions.f`, which takes anything, and a file `raw.csv`."""
    fns.f = lambda *rows, **others: None
    (tmp_path / "raw.csv").write_text("id\n1\n")


F = {"function": "node_functions.f"}


@pytest.mark.usefixtures("right")
class TestProblems:
    def test_a_right_project_has_none(self, make_context: Make) -> None:
        context = make_context(
            {"a": {**F, "input": ["raw"], "output": ["x"]}, "b": {"sql": "select * from x", "input": ["x"]}},
            inputs={"raw": {"path": "raw.csv", "options": {"header": True}}},
        )
        assert check_project(context) == []
        assert check_project(context, "p") == []

    @pytest.mark.parametrize(
        ("function", "told"),
        [
            ("nowhere.f", "there is no module 'nowhere'"),
            ("node_functions.g", "has no attribute 'g'"),
            ("node_functions.number", "is not callable"),
        ],
    )
    def test_functions_that_can_not_be_had_are_told_apart(
        self, make_context: Make, fns: Functions, function: str, told: str
    ) -> None:
        fns.number = 5
        (message,) = errors(make_context({"a": {"function": function}}))
        assert told in message
        assert "node 'a'" in message

    def test_a_function_that_can_not_be_called_with_its_inputs(self, make_context: Make, fns: Functions) -> None:
        fns.two = lambda left, right: None
        (message,) = errors(make_context({"b": F, "a": {"function": "node_functions.two", "dependencies": ["b"]}}))
        assert "can't be called: missing a required argument: 'right'" in message
        assert "inputs: b" in message
        assert "list its inputs in the field 'input'" in message

    def test_a_function_is_checked_against_keyword_inputs_and_params(self, make_context: Make, fns: Functions) -> None:
        fns.two = lambda left, *, limit: None
        context = make_context(
            {
                "b": F,
                "right": {"function": "node_functions.two", "input": {"left": "b"}, "params": {"limit": 1}},
                "wrong": {"function": "node_functions.two", "input": {"lfet": "b"}, "params": {"limit": 1}},
            }
        )
        (message,) = errors(context)
        assert "node 'wrong'" in message
        assert "lfet=b" in message

    @pytest.mark.parametrize(
        ("sql", "told"),
        [
            ("delete from x", "the query changes data: DELETE"),
            ("select 1; select 2", "found 2 statements"),
            ("", "the query is empty"),
            ("select * from b where d >= :start_date and id = :idd", "uses :idd, which is no parameter"),
            ("missing.sql", "there is no file 'missing.sql'"),
        ],
    )
    def test_sql_that_is_wrong(self, make_context: Make, sql: str, told: str) -> None:
        messages = errors(make_context({"b": F, "a": {"sql": sql, "input": ["b"], "params": {"id": 1}}}))
        assert any(told in message for message in messages), messages

    def test_sql_that_the_parser_can_not_read_is_a_warning(self, make_context: Make) -> None:
        context = make_context({"a": {"sql": "select from where ((", "input": []}})
        assert errors(context) == []
        assert "the parser can't read the query" in warnings(context)[0]

    def test_sql_of_a_file_is_checked(self, make_context: Make, tmp_path: Path) -> None:
        (tmp_path / "q.sql").write_text("drop table x")
        (message,) = errors(make_context({"a": {"sql": "q.sql", "input": []}}))
        assert "the query changes data" in message

    def test_an_optional_input_of_a_sql_node_needs_a_schema(self, make_context: Make) -> None:
        inputs = {"raw": {"path": "no.csv", "optional": True}}
        (message,) = errors(make_context({"a": {"sql": "select * from raw", "input": ["raw"]}}, inputs=inputs))
        assert "optional input 'raw' of a SQL node needs a schema" in message

    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ({"path": "raw.csv", "format": "parket"}, "unknown format 'parket'"),
            ({"path": "raw.csv", "options": {"haeder": True}}, "haeder"),
            ({"path": "none.csv"}, "none.csv does not exist"),
            ({"path": "none/*.csv"}, "none/*.csv does not exist"),
            ({"query": "insert into x select 1"}, "changes data"),
        ],
    )
    def test_inputs_that_can_not_be_read(self, make_context: Make, entry: dict[str, Any], told: str) -> None:
        (message,) = errors(make_context({"a": {**F, "input": ["rows"]}}, inputs={"rows": entry}))
        assert told in message
        (message,) = errors(make_context({"a": {**F, "input": [entry]}}), "p")
        assert told in message

    @pytest.mark.parametrize(
        "entry", [{"path": "r*.csv"}, {"path": "{raw,x}.csv"}, {"path": "no.csv", "optional": True}]
    )
    def test_inputs_that_are_there_or_may_be_missing(self, make_context: Make, entry: dict[str, Any]) -> None:
        assert errors(make_context({"a": {**F, "input": ["rows"]}}, inputs={"rows": entry})) == []

    @pytest.mark.parametrize("path", ["output/x", "output/*", "output/{x,y}"])
    def test_an_input_that_a_node_of_the_pipeline_writes_need_not_exist(self, make_context: Make, path: str) -> None:
        context = make_context(
            {"a": {**F, "output": ["x"]}, "b": {**F, "input": ["rows"]}},
            inputs={"rows": {"path": path, "format": "parquet"}},
        )
        assert errors(context) == errors(context, "p") == []

    def test_an_input_that_another_pipeline_writes_has_to_exist_for_the_one_that_reads_it(
        self, make_context: Make
    ) -> None:
        context = make_context(
            {"a": {**F, "output": ["x"]}, "b": {**F, "input": ["rows"]}},
            inputs={"rows": {"path": "output/x", "format": "parquet"}},
            pipelines={name: {"nodes": [node], "requires_dates": False} for name, node in (("p", "a"), ("q", "b"))},
        )
        assert errors(context) == errors(context, "p") == []
        (message,) = errors(context, "q")
        assert "written by node 'a' of pipeline 'p'" in message

    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ({"format": "parket"}, "unknown format 'parket'"),
            ({"format": "csv", "write_mode": "merge", "keys": ["id"]}, "csv does not merge"),
            ({"format": "parquet", "options": {"colour": "red"}}, "colour"),
        ],
    )
    def test_outputs_that_can_not_be_written(self, make_context: Make, entry: dict[str, Any], told: str) -> None:
        for context in (
            make_context({"a": {**F, "output": ["x"]}}, outputs={"x": entry}),
            make_context({"a": {**F, "output": {"x": entry}}}),
        ):
            (message,) = errors(context)
            assert told in message

    def test_dates_and_formats_of_the_settings_are_checked(self, make_context: Make) -> None:
        context = make_context({"a": F}, settings={"start_date": "soon", "end_date": "later", "default_format": "orcc"})
        text = "\n".join(errors(context))
        assert "'soon' is not an ISO date" in text
        assert "unknown format 'orcc'" in text

    def test_an_unknown_mode_is_an_error_with_a_suggestion(self, make_context: Make) -> None:
        (message,) = errors(make_context({"a": F}, settings={"mode": "locall"}))
        assert "unknown mode 'locall'" in message
        assert "did you mean 'local'?" in message

    def test_two_nodes_that_write_one_output(self, make_context: Make) -> None:
        (message,) = errors(make_context({"a": {**F, "output": "x"}, "b": {**F, "output": "x"}}))
        assert "output 'x' is written by node 'a' too" in message

    def test_a_cycle(self, make_context: Make) -> None:
        (message,) = errors(make_context({"a": {**F, "dependencies": "b"}, "b": {**F, "dependencies": "a"}}))
        assert "dependency cycle: a -> b -> a" in message

    def test_a_hybrid_pipeline_is_validated_and_its_run_refused(self, make_context: Make) -> None:
        context = make_context(
            {"s": {**F, "input": ["events"]}, "b": {**F, "dependencies": ["s"]}},
            inputs={"events": {"format": "kafka"}},
            pipeline={"type": "hybrid"},
        )
        (message,) = errors(context)
        assert "batch node 'b' depends on streaming node 's'" in message
        assert any("can be validated, but not run yet" in one for one in warnings(context))

    def test_a_batch_node_that_reads_what_a_stream_writes_waits_for_ever(self, make_context: Make) -> None:
        context = make_context(
            {"s": {**F, "input": ["events"], "output": ["t"]}, "b": {**F, "input": ["t"]}},
            inputs={"events": {"format": "kafka"}},
            outputs={"t": {"path": "t", "format": "parquet"}},
            settings={"format_policy": {"streaming_outputs": ["delta"]}},
            pipeline={"type": "hybrid"},
        )
        text = "\n".join(errors(context))
        assert "batch node 'b' depends on streaming node 's'" in text
        assert "streaming node 's': output format 'parquet' is not allowed; allowed: delta" in text

    def test_a_node_of_another_pipeline_is_no_dependency_and_the_fix_says_so(self, make_context: Make) -> None:
        context = make_context(
            {"a": {**F, "dependencies": ["b"]}, "b": F}, pipelines={"p": {"nodes": ["a"]}, "q": {"nodes": ["b"]}}
        )
        (message,) = errors(context)
        assert "unknown dependency 'b'" in message
        assert "add 'b' to the nodes of the pipeline" in message

    def test_an_output_may_not_replace_the_folder_of_its_inputs(self, make_context: Make, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data/a.csv").write_text("id\n1\n")
        context = make_context(
            {"a": {**F, "input": ["raw"], "output": ["all"]}},
            inputs={"raw": {"path": "data/a.csv"}},
            outputs={"all": {"path": "data", "format": "csv"}},
        )
        (problem,) = check_run(context, make_plan(context, "p"))
        assert "output 'all' would replace" in problem.message
        assert "a.csv" in problem.message

    def test_a_node_that_reads_its_own_output_needs_it_to_be_there(self, make_context: Make) -> None:
        context = make_context({"a": {**F, "input": ["t"], "output": ["t"]}})
        (problem,) = check_run(context, make_plan(context, "p"))
        assert "input 't'" in problem.message
        assert "does not exist yet" in problem.message
        assert "optional: true" in (problem.fix or "")

    def test_everything_is_said_at_once(self, make_context: Make) -> None:
        context = make_context(
            {
                "a": {"function": "nowhere.f", "dependencies": "nobody"},
                "b": {**F, "input": ["nothing"], "output": "x"},
                "c": {"sql": "drop table x", "input": [], "output": "x"},
            },
            inputs={"raw": {"path": "none.csv"}},
        )
        assert len(errors(context)) == 6

    def test_nodes_of_no_pipeline_are_checked_too(self, make_context: Make) -> None:
        context = make_context({"a": F, "b": {"function": "nowhere.f"}}, pipelines={"p": {"nodes": ["a"]}})
        assert "nowhere" in errors(context)[0]


@pytest.mark.usefixtures("right")
class TestOtherPipelines:
    @pytest.fixture
    def context(self, make_context: Make) -> Context:
        return make_context(
            {
                "a": F,
                "b": {"function": "nowhere.f", "input": ["raw"], "output": ["y"]},
                "alone": {"function": "none.f"},
            },
            inputs={"raw": {"path": "none.csv"}},
            outputs={"y": {"format": "parket"}},
            pipelines={"p": {"nodes": ["a"]}, "q": {"nodes": ["b"]}},
        )

    def test_their_problems_are_warnings(self, context: Context) -> None:
        assert errors(context, "p") == []
        assert len(warnings(context, "p")) == 4

    def test_they_are_errors_for_those_who_ask_for_them_or_for_all(self, context: Context) -> None:
        assert len(errors(context, "q")) == 3
        assert len(errors(context)) == 4

    def test_an_unknown_pipeline_is_an_error_with_suggestions(self, make_context: Make) -> None:
        context = make_context({"a": F}, pipelines={"daily": {"nodes": ["a"]}})
        with pytest.raises(UnknownNameError, match="did you mean 'daily'"):
            check_project(context, "dayly")

    def test_a_node_of_two_pipelines_is_told_once(self, make_context: Make) -> None:
        pipelines = {name: {"nodes": ["a"]} for name in "pq"}
        context = make_context({"a": {"function": "nowhere.f"}}, pipelines=pipelines)
        assert len(check_project(context)) == len(check_project(context, "p")) == 1


def test_problems_tell_file_and_line_and_come_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "tauro.yml").write_text(
        textwrap.dedent("""
        pipelines_config:
          p: {nodes: [a, b], requires_dates: false}
        nodes_config: nodes.yml
        """)
    )
    (tmp_path / "nodes.yml").write_text(
        textwrap.dedent("""\
        a:
          function: nowhere.f
        b:
          input: []
          sql: drop table x
          dependencies: [c]
        """)
    )
    found = check_project(Context.from_project(tmp_path, strict=False))
    assert [(one.file, one.line) for one in found] == [("nodes.yml", 2), ("nodes.yml", 5), ("nodes.yml", 6)]
    assert all(isinstance(one, Problem) for one in found)


def test_a_window_fills_in_paths(make_context: Make, right: None, tmp_path: Path) -> None:
    (tmp_path / "2013-01-01.csv").write_text("id\n")
    context = make_context({"a": {**F, "input": ["rows"]}}, inputs={"rows": {"path": "${start_date}.csv"}})
    assert errors(context, window=Window.parse("2013-01-01", "2013-01-01")) == []
    (message,) = errors(context, window=Window.parse("2013-01-02", "2013-01-02"))
    assert "2013-01-02.csv does not exist" in message


_PROGRAM = """
import sys
BLOCK
from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.exec.planning.plan import make_plan
from tauro.exec.checks.preflight import check_project, check_run
context = Context.from_project(sys.argv[1], strict=False)
for problem in check_project(context, "p"):
    print(problem.severity, problem.message)
print(make_plan(context, "p").order)
loaded = sorted(name for name, one in sys.modules.items() if one and name.split(".")[0] in ("pyspark", "py4j"))
print("loaded", loaded)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a function that needs no Spark, SQL, and inputs and outputs of every kind."""
    (tmp_path / "plain.py").write_text("def f(*rows): ...\n")
    (tmp_path / "sparky.py").write_text("from pyspark.sql import functions\ndef f(*rows): ...\n")
    (tmp_path / "raw.csv").write_text("id\n")
    return tmp_path


def preflight(project: Path, function: str, *, block: bool) -> list[str]:
    (project / "tauro.yml").write_text(
        textwrap.dedent(f"""
        pipelines_config:
          p: {{nodes: [a, b], requires_dates: false}}
        nodes_config:
          a: {{function: {function}, input: [raw, joined, {{table: t}}], output: [x, y]}}
          b: {{sql: "select * from x", input: [x], output: [z]}}
        input_config:
          raw: {{path: raw.csv}}
          joined: {{query: select * from raw}}
        output_config:
          x: {{format: delta}}
          y: {{format: jdbc, options: {{url: "jdbc:postgresql://h/d", dbtable: y}}}}
          z: {{table: t2}}
        """)
    )
    text = _PROGRAM.replace("BLOCK", 'sys.modules["pyspark"] = None' if block else "")
    done = subprocess.run(
        [sys.executable, "-c", text, str(project)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_neither_checking_nor_planning_imports_spark(project: Path) -> None:
    assert preflight(project, "plain.f", block=False) == ["('a', 'b')", "loaded []"]


def test_missing_spark_alone_is_a_warning(project: Path) -> None:
    warning, order, _ = preflight(project, "sparky.f", block=True)
    assert warning.startswith("warning ")
    assert "imports 'pyspark.sql', which is not installed" in warning
    assert order == "('a', 'b')"


def test_nodes_that_can_not_be_read_are_not_told_to_be_unknown_too(tmp_path: Path) -> None:
    (tmp_path / "tauro.yml").write_text("nodes_config: n.yml\npipelines_config: {p: {nodes: [a]}}\n")
    (tmp_path / "n.yml").write_text("a:\n  function m.f\n  input: [b]\n")
    (message,) = errors(Context.from_project(tmp_path, strict=False))
    assert "not valid YAML" in message
