"""The context: what it gives, what it fills in for a run, what it keeps closed until it is used."""

from __future__ import annotations

import datetime
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tauro.config import SESSIONS, Context
from tauro.errors import ConfigError, InvalidValueError, UnknownNameError
from tauro.model import Window

Project = Callable[..., Path]
WEEK = Window.parse("2013-01-01", "2013-01-07")


@pytest.fixture
def sessions() -> Iterator[list[Context]]:
    """The contexts that a session was opened for."""
    opened: list[Context] = []

    def open_session(context: Context, pipeline_config: object = None) -> object:
        time.sleep(0.01)
        opened.append(context)
        return object()

    SESSIONS.add("session", open_session)
    yield opened
    SESSIONS.add("session", "tauro.spark.session:open_session")


def test_takes_mappings_paths_and_globs(project: Project) -> None:
    root = project({"n/a.yml": "a: {function: m.a}", "n/b.yml": "b: {function: m.b}", "i.json": '{"i": {"path": "x"}}'})
    context = Context(
        {"max_workers": 2}, {"p": {"nodes": ["a"]}}, ["n/*.yml"], root / "i.json", {"o": {"path": "y"}}, root=root
    )
    assert context.settings.max_workers == 2
    assert list(context.nodes) == ["a", "b"]
    assert context.inputs["i"].path == ("x",)
    assert str(context.inputs["i"].source) == "i.json:1"
    assert context.outputs["o"].path == "y"
    assert context.outputs["o"].source is None
    assert context.source_of("output_config", "o") is None


def test_a_path_that_matches_nothing_is_an_error_without_manifest_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nodes_config: no file matches 'n/\*\.yml'"):
        Context(nodes_config="n/*.yml", root=tmp_path)


def test_the_working_directory_is_the_root_if_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Context().root == tmp_path


def test_the_plain_documents_can_only_be_read() -> None:
    given = {
        "a": {"function": "m.a", "name": "a", "input": ("x", "y"), "params": {"d": datetime.date(2013, 1, 2), 1: 2}}
    }
    context = Context({"default_format": "csv"}, nodes_config=given)
    assert context.nodes_config["a"]["input"] == ["x", "y"]
    assert context.nodes_config["a"]["params"] == {"d": "2013-01-02", "1": 2}
    assert context.global_settings.get("default_format") == "csv"
    with pytest.raises(TypeError):
        context.nodes_config["b"] = {}  # type: ignore[index]  # the very thing that must fail
    given["a"]["function"] = "changed"
    assert context.nodes_config["a"]["function"] == "m.a"


def test_an_entry_without_fields_has_its_defaults() -> None:
    assert Context(output_config={"bronze.events": None}).outputs["bronze.events"].path is None


def test_values_of_the_command_win_over_variables_and_settings() -> None:
    settings = {"variables": {"region": "eu"}, "output_path": "out"}
    context = Context(
        settings, output_config={"o": {"path": "${output_path}/${region}"}}, variables={"region": "us"}, environ={}
    )
    assert context.outputs["o"].path == "out/us"
    assert context.settings.variables == {"region": "us"}
    assert context.global_settings["variables"] == {"region": "us"}


def test_secrets_come_from_a_folder_relative_to_the_project(project: Project) -> None:
    root = project({"vault/DB_PASSWORD": "s3cret-value\n", "note.txt": "remember"})
    context = Context(
        {"secrets_path": "vault"},
        input_config={
            "i": {"format": "jdbc", "options": {"password": "${secret:DB_PASSWORD}", "x": "${file:note.txt}"}}
        },
        root=root,
        environ={},
    )
    assert context.inputs["i"].options == {"password": "s3cret-value", "x": "remember"}
    assert context.redact("a s3cret-value, remember") == "a ***, ***"


def test_a_run_fills_in_its_values_and_leaves_the_context_as_it_was() -> None:
    before = Context(
        {"variables": {"day": "d=${start_date}"}, "spark_config": {"spark.app.name": "run ${run_id}"}},
        nodes_config={
            "a": {"function": "m.a", "params": {"at": "${start_date}"}},
            "b": {"function": "m.b", "params": {"end": "${end_date:-none}", "text": "$${start_date}"}},
            "c": {"function": "m.c"},
        },
        output_config={"o": {"path": "out/${day}"}},
    )
    run = before.for_run(WEEK, "r1")
    assert (run.window, run.run_id) == (WEEK, "r1")
    assert run.nodes["a"].params == {"at": "2013-01-01"}
    assert run.nodes["b"].params == {"end": "2013-01-07", "text": "${start_date}"}
    assert run.outputs["o"].path == "out/d=2013-01-01"
    assert run.nodes_config["a"]["params"] == {"at": "2013-01-01"}
    assert run.settings.spark_config == {"spark.app.name": "run r1"}
    assert run.settings.variables == {"day": "d=2013-01-01"}
    assert run.nodes["c"] is before.nodes["c"], "what does not refer to the run is not parsed again"
    assert list(run.nodes) == ["a", "b", "c"]
    assert (before.window, before.run_id) == (None, None)
    assert before.nodes["a"].params == {"at": "${start_date}"}
    assert before.outputs["o"].path == "out/d=${start_date}"
    assert run.for_run(Window.parse("2014-01-01", "2014-01-01"), "r2").nodes["a"].params == {"at": "2014-01-01"}


