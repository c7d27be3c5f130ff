"""Publishes everything that a run has staged, one output right after the other; undoes it where one can't be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from loguru import logger

from tauro.errors import PublishError, bounded
from tauro.io.ports import Staged
from tauro.model import OutputResult


@dataclass(frozen=True, slots=True)
class StagedOutput:
    """An output of a run, written and not visible."""

    node: str
    id: str
    location: str
    staged: Staged
    can_undo: bool
    """Whether what it changes can be put back."""


Published = Callable[[StagedOutput, OutputResult], object]
"""Told of each output that is visible."""


def publish_together(outputs: Iterable[StagedOutput], told: Published) -> None:
    """Makes all of them visible, or, as far as that can be, none.

    Those that can't be undone come last, so that whatever refuses before them leaves nothing behind.

    Args:
        outputs: in the order of their nodes.
        told: called after each.

    Raises:
        PublishError: one could not be published. The others are as they were before the run, but for those that the
            error names. The cause is chained.
    """
    done: list[StagedOutput] = []
    at: StagedOutput | None = None
    try:
        for at in sorted(outputs, key=lambda one: not one.can_undo):
            result = at.staged.publish()
            done.append(at)
            told(at, result)
    except BaseException as error:
        left = _undo(done)
        if not isinstance(error, Exception) or at is None:
            raise
        raise _failure(at, error, done, left) from error


def _undo(done: Sequence[StagedOutput]) -> list[StagedOutput]:
    """Puts back what was published, the newest first; returns what could not be."""
    left = []
    for one in reversed(done):
        try:
            is_undone = one.staged.undo()
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are to be put back, and it is told
            logger.opt(exception=error).error("output {!r} at {} could not be put back", one.id, one.location)
            is_undone = False
        if not is_undone:
            left.append(one)
    return left


def _failure(
    at: StagedOutput, error: Exception, done: Sequence[StagedOutput], left: Sequence[StagedOutput]
) -> PublishError:
    message = f"output {at.id!r} could not be published: {error}"
    undone = [one.id for one in done if one not in left]
    if undone:
        message += f"\nput back as they were before the run: {bounded(undone)}"
    if left:
        places = [f"{one.id} ({one.location})" for one in left]
        message += f"\npublished, and could not be put back: {bounded(places)}"
    return PublishError(message, left=[one.id for one in left], where=f"node {at.node!r}")
