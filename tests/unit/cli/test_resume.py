"""`tauro resume` and `tauro run --run-id`: the run they carry on, or find done, with an executor that runs nothing."""

from __future__ import annotations

import pytest

from tauro.config import Context
from tauro.exec.runs.recording import tell_recovered
from tauro.model.outcome import Status
from tauro.publish.journal import NodeNote
from tauro.publish.recovery import Ending, Recovered

NOTE = NodeNote(node="extract", code="c", configuration="d", outputs=())
DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")
RUN = ("run", "--pipeline", "daily", *DAYS)


def test_the_latest_run_is_carried_on_with_what_it_was_asked_for(project, tauro, fake, leave):
    calls = fake(done=["extract"])
    leave("20250101T000000-aaa")
    journal = leave("20250102T000000-bbb", asked={"selection": {"nodes": ["clean", "extract"]}})
    called = tauro("resume", "--max-workers", "3", "--wait", "1m")
    assert called.code == 0
    call = calls[-1]
    assert (call["run_id"], call["journal"].home) == ("20250102T000000-bbb", journal.home)
    assert (call["pipeline"], call["start"], call["end"]) == ("daily", "2025-01-01", "2025-01-02")
    assert (call["selection"].nodes, call["n"], call["wait_s"]) == (("clean", "extract"), 3, 60)


def test_nodes_that_were_done_are_shown_as_skipped_and_count_as_done(project, tauro, fake, leave):
    fake(done=["extract", "customers"])
    leave("r-1")
    called = tauro("resume")
    assert ["extract", "skipped"] in [line.split() for line in called.out.splitlines()]
    assert "skipped (done by an earlier process of the run): extract, customers" in called.out.splitlines()
    assert called.out.splitlines()[-1].startswith(
        "daily, 2025-01-01 .. 2025-01-02: completed, 5 of 5 nodes done (2 of them before) in"
    )
    assert "extract: skipped (done by an earlier process of the run)" in called.err


def test_last_is_none_that_goes_on_and_none_of_another_environment_if_there_is_a_choice(project, tauro, fake, leave):
    calls = fake()
    leave("20250101T000000-aaa")
    leave("20250102T000000-bbb", env="prod")
    leave("20250103T000000-ccc", "alive")
    for words, run_id in (((), "20250101T000000-aaa"), (("--env", "prod"), "20250102T000000-bbb")):
        assert tauro("resume", *words).code == 0
        assert calls[-1]["run_id"] == run_id


def test_the_beginning_of_an_id_will_do(project, tauro, fake, leave):
    calls = fake()
    leave("20250101T000000-aaa")
    leave("20250102T000000-bbb")
    assert tauro("resume", "20250101", "--quiet") == type(tauro("list"))(0, "", "")
    assert calls[-1]["run_id"] == "20250101T000000-aaa"


@pytest.mark.parametrize("name", ["20250101T000000-aab", "2025"])
def test_what_is_no_run_to_carry_on_is_answered_with_those_that_are(project, tauro, fake, leave, name):
    fake()
    leave("20250101T000000-aaa")
    leave("20250102T000000-bbb")
    called = tauro("resume", name)
    assert called.code == 2
    assert "known: 20250102T000000-bbb, 20250101T000000-aaa" in called.err
    document = tauro("resume", name, "--json").document
    assert (document["error"]["type"], document["nodes"], document["resume"]) == ("UnknownNameError", [], None)


@pytest.mark.parametrize("words", [("resume", "r-1"), (*RUN, "--run-id", "r-1")])
def test_a_run_that_is_done_is_not_done_again(project, tauro, fake, record, words):
    calls = fake()
    before = len(calls)
    record("r-1")
    called = tauro(*words)
    assert (called.code, called.out, called.err) == (0, "run r-1 is done already: nothing to do\n", "")
    assert tauro(*words, "--quiet").out == ""
    document = tauro(*words, "--json").document
    assert len(calls) == before
    assert (document["run_id"], document["status"], document["resume"]) == ("r-1", "completed", None)
    assert document["window"] == {"start": "2025-01-01", "end": "2025-01-02"}
    assert [(node["name"], node["attempts"]) for node in document["nodes"]] == [("extract", 1), ("clean", 2)]
    (output,) = document["nodes"][1]["outputs"]
    assert (output["id"], output["rows"], output["is_published"]) == ("silver.orders", 7, True)


