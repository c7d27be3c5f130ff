"""`tauro recover`, and what `tauro clean` does beside outputs, on runs of which only the journal was ever there."""

from __future__ import annotations

import os

import pytest

from tauro.cli.render.words import moment
from tauro.publish.journal import About, CommitRecord, CommitState, Journal, NodeNote

DONE = CommitRecord(state=CommitState.DONE, outputs=())
NOTE = NodeNote(node="extract", code="c", configuration="d", outputs=())


def test_where_nothing_died_it_says_so(project, tauro):
    called = tauro("recover")
    assert (called.code, called.out, called.err) == (0, "nothing to recover\n", "")


def test_a_run_that_died_before_it_published_can_be_carried_on(project, tauro, leave):
    leave("r-1").note(NOTE)
    called = tauro("recover", "--project", str(project), "--set", "note=it's")
    assert called.code == 0
    lines = called.out.splitlines()
    begun = moment("2025-01-03T00:00:00+00:00")
    assert lines[0] == "run r-1 of pipeline 'daily' died before it published anything; staged: nothing"
    assert lines[1].startswith(f"run r-1 of pipeline 'daily' for 2025-01-01 .. 2025-01-02, begun {begun} on ")
    assert lines[1].endswith(", can be carried on with:")
    assert lines[2] == f"  tauro resume r-1 --project {project} --set 'note=it'\"'\"'s'"
    again = tauro("recover").out.splitlines()
    assert again[0] == "nothing to recover"
    assert again[-1] == "  tauro resume r-1"


def test_a_run_that_died_before_a_node_was_done_is_run_again(project, tauro, leave):
    leave("r-1", asked={"selection": {"nodes": ["extract"]}})
    command = f"tauro run --pipeline daily --start 2025-01-01 --end 2025-01-02 --node extract --project {project}"
    lines = tauro("recover", "--project", str(project)).out.splitlines()
    assert lines[1].endswith(", has nothing done; it can be run again with:")
    assert lines[2:] == [f"  {command}"]
    (abandoned,) = tauro("recover", "--json", "--project", str(project)).document["abandoned"]
    assert abandoned["resume"] == command


def test_a_run_that_died_once_everything_was_published_leaves_nothing(project, tauro, leave):
    journal = leave("r-1")
    journal.decide("run", DONE)
    assert "died while it was publishing; everything was published already\n" in tauro("recover").out
    assert not journal.home.exists()
    assert not (project / "out/silver/_tauro").exists()


def test_what_a_run_had_decided_is_finished_even_if_it_has_ended_since(project, tauro, leave):
    leave("r-1", "abandoned").decide("run", DONE)
    assert "run r-1" in tauro("recover").out
    assert tauro("recover").out == "nothing to recover\n"


def test_runs_that_go_on_are_left_alone(project, tauro, leave):
    journal = leave("r-1", "alive")
    journal.decide("run", DONE)
    called = tauro("recover")
    assert (called.code, called.out) == (0, "nothing to recover\n1 run still under way, left alone\n")
    assert journal.exists


def test_its_document_has_the_promised_fields(project, tauro, leave):
    leave("r-1").note(NOTE)
    leave("r-2", "alive")
    document = tauro("recover", "--json", "--project", str(project)).document
    (recovered,) = document["recovered"]
    about = {"run_id", "pipeline", "window", "started_at", "host"}
    assert recovered.keys() == {*about, "ending", "outputs", "left"}
    assert (recovered["run_id"], recovered["ending"]) == ("r-1", "abandoned")
    assert recovered["window"] == {"start": "2025-01-01", "end": "2025-01-02"}
    (abandoned,) = document["abandoned"]
    assert abandoned.keys() == {*about, "resume"}
    assert abandoned["resume"] == f"tauro resume r-1 --project {project}"
    assert (document["alive"], document["error"]) == (["r-2"], None)


@pytest.mark.parametrize("life", ["dead", "abandoned"])
def test_a_run_that_cant_be_recovered_does_not_keep_others_from_it(project, tauro, leave, life):
    spoiled = leave("r-2", life)
    spoiled.decide("run", DONE)
    (spoiled.home / "publish" / "run.json").write_text("{")
    leave("r-1").decide("run", DONE)
    called = tauro("recover")
    assert called.code == 3
    assert "run r-1" in called.out
    assert "r-2" not in called.out
    assert f"error: {spoiled.home}/publish/run.json can't be read" in called.err
    assert tauro("recover", "--json").document["error"]["type"] == "JournalError"


