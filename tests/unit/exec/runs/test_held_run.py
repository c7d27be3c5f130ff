"""What a run leaves of its leases and its journal where another process has taken it for dead meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.exec.runs.held_run import HeldRun, held_run
from tauro.publish.holder import LeaseDocument
from tauro.publish.journal import WHOLE_RUN, CommitRecord, CommitState, NodeNote
from tauro.storage.local import remove_tree
from tests.unit.exec.conftest import Functions

Open = Callable[[], AbstractContextManager[HeldRun]]


@pytest.fixture
def run(make_context: Callable[..., Context], fns: Functions) -> Open:
    fns.a = lambda: 1
    context = make_context({"a": {"output": ["x"]}}, settings={"output_path": "out"})
    plan = make_plan(context, "p", run_id="r-1")
    return lambda: held_run(context, plan, "r-1", asked={})


def take_over(beside: Path) -> LeaseDocument:
    """Puts another process of the same run into the lease, as it is carried on."""
    lease = beside / "leases" / "x.json"
    (holder,) = LeaseDocument.model_validate_json(lease.read_bytes()).holders
    document = LeaseDocument(holders=(holder.model_copy(update={"token": "another's"}),))
    lease.write_text(document.model_dump_json())
    return document


def test_what_another_process_carries_on_with_is_left_alone(run: Open, tmp_path: Path) -> None:
    beside = tmp_path / "out" / "_tauro"
    with run():
        theirs = take_over(beside)
        (beside / "r-1").mkdir()
    assert (beside / "r-1").is_dir()
    assert (beside / "runs" / "r-1" / "run.json").exists()
    assert LeaseDocument.model_validate_json((beside / "leases" / "x.json").read_bytes()) == theirs


def test_a_run_that_was_dropped_in_its_sleep_leaves_nothing_and_hides_no_error(run: Open, tmp_path: Path) -> None:
    beside = tmp_path / "out" / "_tauro"

    def asleep() -> None:
        with run() as held:
            assert held.journal is not None
            remove_tree(beside)
            held.journal.journal.note(NodeNote(node="a", code="", configuration="", outputs=()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asleep()
    assert not beside.exists()


@pytest.mark.parametrize(("state", "is_kept"), [(CommitState.UNDO, True), (CommitState.DONE, False), (None, False)])
def test_what_was_decided_and_is_not_over_is_left_where_the_next_run_finds_it(
    run: Open, tmp_path: Path, state: CommitState | None, *, is_kept: bool
) -> None:
    beside = tmp_path / "out" / "_tauro"
    with run() as held:
        assert held.journal is not None
        if state is not None:
            held.journal.journal.decide(WHOLE_RUN, CommitRecord(state=state, outputs=()))
    assert (beside / "runs" / "r-1" / "run.json").exists() is is_kept
    if is_kept:
        document = LeaseDocument.model_validate_json((beside / "leases" / "x.json").read_bytes())
        assert [(one.home, one.is_abandoned) for one in document.holders] == [(str(beside / "runs" / "r-1"), True)]
    else:
        assert not (beside / "leases" / "x.json").exists()
