"""Everything that is wrong with a project is told at once, in plain words, with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tauro.config import Context
from tauro.errors import ConfigError, UnknownNameError

Project = Callable[..., Path]


def told(**documents: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Context(**documents)
    return [str(problem) for problem in caught.value.problems]


def node(**fields: Any) -> str:
    [problem] = told(nodes_config={"n": {"function": "m.n", **fields}})
    return problem


def test_all_problems_of_all_documents_come_in_one_report_by_file_and_line(project: Project) -> None:
    root = project(
        {
            "tauro.yml": (
                "nodes_config: nodes.yml\npipelines_config: pipelines.yml\n"
                "output_config: outputs.yml\nglobal_settings:\n  max_worker: 3\n"
            ),
            "nodes.yml": (
                "load:\n  function: m.load\n  inptu: a\n  retry: {retires: 1}\n"
                "both:\n  function: m.b\n  sql: SELECT 1\n"
                "late:\n  function: m.l\n  params: {x: '${nope}'}\n  timeout_s: 0\n"
            ),
            "pipelines.yml": "daily:\n  nodes: []\n  on_failure: stopp\n",
            "outputs.yml": "o:\n  write_mode: merge\n",
        }
    )
    with pytest.raises(ConfigError) as caught:
        Context.from_project(root)
    lines = [str(problem).splitlines()[0] for problem in caught.value.problems]
    assert lines == [
        "tauro.yml:5  global_settings: unknown field 'max_worker'",
        "pipelines.yml:2  pipeline 'daily': nodes: must not be empty",
        "pipelines.yml:3  pipeline 'daily': on_failure: expected stop or continue, got the text 'stopp'",
        "nodes.yml:3  node 'load': unknown field 'inptu'",
        "nodes.yml:4  node 'load': unknown field 'retry.retires'",
        "nodes.yml:5  node 'both': a node has either a function or sql",
        "nodes.yml:10  node 'late': params.x: ${nope} is not defined",
        "outputs.yml:1  output 'o': write_mode merge needs keys",
    ]


def test_an_unknown_field_is_told_with_the_known_ones_and_the_nearest() -> None:
    problem = node(inptu="a")
    assert problem.splitlines() == [
        "node 'n': unknown field 'inptu'",
        "  known fields: function, sql, input, output, dependencies, params, hyperparams, metrics, description, tags, "
        "retry, timeout_s",
        "  fix: did you mean 'input'?",
    ]


def test_an_unknown_nested_field_is_told_with_those_of_its_place() -> None:
    problem = node(retry={"retires": 1})
    assert "  known fields: retries, backoff_s, max_backoff_s" in problem
    assert "did you mean 'retries'?" in problem


def test_the_field_schema_is_known_by_the_name_that_users_write() -> None:
    [problem] = told(input_config={"i": {"schem": "a INT"}})
    assert "schema" in problem
    assert "schema_" not in problem


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"description": 3}, "description: expected text, got the number 3"),
        ({"description": ["a"]}, "description: expected text, got a list"),
        ({"timeout_s": "soon"}, "timeout_s: expected a number, got the text 'soon'"),
        ({"timeout_s": 0}, "timeout_s: must be greater than 0, got 0"),
        ({"retry": -1}, "retry.retries: must be at least 0, got -1"),
        ({"retry": 1.5}, "retry: expected a mapping, got the number 1.5"),
        ({"retry": {"retries": "x"}}, "retry.retries: expected a whole number, got the text 'x'"),
        ({"params": "a=1"}, "params: expected a mapping, got the text 'a=1'"),
        ({"tags": {"a": 1}}, "tags: expected a name or a list of names, got a mapping"),
        ({"tags": ["a", None]}, "tags[1]: expected text, got nothing"),
        ({"dependencies": [3]}, "dependencies: a dependency is 3 (int); expected a node's name or a one-key mapping"),
        ({"dependencies": {"a": 1, "b": 2}}, "dependencies: a dependency written as a mapping has one key"),
        ({"input": 3}, "input: expected an id, a list of ids, or a mapping from argument to id; got int"),
        ({"input": {"a": {"pth": "x"}}}, "unknown field 'input.a.pth'"),
        ({"input": ["x", {"options": {"h": [1]}}]}, "input[1].options.h: expected text, a number, true or false"),
        ({"output": [{"path": "x", "table": "y"}]}, "output[0]: path and table exclude each other"),
        ({"name": "other"}, "its name is 'other'"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(fields: dict[str, Any], message: str) -> None:
    problem = node(**fields)
    assert problem.startswith(f"node 'n': {message}")
    assert "pydantic" not in problem
    assert "Input should" not in problem


def test_unquoted_numbers_where_text_is_expected_are_told_how_to_stay_text() -> None:
    [problem] = told(global_settings={"default_model_version": 1.1})
    assert problem.endswith("fix: write it in quotes, so that it stays text")


def test_wrong_booleans_choices_and_missing_fields_are_told() -> None:
    assert told(
        pipelines_config={"p": {"requires_dates": "maybe", "type": "bacth"}},
        input_config={"i": {"options": {"header": {}}}},
    ) == [
        "pipeline 'p': the field 'nodes' is missing",
        "pipeline 'p': type: expected batch, streaming, hybrid or ml, got the text 'bacth'\n"
        "  fix: did you mean 'batch'?",
        "pipeline 'p': requires_dates: expected true or false, got the text 'maybe'",
        "input 'i': options.header: expected text, a number, true or false, got a mapping",
    ]


@pytest.mark.parametrize("entry", ["text", 3, ["a"]])
def test_an_entry_that_is_no_mapping_is_told(entry: object) -> None:
    [problem] = told(input_config={"i": entry})
    assert problem.startswith("input 'i': expected a mapping of fields, got ")


def test_words_that_look_like_booleans_stay_text_and_still_are_booleans_where_expected(project: Project) -> None:
    root = project(
        {
            "tauro.yml": "nodes_config: n.yml\npipelines_config: p.yml",
            "n.yml": "no:\n  function: m.a\n  description: on\n  params: {country: no, day: 2013-01-01, zip: 01234}",
            "p.yml": "p: {nodes: no, requires_dates: off}",
        }
    )
    context = Context.from_project(root)
    assert context.nodes["no"].description == "on"
    assert context.nodes["no"].params == {"country": "no", "day": "2013-01-01", "zip": "01234"}
    assert context.pipelines["p"].nodes == ("no",)
    assert context.pipelines["p"].requires_dates is False


def test_duplicate_keys_are_told_with_both_lines(project: Project) -> None:
    root = project(
        {
            "tauro.yml": "nodes_config: n.yml\ninput_config:\n  i:\n    path: a\n    path: b\n",
            "n.yml": "a:\n  function: m.a\n  function: m.b\nb: {function: m.b}\na: {function: m.c}\n",
        }
    )
    context = Context.from_project(root, strict=False)
    found = [(each.document, each.entry, each.problem.file, each.problem.line) for each in context.findings]
    assert found == [
        ("input_config", "i", "tauro.yml", 5),
        ("nodes_config", "a", "n.yml", 3),
        ("nodes_config", "a", "n.yml", 5),
    ]
    assert context.findings[1].problem.notes == ("first in line 2",)
    assert list(context.nodes) == ["b"]


def test_a_faulty_entry_is_missing_from_the_specs_and_kept_among_the_values() -> None:
    nodes = {"bad": {"sql": 3}, "good": {"function": "m.a"}}
    context = Context(nodes_config=nodes, strict=False)
    assert list(context.nodes) == ["good"]
    assert "bad" not in context.nodes
    assert context.nodes.get("bad") is None
    assert context.nodes_config == nodes
    [finding] = context.findings
    assert (finding.document, finding.entry) == ("nodes_config", "bad")
    with pytest.raises(ConfigError, match="sql: expected text"):
        context.nodes["bad"]


def test_unknown_names_come_with_suggestions() -> None:
    context = Context(nodes_config={"extract": {"function": "m.a"}, "bad": {}}, strict=False)
    with pytest.raises(UnknownNameError, match="unknown node 'extrat'; known: extract, bad") as caught:
        context.nodes["extrat"]
    assert caught.value.fix == "did you mean 'extract'?"


def test_a_faulty_variable_is_told_once_and_its_users_are_unusable() -> None:
    context = Context(
        {"variables": {"v": "${nope}"}},
        nodes_config={"a": {"function": "m.a", "timeout_s": "${v}"}, "b": {"function": "${v}"}},
        strict=False,
    )
    assert [str(each.problem).splitlines()[0] for each in context.findings] == [
        "global_settings: variables.v: ${nope} is not defined"
    ]
    assert len(context.nodes) == 0
    with pytest.raises(ConfigError, match="refers to a variable or setting that has a problem of its own"):
        context.nodes["a"]


def test_faulty_settings_stay_at_their_defaults() -> None:
    settings = {"max_workers": 0, "publish": "nod", "on_failure": "continue", "output_path": "${nope}"}
    context = Context(settings, strict=False)
    assert len(context.findings) == 3
    assert (context.settings.max_workers, context.settings.on_failure) == (4, "continue")
    assert context.settings.output_path is None


def test_a_faulty_value_of_the_command_is_told_as_such() -> None:
    with pytest.raises(ConfigError, match=r"--set: variables\.x: \$\{nope\} is not defined"):
        Context({"variables": {"x": 1}}, variables={"x": "${nope}"})


def test_problems_show_no_secrets() -> None:
    with pytest.raises(ConfigError) as caught:
        Context(
            nodes_config={"n": {"function": "m.a", "timeout_s": "${secret:TOKEN}"}}, environ={"TOKEN": "hunter2hunter2"}
        )
    assert "hunter2" not in str(caught.value)
    assert "timeout_s: expected a number, got the text '***'" in str(caught.value)
