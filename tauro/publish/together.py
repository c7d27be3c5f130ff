"""Publishes everything that a run has staged, one output right after the other; undoes it where one can't be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from loguru import logger

from tauro.errors import ConflictError, HalfPublishedError, JournalError, PublishError, bounded
from tauro.io.ports import Record, Staged
from tauro.model import OutputResult
from tauro.publish.journal import WHOLE_RUN, CommitRecord, CommitState, Journal, OutputNote
from tauro.storage.steps import step


@dataclass(frozen=True, slots=True)
class StagedOutput:
    """An output of a run, written and not visible."""

    node: str
    id: str
    location: str
    staged: Staged
    can_undo: bool
    """Whether what it changes can be put back."""
    record: Record | None = None
    """As `tauro.io.recorded.as_record` returns it; None if it does not outlive this process."""

    @property
    def note(self) -> OutputNote | None:
        """It, as journals have it."""
        if self.record is None:
            return None
        return OutputNote(
            node=self.node,
            id=self.id,
            location=self.location,
            can_undo=self.can_undo,
            is_durable=self.staged.is_durable,
            record=dict(self.record),
        )


Published = Callable[[StagedOutput, OutputResult], object]
"""Told of each output that is visible."""


def publish_together(
    outputs: Iterable[StagedOutput],
    told: Published,
    *,
    journal: Journal | None = None,
    group: str = WHOLE_RUN,
    before: Callable[[], object] = lambda: None,
) -> None:
    """Makes all of them visible, or, as far as that can be, none; from the decision on also if the process dies.

    What only this process can publish comes first, and what can't be undone last, so that whatever refuses or dies
    before leaves as little behind as can be.

    Args:
        outputs: in the order of their nodes.
        told: called after each.
        journal: where the decision is put down; it stays there, as done, until it is settled.
        group: what the decision is called.
        before: called right before; what it raises keeps everything from being published.

    Raises:
        PublishError: one could not be published. The others are as they were before the run, but for those that the
            error names. The cause is chained.
    """
    ordered = in_order(outputs)
    with journal.locked() if journal is not None else nullcontext():
        before()
        decision = CommitRecord(
            state=CommitState.PUBLISH, outputs=tuple(note for one in ordered if (note := one.note) is not None)
        )
        if journal is not None:
            try:
                journal.decide(group, decision)
            except JournalError as error:
                raise PublishError(f"nothing is published: {error.message}", fix=error.fix) from error
        done: list[StagedOutput] = []
        at: StagedOutput | None = None
        try:
            for at in ordered:
                step("publish.output")
                result = at.staged.publish()
                done.append(at)
                told(at, result)
        except BaseException as error:
            conflict = at.node if at is not None and isinstance(error, ConflictError) else None
            if journal is not None:
                _change(journal, group, decision.model_copy(update={"state": CommitState.UNDO, "conflict": conflict}))
            may_be_in = not isinstance(error, Exception) or isinstance(error, HalfPublishedError)
            left, is_final = undo_all([*done, at] if may_be_in and at is not None and at not in done else done)
            starts_afresh = group != WHOLE_RUN and not isinstance(
                error, HalfPublishedError
            )  # a node may be tried again
            is_final = is_final or journal is None or starts_afresh
            if journal is not None and is_final:
                _settle(journal, group, conflict)
            if not isinstance(error, Exception) or at is None:
                raise
            raise _failure(at, error, done, left, is_final=is_final) from error
        if journal is not None and not _change(journal, group, decision.model_copy(update={"state": CommitState.DONE})):
            journal.settle(group)


def _change(journal: Journal, group: str, decision: CommitRecord) -> bool:
    """Changes what was decided; False if it can't be put down, as on a full disk: a recovery would then publish."""
    try:
        journal.decide(group, decision)
    except JournalError as error:
        logger.warning("{}", error)
        return False
    return True


def _settle(journal: Journal, group: str, conflict: str | None) -> None:
    """Forgets a decision that was undone; where that can't be written, a recovery comes upon it."""
    try:
        if conflict is not None:
            journal.forget(conflict)
        journal.settle(group)
    except (OSError, JournalError) as error:
        logger.warning("what was decided about {} can't be taken back: {}", journal.home, error)


def in_order(outputs: Iterable[StagedOutput]) -> list[StagedOutput]:
    """The order of publishing: what dies with its process, what can be undone, what can't."""
    return sorted(outputs, key=lambda one: (not one.can_undo, one.staged.is_durable))


def undo_all(done: Sequence[StagedOutput]) -> tuple[list[StagedOutput], bool]:
    """Puts back what was published, the newest first; returns what could not be, and whether that is final."""
    left = []
    is_final = True
    for one in reversed(done):
        step("publish.undo")
        try:
            is_undone = one.staged.undo()
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are to be put back, and it is told
            logger.opt(exception=error).error("output {!r} at {} could not be put back", one.id, one.location)
            is_undone = is_final = False
        if not is_undone:
            left.append(one)
    return left, is_final


def _failure(
    at: StagedOutput, error: Exception, done: Sequence[StagedOutput], left: Sequence[StagedOutput], *, is_final: bool
) -> PublishError:
    message = f"output {at.id!r} could not be published: {error}"
    undone = [one.id for one in done if one not in left]
    if undone:
        message += f"\nput back as they were before the run: {bounded(undone)}"
    if left:
        places = [f"{one.id} ({one.location})" for one in left]
        message += f"\npublished, and could not be put back: {bounded(places)}"
    conflict = at.node if isinstance(error, ConflictError) else None
    return PublishError(
        message,
        left=[one.id for one in left],
        conflict=conflict,
        where=f"node {at.node!r}",
        fix=None
        if is_final
        else "mend what kept it from being put back: `tauro recover`, or the next run, tries again",
    )