def test_a_journal_that_cant_be_read_is_named_with_the_folder_to_remove(project, tauro, leave):
    spoiled = leave("r-1")
    (spoiled.home / "run.json").write_text("{")
    called = tauro("recover")
    assert called.code == 3
    assert f"{spoiled.home}/run.json can't be read" in called.err
    assert called.err.splitlines()[-1].endswith(f"once you have looked at it, remove {spoiled.home}")


def test_a_run_that_is_done_while_it_is_looked_at_is_no_run_that_died(project, tauro, leave, monkeypatch):
    journal = leave("r-1")
    about = Journal.about

    def late(self: Journal) -> About:
        journal.remove()
        return about(self)

    monkeypatch.setattr(Journal, "about", late)
    assert tauro("recover").out == "nothing to recover\n"


def test_clean_drops_what_old_runs_have_staged(project, tauro, leave):
    old, new = leave("r-1", "abandoned"), leave("r-2", started_at="2999-01-01T00:00:00+00:00")
    alive = leave("r-3", "alive")
    dry = tauro("clean", "--older-than", "30d", "--dry-run")
    assert dry.out.splitlines()[-2:] == [
        "would drop what 1 run had staged",
        "0 runs would be removed from the history",
    ]
    assert old.exists
    called = tauro("clean", "--older-than", "30d")
    assert called.code == 0
    assert "run r-1 of pipeline 'daily' did not publish: what it had staged is dropped: nothing" in called.out
    assert "dropped what 1 run had staged" in called.out.splitlines()
    workshop = project / "out/silver/_tauro"
    assert not old.exists
    assert not (workshop / "r-1").exists()
    assert (new.exists, alive.exists) == (True, True)
    assert {"r-2", "r-3"} <= {path.name for path in workshop.iterdir()}


def test_clean_finishes_what_a_run_that_died_had_decided(project, tauro, leave):
    leave("r-1").decide("run", DONE)
    called = tauro("clean", "--older-than", "30d", "--json")
    assert called.document["staged"] == {"runs": ["r-1"], "folders": []}
    assert not (project / "out/silver/_tauro").exists()


def test_clean_removes_old_folders_of_runs_that_nobody_knows(project, tauro, leave):
    leave("r-1", started_at="2999-01-01T00:00:00+00:00")
    workshop = project / "out/silver/_tauro"
    for name in ("stray", "young", "grown/node"):
        (workshop / name).mkdir(parents=True)
    for name in ("stray", "grown", "r-1/extract", "r-1", "leases", "runs"):
        os.utime(workshop / name, (1, 1))
    (project / ".tauro" / "mine").mkdir(parents=True)
    os.utime(project / ".tauro" / "mine", (1, 1))
    words = ("clean", "--older-than", "1d", "--json")
    document = tauro(*words, "--dry-run").document
    assert document["staged"] == {"runs": [], "folders": [str(workshop / "stray")]}
    assert (workshop / "stray").exists()
    assert tauro(*words).document["staged"] == document["staged"]
    assert sorted(path.name for path in workshop.iterdir() if path.is_dir()) == [
        "grown",
        "leases",
        "r-1",
        "runs",
        "young",
    ]
    assert (project / ".tauro" / "mine").exists()


def test_clean_needs_no_history(project, tauro, leave):
    text = (project / "tauro.yml").read_text()
    (project / "tauro.yml").write_text(text.replace("  output_path: out\n", "  output_path: out\n  history: off\n"))
    leave("r-1")
    assert tauro("clean", "--older-than", "30d", "--json").document["staged"]["runs"] == ["r-1"]


def test_clean_goes_on_after_a_run_that_cant_be_recovered(project, tauro, leave):
    spoiled = leave("r-2")
    spoiled.decide("run", DONE)
    (spoiled.home / "publish" / "run.json").write_text("{")
    leave("r-1")
    called = tauro("clean", "--older-than", "30d")
    assert called.code == 3
    assert "dropped what 1 run had staged" in called.out
    assert "can't be read" in called.err
    assert (project / "out/silver/_tauro/r-2").exists()
