"""`tauro run`: what it shows and how it ends, with an executor that runs nothing."""

from __future__ import annotations

import json
import re

import pytest

from tauro.config.context import SESSIONS

DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")
RUN = ("run", "--pipeline", "daily", *DAYS)


def test_done_shows_the_table_and_the_locations_and_ends_with_0(project, tauro, fake):
    fake()
    called = tauro(*RUN)
    assert called.code == 0
    lines = called.out.splitlines()
    assert lines[0].split() == ["node", "status", "attempts", "rows", "duration"]
    assert ["clean", "completed", "1", "1,234", "0.2", "s"] in [line.split() for line in lines]
    assert "silver.orders     out/silver/orders" in lines
    assert lines[-1] == "daily, 2025-01-01 .. 2025-01-02: completed, 5 of 5 nodes done in 1.5 s (run r-1)"


def test_without_a_terminal_each_event_is_a_line_with_its_time(project, tauro, fake):
    fake()
    called = tauro(*RUN)
    lines = called.err.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
    texts = [line[10:] for line in lines]
    assert texts[0] == "daily: 5 nodes, 2025-01-01 .. 2025-01-02, at most 4 at once (run r-1)"
    assert "extract: running" in texts
    assert "extract: completed after 0.2 s, 1,234 rows" in texts
    assert texts[-1] == "daily: completed after 1.5 s"


def test_nothing_is_coloured_without_a_terminal(project, tauro, fake):
    fake(fails={"clean": "permanent"})
    called = tauro(*RUN)
    assert "\x1b" not in called.out + called.err


def test_options_reach_the_executor(project, tauro, fake):
    calls = fake()
    tauro(
        *("run", "-p", "daily", *DAYS, "--from", "extract", "--to", "report", "--tags", "people,x", "--tags", "y"),
        *("--node", "clean", "--node", "report", "--max-workers", "7", "--wait", "1h30m"),
    )
    call = calls[-1]
    assert call["wait_s"] == 5400
    assert (call["pipeline"], call["start"], call["end"], call["n"]) == ("daily", "2025-01-01", "2025-01-02", 7)
    selection = call["selection"]
    assert (selection.nodes, selection.start, selection.end) == (("clean", "report"), ("extract",), ("report",))
    assert selection.tags == ("people", "x", "y")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("2.5s", 2.5), ("10m", 600), ("1h", 3600), ("1h30m", 5400)]
)
def test_durations_are_written_with_their_units(project, tauro, fake, text, seconds):
    calls = fake()
    assert tauro(*RUN, "--wait", text).code == 0
    assert calls[-1]["wait_s"] == seconds


@pytest.mark.parametrize("text", ["", "m", "10 m", "1d", "-1", "1m1h"])
def test_what_is_no_duration_is_refused(project, tauro, fake, text):
    fake()
    called = tauro(*RUN, "--wait", text)
    assert called.code == 2
    assert f"{text!r} is not a duration; write it as 30s, 10m or 1h30m" in called.err


def test_without_wait_a_run_does_not_wait(project, tauro, fake):
    calls = fake()
    tauro(*RUN)
    assert calls[-1]["wait_s"] == 0


def test_a_failure_ends_with_3_and_shows_cause_cancelled_nodes_and_at_the_very_end_the_way_on(project, tauro, fake):
    fake(fails={"clean": "other"})
    called = tauro(*RUN)
    assert called.code == 3
    told = called.err[called.err.index("node 'clean' failed") :]
    assert told == (
        "node 'clean' failed in 2 attempts after 3.2 s\n"
        "  ZeroDivisionError: division by zero\n"
        "\n"
        "    Traceback (most recent call last):\n"
        '      File "/project/etl/jobs.py", line 14, in clean\n'
        "        return 1 / 0\n"
        "               ~~^~~\n"
        "    ZeroDivisionError: division by zero\n"
        "\n"
        "cancelled (a node before it failed): report, notify\n"
        "\n"
        "go on from there with:\n"
        "  tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02 --from clean\n"
    )


