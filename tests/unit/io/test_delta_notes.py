"""An append is known again by what its commit says of itself, where nothing else of the log can be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tauro.io.delta.notes import is_note_of, note
from tauro.io.ports import WriteRequest
from tauro.model import OutputSpec, Window

REQUEST = WriteRequest(
    "daily", "n", "x", OutputSpec.parse("x", {"path": "s3a://b/x"}), Window("2025-01-01", "2025-01-02"), "run-1"
)


def test_a_window_is_known_in_whatever_run() -> None:
    assert is_note_of(note(replace(REQUEST, run_id="run-2"), "w"), REQUEST)


@pytest.mark.parametrize("change", [{"node": "m"}, {"window": Window("2025-01-01", "2025-01-03")}, {"pipeline": None}])
def test_others_are_told_apart(change: dict[str, object]) -> None:
    assert not is_note_of(note(replace(REQUEST, **change), "w"), REQUEST)  # type: ignore[arg-type]  # fields of several types


def test_without_dates_an_append_is_its_own_runs_alone() -> None:
    undated = replace(REQUEST, window=None)
    assert is_note_of(note(undated, "w"), undated)
    assert not is_note_of(note(replace(undated, run_id="run-2"), "w"), undated)


@pytest.mark.parametrize("text", [None, "", "by hand", "[]", '{"node": "n"}'])
def test_what_others_wrote_is_no_note(text: str | None) -> None:
    assert not is_note_of(text, REQUEST)
