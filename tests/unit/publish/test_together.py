"""Everything a run has staged is published, or put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tauro.errors import ConflictError, PublishError
from tauro.exec.failures import kind_of
from tauro.model import OutputResult
from tauro.model.outcome import FailureKind
from tauro.publish.journal import WHOLE_RUN, About, CommitState, Journal
from tauro.publish.together import StagedOutput, publish_together


@dataclass
class FakeStaged:
    """Notes what is done with it in a log that all share."""

    id: str
    log: list[str]
    fails: BaseException | None = None
    undo_fails: Exception | None = None
    can_undo: bool = True

    def publish(self) -> OutputResult:
        if self.fails is not None:
            raise self.fails
        self.log.append(f"publish {self.id}")
        return OutputResult(self.id, "fake")

    def undo(self) -> bool:
        if self.undo_fails is not None:
            raise self.undo_fails
        self.log.append(f"undo {self.id}")
        return self.can_undo

    def discard(self) -> None:
        raise AssertionError("whoever staged it drops it")

    def release(self) -> None:
        raise AssertionError("whoever staged it lets go of it")

    def record(self) -> None:
        return None

    @property
    def is_durable(self) -> bool:
        return True

    def table(self) -> None:
        return None

    def rows(self) -> None:
        return None


def begun_journal(root: Path) -> Journal:
    journal = Journal(root / "_tauro" / "runs" / "r")
    journal.begin(About(run_id="r", pipeline="p", publish="run", project="", host="", started_at=""))
    return journal


@dataclass
class Run:
    log: list[str] = field(default_factory=list)
    outputs: list[StagedOutput] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def stage(self, id: str, *, can_undo: bool = True, **fake: object) -> None:
        staged = FakeStaged(id, self.log, can_undo=can_undo, **fake)  # type: ignore[arg-type]  # passed on as given
        self.outputs.append(StagedOutput(f"make_{id}", id, f"/out/{id}", staged, can_undo))

    def publish(self, journal: Journal | None = None, group: str = WHOLE_RUN) -> None:
        publish_together(
            self.outputs,
            lambda one, result: self.told.append(f"{one.node} {result.id}"),
            journal=journal,
            group=group,
        )


def test_all_are_published_in_order_those_that_cannot_be_undone_last() -> None:
    run = Run()
    run.stage("database", can_undo=False)
    run.stage("a")
    run.stage("b")
    run.publish()
    assert run.log == ["publish a", "publish b", "publish database"]
    assert run.told == ["make_a a", "make_b b", "make_database database"]


def test_what_was_published_is_put_back_the_newest_first() -> None:
    run = Run()
    run.stage("a")
    run.stage("b")
    run.stage("c", fails=ConflictError("somebody else was faster"))
    with pytest.raises(PublishError, match="output 'c' could not be published: somebody else was faster") as caught:
        run.publish()
    assert run.log == ["publish a", "publish b", "undo b", "undo a"]
    assert "put back as they were before the run: a, b" in caught.value.message
    assert caught.value.left == ()
    assert kind_of(caught.value) is FailureKind.TRANSIENT


def test_what_cannot_be_put_back_is_named_with_its_place() -> None:
    run = Run()
    run.stage("a", undo_fails=OSError("the disk is gone"))
    run.stage("b")
    run.stage("database", can_undo=False)
    run.stage("other", can_undo=False, fails=OSError("the server is gone"))
    with pytest.raises(PublishError) as caught:
        run.publish()
    assert caught.value.left == ("database", "a")
    assert "could not be put back: database (/out/database), a (/out/a)" in caught.value.message
    assert "undo b" in run.log


def test_what_could_not_be_put_back_for_now_is_left_to_a_recovery(tmp_path: Path) -> None:
    run, journal = Run(), begun_journal(tmp_path)
    run.stage("a", undo_fails=OSError("the disk is full"))
    run.stage("b", fails=ConflictError("somebody else was faster"))
    with pytest.raises(PublishError, match="tries again"):
        run.publish(journal)
    assert journal.commits()[WHOLE_RUN].state is CommitState.UNDO
    assert journal.is_unfinished


@pytest.mark.parametrize(("can_undo", "group"), [(False, WHOLE_RUN), (True, "make_b")])
def test_what_can_never_be_put_back_or_is_tried_again_is_left_to_nobody(
    tmp_path: Path, *, can_undo: bool, group: str
) -> None:
    run, journal = Run(), begun_journal(tmp_path)
    run.stage("a", can_undo=can_undo, undo_fails=OSError("the disk is full") if can_undo else None)
    run.stage("b", can_undo=can_undo, fails=ConflictError("somebody else was faster"))
    with pytest.raises(PublishError, match="could not be put back: a"):
        run.publish(journal, group)
    assert not journal.is_unfinished


def test_an_interrupt_puts_back_too_and_goes_on() -> None:
    run = Run()
    run.stage("a")
    run.stage("b", fails=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run.publish()
    assert run.log == ["publish a", "undo b", "undo a"]