def test_transient_failures_end_with_4(project, tauro, fake):
    fake(fails={"clean": "transient"})
    assert tauro(*RUN).code == 4


def test_the_way_on_keeps_every_option_quoted(project, tauro, fake):
    fake(fails={"clean": "other"})
    called = tauro(
        *RUN, "--set", "note=it's; rm *", "--env", "dev", "--project", str(project), "--max-workers", "2", "-v"
    )
    assert called.err.splitlines()[-1] == (
        f"  tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02 --project {project} --env dev "
        "--set 'note=it'\"'\"'s; rm *' --max-workers 2 --verbose --from clean"
    )


def test_the_way_on_runs_all_again_where_nothing_was_published(project, tauro, fake):
    file = project / "tauro.yml"
    file.write_text(file.read_text().replace("publish: node", "publish: run"))
    fake(fails={"clean": "other"})
    called = tauro(*RUN)
    assert called.err.splitlines()[-1] == "  tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02"


def test_json_is_one_document_with_the_promised_fields(project, tauro, fake):
    fake()
    document = tauro(*RUN, "--json").document
    assert document["schema_version"] == 1
    assert document["window"] == {"start": "2025-01-01", "end": "2025-01-02"}
    assert (document["run_id"], document["pipeline"], document["status"]) == ("r-1", "daily", "completed")
    assert (document["duration_s"], document["error"]) == (1.5, None)
    clean = next(node for node in document["nodes"] if node["name"] == "clean")
    assert (clean["status"], clean["attempts"], clean["duration_s"], clean["error"]) == ("completed", 1, 0.25, None)
    location = str(project / "out/silver/orders")
    fields = {"id": "silver.orders", "format": "parquet", "path": location, "table": None, "rows": 1234}
    assert fields.items() <= clean["outputs"][0].items()


def test_json_of_a_failed_run_has_the_error_and_the_same_exit_code(project, tauro, fake):
    fake(fails={"clean": "other"})
    called = tauro(*RUN, "--json")
    assert called.code == 3
    error = called.document["error"]
    assert error.keys() == {"type", "message", "node", "attempt", "cause"}
    assert (error["type"], error["node"], error["attempt"]) == ("ZeroDivisionError", "clean", 2)
    assert "jobs.py" in error["cause"]
    assert called.document["resume"].endswith("--from clean")


@pytest.fixture
def no_session():
    """Nobody may open a session."""

    def refuse(*_):
        raise AssertionError("a session was opened")

    before = SESSIONS["session"]
    SESSIONS.add("session", refuse)
    yield
    SESSIONS.add("session", before)


def test_no_session_is_opened_for_remote_outputs_to_tell_how_to_go_on(project, tauro, fake, no_session):
    settings = project / "tauro.yml"
    far = "  far: {format: delta, path: s3a://bucket/far}\n"
    settings.write_text(settings.read_text().replace("environments:", f"{far}environments:"))
    fake(fails={"clean": "other"})
    called = tauro(*RUN, "--json")
    assert called.code == 3
    assert called.document["resume"].endswith("--from clean")


def test_a_session_that_does_not_start_is_a_failure_with_a_document(project, tauro, fake):
    fake(raises="no Java found")
    called = tauro(*RUN, "--json")
    assert called.code == 3
    document = called.document
    assert (document["status"], document["error"]["type"], document["nodes"]) == ("failed", "SessionError", [])


def test_a_defect_ends_with_1_says_so_and_shows_the_traceback(project, tauro, fake):
    fake(breaks="oh")
    called = tauro(*RUN)
    assert called.code == 1
    assert "Traceback" in called.err
    assert "ZeroDivisionError: oh" in called.err
    assert "this is a defect in Tauro" in called.err.splitlines()[-1]