def test_a_run_without_dates_makes_what_needs_them_unusable() -> None:
    nodes = {
        "needs": {"function": "m.a", "params": {"at": "${start_date}"}},
        "has_default": {"function": "m.a", "params": {"at": "${start_date:-2013-01-01}"}},
    }
    run = Context(nodes_config=nodes).for_run(None, "r1")
    assert list(run.nodes) == ["has_default"]
    assert run.nodes["has_default"].params == {"at": "2013-01-01"}
    [finding] = run.findings
    assert (finding.document, finding.entry) == ("nodes_config", "needs")
    with pytest.raises(ConfigError, match="the run has no dates"):
        run.nodes["needs"]


def test_paths_are_relative_to_the_project_and_urls_stay(tmp_path: Path) -> None:
    context = Context(root=tmp_path)
    assert context.resolve_path("data/x") == f"{tmp_path}/data/x"
    assert context.resolve_path("../x/*.csv") == f"{tmp_path.parent}/x/*.csv"
    assert context.resolve_path("/abs/x") == "/abs/x"
    for url in ("s3a://bucket/x", "hdfs://host:9/x", "file:/x", "dbfs:/x", "abfss://c@a/x"):
        assert context.resolve_path(url) == url


def test_a_colon_without_a_slash_after_it_makes_no_scheme(tmp_path: Path) -> None:
    context = Context(root=tmp_path)
    assert context.resolve_path("ab:c/x") == f"{tmp_path}/ab:c/x"
    assert context.resolve_path("file:out/x") == f"{tmp_path}/out/x"
    assert context.resolve_path("out/file:x") == f"{tmp_path}/out/file:x"
    assert context.resolve_path("file:///x") == "file:///x"


def test_redaction_knows_literal_passwords_of_options_inline_entries_and_settings() -> None:
    context = Context(
        {"spark_config": {"spark.hadoop.fs.s3a.secret.key": "settings-secret"}},
        {"p": {"nodes": ["n"], "spark_config": {"x.token": "pipeline-secret"}}},
        {"n": {"function": "m.n", "input": {"i": {"format": "jdbc", "options": {"password": "inline-secret"}}}}},
        {"i": {"format": "jdbc", "options": {"password": "input-secret", "dbtable": "visible"}}},
    )
    text = "settings-secret pipeline-secret inline-secret input-secret visible"
    assert context.redact(text) == "*** *** *** *** visible"
    assert Context.is_secret_option("apiKey")


def test_the_pipeline_manager_gives_plain_mappings() -> None:
    context = Context(pipelines_config={"daily": {"nodes": [{"a": None}, "b"], "tags": ["x"]}})
    manager = context._pipeline_manager
    assert manager.get_pipeline("daily") == {"name": "daily", "type": "batch", "nodes": ["a", "b"], "tags": ["x"]}
    with pytest.raises(UnknownNameError, match="unknown pipeline 'dayly'"):
        manager.get_pipeline("dayly")


def test_the_session_is_opened_once_when_it_is_first_used(sessions: list[Context]) -> None:
    context = Context()
    run = context.for_run(WEEK, "r1")
    assert sessions == []
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(run.spark)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sessions == [run]
    assert {id(session) for session in found} == {id(context.spark)}


def test_an_unknown_document_has_no_places() -> None:
    with pytest.raises(UnknownNameError, match="unknown document 'node_config'"):
        Context().source_of("node_config", "a")


def test_the_cycle_collector_is_as_before_after_loading() -> None:
    Context(nodes_config={"a": {"function": "m.a"}})
    assert gc.isenabled()
    gc.disable()
    try:
        Context(nodes_config={"a": {"function": "m.a"}})
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_loading_imports_neither_spark_nor_logging_nor_what_is_slow() -> None:
    code = (
        "import sys; from tauro.config import Context; Context(nodes_config={'a': {'function': 'm.a'}});"
        "print([name for name in ('pyspark', 'loguru', 'sqlglot', 'pandas', 'click', 'rich', 'tomllib')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_every_run_has_of_its_own_can_not_be_set() -> None:
    with pytest.raises(InvalidValueError, match="start_date can't be set"):
        Context(variables={"start_date": "2013-01-01"})
