"""`tauro.run` with an id, and `tauro.resume`: runs that are done, that have begun, and that are not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import tauro
from tauro.config import Context
from tauro.errors import InvalidValueError, UnknownNameError
from tauro.model.events import Event
from tauro.model.outcome import Status

JOBS = """\
from pathlib import Path

CALLS = Path(__file__).with_name("calls")


def first():
    CALLS.write_text(CALLS.read_text() + "." if CALLS.exists() else ".")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one node that writes nothing, so that its runs need no session."""
    (tmp_path / "tauro.yml").write_text(
        "pipelines_config:\n  daily: {nodes: [first], requires_dates: false}\n"
        "nodes_config:\n  first: {function: api_jobs.first}\n"
    )
    (tmp_path / "api_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "api_jobs", raising=False)
    return tmp_path


def calls(project: Path) -> int:
    return len((project / "calls").read_text())


def test_a_run_that_is_done_under_its_id_is_not_done_again(project: Path, no_session: None) -> None:
    first = tauro.run(project, pipeline="daily", run_id="monday")
    told: list[Event] = []
    again = tauro.run(project, pipeline="daily", run_id="monday", observers=[told.append])
    assert calls(project) == 1
    assert told == []
    assert (first.run_id, first.status, again.run_id, again.status) == ("monday", "completed", "monday", "completed")
    assert [(node.name, node.status) for node in again.nodes] == [("first", Status.COMPLETED)]
    with pytest.raises(InvalidValueError, match="has left nothing to be carried on with"):
        tauro.resume(project)
    assert tauro.resume(Context.from_project(project), "mon").run_id == "monday"
    assert tauro.run(project, pipeline="daily", run_id="tuesday").run_id == "tuesday"
    assert calls(project) == 2


def test_the_id_of_something_else_is_refused(project: Path, no_session: None) -> None:
    tauro.run(project, pipeline="daily", run_id="monday")
    with pytest.raises(InvalidValueError, match=r"asked for is pipeline 'daily' .* for 2025-01-01"):
        tauro.run(project, pipeline="daily", start="2025-01-01", end="2025-01-02", run_id="monday")
    with pytest.raises(InvalidValueError, match="looks like a path"):
        tauro.run(project, pipeline="daily", run_id="a/b")


def test_what_was_never_run_cant_be_carried_on(project: Path, no_session: None) -> None:
    with pytest.raises(InvalidValueError, match="no run has left anything to carry on with"):
        tauro.resume(project)
    with pytest.raises(UnknownNameError, match="unknown run to be carried on 'r-1'; known: none"):
        tauro.resume(project, "r-1")
    with pytest.raises(InvalidValueError, match="settled when the Context was made"):
        tauro.resume(Context.from_project(project), env="prod")