def test_quiet_shows_nothing_when_all_is_well(project, tauro, fake):
    fake()
    assert tauro(*RUN, "--quiet") == type(tauro("list"))(0, "", "")


def test_quiet_shows_the_failure(project, tauro, fake):
    fake(fails={"clean": "other"})
    called = tauro(*RUN, "--quiet")
    assert called.out == ""
    assert called.err.strip().startswith("node 'clean' failed")


def test_quiet_and_verbose_exclude_each_other(project, tauro, fake):
    fake()
    called = tauro(*RUN, "--quiet", "--verbose")
    assert called.code == 2
    assert "exclude each other" in called.err


def test_the_log_file_has_every_event_and_is_appended_to(project, tauro, fake):
    fake(fails={"clean": "other"})
    tauro(*RUN, "--log-file", "logs/run.log")
    first = (project / "logs/run.log").read_text()
    assert "clean: running" in first
    assert "clean: failed after 3.2 s: ZeroDivisionError: division by zero" in first
    tauro(*RUN, "--log-file", "logs/run.log")
    assert (project / "logs/run.log").read_text().startswith(first)


def test_a_log_file_that_cant_be_written_ends_with_2(project, tauro, fake):
    fake()
    called = tauro(*RUN, "--log-file", "tauro.yml/run.log")
    assert called.code == 2
    assert "--log-file" in called.err


def test_dry_run_prints_the_plan_and_runs_nothing(project, tauro, fake):
    calls = fake()
    before = len(calls)
    called = tauro(*RUN, "--dry-run", "--max-workers", "3")
    assert called.code == 0
    assert "at most 3 nodes" in called.out
    assert len(calls) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "--pipeline", "dayly"), "did you mean 'daily'?"),
        (("run",), "there are: daily, adhoc"),
        (("run", "--pipeline", "daily", "--start", "2025-01-01"), "--end is missing"),
        (("run", "--pipeline", "daily", "--start", "2025-13-01", "--end", "2025-01-02"), "'2025-13-01'"),
        (("run", "--pipeline", "daily", *DAYS, "--env", "prd"), "did you mean 'prod'?"),
        (("run", "--pipeline", "daily", *DAYS, "--project", "nowhere"), "nowhere"),
        (("run", "--pipeline", "daily", *DAYS, "--set", "novalue"), "key=value"),
        (("run", "--pipeline", "daily", *DAYS, "--node", "cleen"), "did you mean 'clean'?"),
        (("run", "--pipelin", "daily"), "--pipeline"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint_also_as_json(project, tauro, fake, words, says):
    fake()
    called = tauro(*words)
    assert called.code == 2
    assert says in called.err
    assert called.out == ""
    machine = tauro(*words, "--json")
    assert machine.code == 2
    assert says in json.dumps(machine.document["error"], ensure_ascii=False)
    assert machine.document["nodes"] == []


def test_set_values_are_yaml_scalars_or_text(project, tauro, fake):
    (project / "tauro.yml").write_text(
        (project / "tauro.yml").read_text().replace("output_path: out", "output_path: out\n  max_workers: ${workers}")
    )
    fake()
    called = tauro(*RUN, "--set", "workers=6")
    assert "at most 6 at once" in called.err


def test_secrets_are_shown_nowhere(project, tauro, fake, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "division by zero")
    text = (project / "tauro.yml").read_text()
    (project / "tauro.yml").write_text(
        text.replace("spark.sql.shuffle.partitions: 3", "spark.some.password: ${secret:SHOP_PASSWORD}")
    )
    fake(fails={"clean": "other"})
    for words in ((*RUN, "--log-file", "run.log"), (*RUN, "--json"), (*RUN, "--verbose"), ("show", "settings")):
        called = tauro(*words)
        assert "division by zero" not in called.out + called.err
        assert "***" in called.out + called.err
    assert "division by zero" not in (project / "run.log").read_text()
