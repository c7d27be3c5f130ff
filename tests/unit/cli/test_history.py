"""`runs`, `show run`, `logs` and `clean` on runs that were recorded."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.exec.runs.recording import recorded
from tauro.model.outcome import Status
from tests.unit.history.conftest import events_of


@pytest.fixture
def recorded_runs(project: Path) -> list[str]:
    """Two runs: one failed, then one completed."""
    from tauro.exec.planning.plan import make_plan

    context = Context(
        {"output_path": "out"},
        {"daily": {"nodes": ["a", "b"], "requires_dates": False}},
        {"a": {"function": "jobs.a"}, "b": {"function": "jobs.b", "dependencies": "a", "output": "t"}},
        root=project,
    )
    plan = make_plan(context, "daily")
    for name, status in (("20250101T000000-aaa", Status.FAILED), ("20250102T000000-bbb", Status.COMPLETED)):
        with recorded(context, ()) as observers:
            for event in events_of(plan, name, to=status):
                observers[0](event)
                time.sleep(0.001)  # no two at the same microsecond
    return ["20250101T000000-aaa", "20250102T000000-bbb"]


def test_runs_lists_the_latest_first(recorded_runs, tauro):
    lines = tauro("runs").out.splitlines()
    assert lines[2].split()[:3] == ["20250102T000000-bbb", "daily", "completed"]
    assert lines[3].split()[:3] == ["20250101T000000-aaa", "daily", "failed"]
    assert lines[3].rstrip().endswith("ValueError: no good")


def test_runs_are_chosen_by_status_pipeline_date_and_number(recorded_runs, tauro):
    failed, completed = recorded_runs

    def ids(*words: str) -> list[str]:
        return [run["run_id"] for run in tauro("runs", "--json", *words).document["runs"]]

    assert ids("--status", "failed") == [failed]
    assert ids("--status", "failed", "--status", "completed") == [completed, failed]
    assert ids("--limit", "1") == [completed]
    assert ids("--pipeline", "weekly") == []
    assert ids("--since", "2025-01-01", "--until", "2999-01-01") == [completed, failed]
    assert ids("--until", "2025-01-01") == []


def test_the_duration_of_a_run_without_an_end_is_at_least_what_is_known(recorded_runs, tauro, project):
    change(
        project,
        "update tauro_runs set ended_at = null, status = 'running', pid = 4194305, "
        "started_at = '2025-01-01T00:00:00.000000Z', seen_at = '2025-01-01T00:00:12.000000Z'",
    )
    assert tauro("runs").out.count("at least 12.0 s") == 2
    assert "duration  at least 12.0 s" in tauro("show", "run", "last").out.splitlines()
    assert {run["duration_s"] for run in tauro("runs", "--json").document["runs"]} == {12.0}


def change(project: Path, statement: str) -> None:
    """Changes the history behind Tauro's back."""
    with closing(sqlite3.connect(project / ".tauro" / "history.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_date_that_is_none_is_named_with_its_option(recorded_runs, tauro):
    called = tauro("runs", "--since", "yesterday")
    assert called.code == 2
    assert "--since: 'yesterday' is neither a date nor a date-time" in called.err


def test_runs_json_has_the_promised_fields(recorded_runs, tauro):
    document = tauro("runs", "--json").document
    assert document["schema_version"] == 1
    assert document["runs"][0].keys() == {
        *("run_id", "project", "env", "pipeline", "window", "status", "started_at", "ended_at", "seen_at"),
        *("duration_s", "nodes", "nodes_done", "host", "pid", "user", "tauro_version", "error"),
    }
    assert document["runs"][1]["error"]["message"] == "no good"


def test_where_nothing_ran_there_are_no_runs_and_no_file_is_made(project, tauro):
    assert tauro("runs").out == "no runs\n"
    assert tauro("runs", "--json").document["runs"] == []
    assert not (project / ".tauro").exists()


def test_show_run_tells_nodes_attempts_rows_and_outputs(recorded_runs, tauro):
    lines = tauro("show", "run", "last").out.splitlines()
    assert "run       20250102T000000-bbb" in lines
    assert ["b", "completed", "2", "7", "3.0", "s"] in [line.split() for line in lines]
    assert lines[-3:] == ["read codes from jdbc:x#codes", "read raw from /data/raw: version 12", "t  /out/t"]


def test_show_run_json_has_the_promised_fields(recorded_runs, tauro):
    document = tauro("show", "run", "20250102", "--json").document
    assert document["run_id"] == "20250102T000000-bbb"
    assert document["plan"]["order"] == ["a", "b"]
    _, node = document["nodes"]
    assert node.keys() == {"name", "status", "duration_s", "note", "attempts", "outputs", "reads"}
    assert [attempt["status"] for attempt in node["attempts"]] == ["failed", "completed"]
    assert node["attempts"][0]["error"]["cause"] == "Traceback\nValueError: no good"
    assert node["reads"] == [
        {"id": "codes", "location": "jdbc:x#codes", "version": None},
        {"id": "raw", "location": "/data/raw", "version": "12"},
    ]
    (output,) = node["outputs"]
    assert (output["id"], output["rows"], output["schema"]) == ("t", 7, {"fields": []})
    assert output["published_at"] >= output["written_at"]


def test_logs_tell_what_happened_in_order_with_tracebacks(recorded_runs, tauro):
    lines = [line.split("  ", 1)[-1] for line in tauro("logs", "last").out.splitlines()]
    assert lines[1:] == [
        "a: attempt 1 started",
        "a: completed",
        "b: attempt 1 started",
        "b: failed: ValueError: no good; tried again after 2.0 s",
        "  Traceback",
        "  ValueError: no good",
        "b (2): attempt 2 started",
        "b: staged t (parquet, 7 rows)",
        "b (2): completed",
        "b: published t",
        "run completed",
    ]


def test_logs_of_one_node_hold_nothing_else(recorded_runs, tauro):
    entries = tauro("logs", "last", "a", "--json").document["entries"]
    assert [entry["message"] for entry in entries] == ["attempt 1 started", "completed"]
    assert entries[0].keys() == {"at", "node", "attempt", "message", "cause"}


def test_an_unknown_run_or_node_is_named_with_the_closest(recorded_runs, tauro):
    called = tauro("show", "run", "20250102T000000-bbc")
    assert called.code == 2
    assert "did you mean '20250102T000000-bbb'?" in called.err
    called = tauro("logs", "last", "bb")
    assert called.code == 2
    assert "known: a, b" in called.err
    assert "2 runs begin with '2025'" in tauro("logs", "2025").err


def test_clean_removes_old_runs_and_says_how_many(recorded_runs, tauro):
    assert tauro("clean", "--older-than", "1d").out == "0 runs removed from the history\n"
    dry = tauro("clean", "--older-than", "0s", "--dry-run").out
    assert "20250101T000000-aaa  daily  failed" in dry.splitlines()
    assert dry.splitlines()[-1] == "2 runs would be removed from the history"
    document = tauro("clean", "--older-than", "0s", "--json").document
    assert sorted(document["history"]["runs"]) == recorded_runs
    assert tauro("runs").out == "no runs\n"


@pytest.mark.parametrize("age", ["30", "d", "-1d", "999999999999d"])
def test_an_age_that_is_none_is_a_mistake(project, tauro, age):
    called = tauro("clean", "--older-than", age)
    assert called.code == 2
    assert "--older-than" in called.err


def test_a_project_without_a_history_says_so(project, tauro):
    text = (project / "tauro.yml").read_text()
    (project / "tauro.yml").write_text(text.replace("  output_path: out\n", "  output_path: out\n  history: off\n"))
    called = tauro("runs")
    assert called.code == 2
    assert "the project keeps no history" in called.err


def test_a_damaged_history_is_an_error_to_who_asks(project, tauro):
    (project / ".tauro").mkdir()
    (project / ".tauro" / "history.db").write_bytes(b"garbage" * 999)
    called = tauro("runs")
    assert called.code == 3
    assert "damaged" in called.err
    assert "the next run sets it aside" in called.err