def test_the_latest_run_being_done_says_nothing_of_one_that_died_before_it_began(project, tauro, fake, record):
    fake()
    record("r-1")
    called = tauro("resume")
    assert called.code == 2
    assert "run r-1 of pipeline 'daily' (completed) has left nothing to be carried on with" in called.err
    assert "it is done; `tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02` runs it again" in called.err


def test_a_run_that_failed_and_left_nothing_has_to_be_run_again(project, tauro, fake, record):
    fake()
    record("r-1", status=Status.FAILED, env="dev")
    called = tauro("resume", "r-1", "--env", "dev")
    assert called.code == 2
    assert "run r-1 of pipeline 'daily' (failed) has left nothing to be carried on with" in called.err
    assert "`tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02 --env dev` runs it again" in called.err


def test_who_has_dropped_what_a_run_had_staged_is_told(project, tauro, fake, record):
    fake()
    record("r-1", status=Status.FAILED)
    dropped = Recovered("r-1", "daily", Ending.DROPPED, ("silver.orders",))
    tell_recovered(Context.from_project(project, strict=False), dropped, by="r-2")
    text = "run r-1 of pipeline 'daily' did not publish: what it had staged is dropped: silver.orders (by run r-2)"
    assert f"nothing to be carried on with: {text}" in tauro("resume", "r-1").err
    assert text in tauro("show", "run", "r-1").out


@pytest.mark.parametrize("name", ["last", ()])
def test_where_no_run_has_left_anything_there_is_nothing_to_carry_on_with(project, tauro, fake, name):
    fake()
    called = tauro("resume", *([name] if name else []))
    assert called.code == 2
    assert "no run has left anything to carry on with" in called.err


def test_a_run_of_another_environment_is_not_carried_on(project, tauro, fake, leave):
    calls = fake()
    leave("r-1", env="prod")
    for words in (("resume",), (*RUN, "--run-id", "r-1")):
        called = tauro(*words)
        assert called.code == 2
        assert "was begun in environment 'prod', and can't be carried on in no environment" in called.err
        assert "--env prod" in called.err
        assert tauro(*words, "--env", "prod").code == 0
    assert calls[-1]["run_id"] == "r-1"


def test_after_a_failure_the_last_line_carries_it_on_when_something_was_kept(project, tauro, fake, leave):
    fake(fails={"clean": "other"})
    leave("r-1").note(NOTE)
    words = ("--project", str(project), "--env", "dev", "--set", "note=it's; rm *")
    called = tauro(*RUN, *words, "--max-workers", "2", "-v")
    assert called.code == 3
    assert called.err.splitlines()[-2:] == [
        "go on from there with:",
        f"  tauro resume r-1 --project {project} --env dev --set 'note=it'\"'\"'s; rm *'",
    ]
    assert tauro(*RUN, "--json").document["resume"] == "tauro resume r-1"
    again = tauro("resume")
    assert again.code == 3
    assert again.err.splitlines()[-1] == "  tauro resume r-1"


def test_after_a_failure_before_any_node_was_done_nothing_is_carried_on(project, tauro, fake, leave):
    fake(fails={"extract": "other"})
    leave("r-1")
    assert tauro(*RUN).err.splitlines()[-1].startswith(f"  tauro {' '.join(RUN)}")
    assert tauro("resume").err.splitlines()[-1] == f"  tauro {' '.join(RUN)}"


def test_after_a_failure_that_left_nothing_what_was_asked_for_is_to_be_run_again(project, tauro, fake, leave):
    fake(fails={"clean": "other"}, forgets=True)
    selection = {"nodes": ["extract", "clean"], "start": ["extract"], "end": ["clean"]}
    leave("r-1", asked={"selection": selection, "max_workers": 2})
    called = tauro("resume", "--set", "a=b c")
    assert called.err.splitlines()[-1] == (
        "  tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02 --node extract --node clean --from extract "
        "--to clean --max-workers 2 --set 'a=b c'"
    )


def test_why_a_node_is_run_again_is_said(project, tauro, fake, leave):
    fake(says="node 'clean' is run again: its code has changed")
    leave("r-1")
    (line,) = [line for line in tauro("resume").err.splitlines() if "run again" in line]
    assert line.endswith("INFO     node 'clean' is run again: its code has changed")
    assert "run again" not in tauro("resume", "--quiet").err


def test_a_new_run_bears_the_id_that_it_is_given(project, tauro, fake):
    calls = fake()
    assert tauro(*RUN, "--run-id", "daily 2025-01-01").code == 0
    assert (calls[-1]["run_id"], calls[-1]["journal"]) == ("daily 2025-01-01", None)


def test_a_run_that_is_half_done_is_carried_on_under_its_id(project, tauro, fake, leave, record):
    calls = fake()
    journal = leave("r-1")
    record("r-1", status=Status.FAILED)
    assert tauro(*RUN, "--run-id", "r-1").code == 0
    assert (calls[-1]["run_id"], calls[-1]["journal"].home) == ("r-1", journal.home)


def test_an_id_that_begins_another_is_new(project, tauro, fake, record):
    calls = fake()
    record("r-10")
    assert tauro(*RUN, "--run-id", "r-1").code == 0
    assert calls[-1]["run_id"] == "r-1"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("run", "--pipeline", "adhoc", *DAYS), "pipeline 'adhoc' of project 'shop' for 2025-01-01 .. 2025-01-02"),
        (
            ("run", "-p", "daily", "--start", "2025-01-01", "--end", "2025-01-03"),
            "pipeline 'daily' of project 'shop' for 2025-01-01 .. 2025-01-03",
        ),
        (
            (*RUN, "--env", "dev"),
            "pipeline 'daily' of project 'shop' in environment 'dev' for 2025-01-01 .. 2025-01-02",
        ),
    ],
)
def test_the_id_of_something_else_that_is_done_is_refused(project, tauro, fake, record, words, asked):
    calls = fake()
    before = len(calls)
    record("r-1")
    called = tauro(*words, "--run-id", "r-1")
    assert called.code == 2
    assert "run r-1 is done, and was pipeline 'daily' of project 'shop' for 2025-01-01 .. 2025-01-02;" in called.err
    assert f"asked for is {asked}" in called.err
    assert len(calls) == before


def test_without_a_history_a_run_that_was_done_runs_again(project, tauro, fake, record):
    calls = fake()
    record("r-1")
    text = (project / "tauro.yml").read_text()
    (project / "tauro.yml").write_text(text.replace("  output_path: out\n", "  output_path: out\n  history: off\n"))
    assert "5 of 5 nodes done" in tauro(*RUN, "--run-id", "r-1").out
    assert calls[-1]["run_id"] == "r-1"


def test_with_a_damaged_history_it_runs_again_and_says_why(project, tauro, fake):
    calls = fake()
    (project / ".tauro").mkdir()
    (project / ".tauro" / "history.db").write_bytes(b"garbage" * 999)
    called = tauro(*RUN, "--run-id", "r-1")
    assert called.code == 0
    assert "whether run r-1 is done already can't be told" in called.err
    assert calls[-1]["run_id"] == "r-1"


@pytest.mark.parametrize(
    ("run_id", "says"),
    [
        ("", "is empty"),
        (" r", "begins or ends with a space"),
        ("a\nb", "can't be printed"),
        ("a" * 101, "too long"),
        ("ü" * 99, "too long"),
        ("a/b", "looks like a path"),
        ("..", "looks like a path"),
        ("-r", "looks like an option"),
        ("Leases", "means something else"),
        ("runs", "means something else"),
        ("last", "means something else"),
    ],
)
def test_what_cant_name_a_run_is_refused(project, tauro, fake, run_id, says):
    fake()
    called = tauro(*RUN, f"--run-id={run_id}")
    assert called.code == 2
    assert says in called.err


def test_options_that_exclude_each_other_are_refused(project, tauro, fake):
    fake()
    assert "exclude each other" in tauro(*RUN, "--run-id", "r", "--dry-run").err
    assert "exclude each other" in tauro("resume", "-q", "-v").err
