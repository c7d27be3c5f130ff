"""A plan on its way: its nodes are run, then what they staged is published, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from tauro.errors import JournalError, LeaseLostError, PublishError
from tauro.exec.nodes.work import NodeWork
from tauro.exec.runs.loop import RunLoop, RunOutcome
from tauro.model.events import Observer, OutputPublished
from tauro.model.outcome import NodeResult, OutputResult
from tauro.publish.journal import Journal
from tauro.publish.together import StagedOutput, publish_together


class PlanRun:
    """A plan that can be run once, and stopped until its outputs are being published.

    Args:
        loop: runs the nodes.
        work: what the nodes do; knows what is staged.
        settings: the session's, for as long as the plan runs.
        observers: told of what is published.
        before_publish: called right before the run's outputs are published; raises if they must not be.
        journal: where the decision to publish is put down; None if nobody could carry it out but this process.
        keeps: whether what is staged stays, where the run ends without publishing it.
    """

    def __init__(
        self,
        loop: RunLoop,
        work: NodeWork,
        settings: AbstractContextManager[None],
        observers: Iterable[Observer],
        before_publish: Callable[[], object],
        journal: Journal | None = None,
        *,
        keeps: bool = False,
    ) -> None:
        self._loop = loop
        self._work = work
        self._settings = settings
        self._observers = tuple(observers)
        self._before_publish = before_publish
        self._journal = journal
        self._keeps = keeps
        self._stopped: str | None = None

    def run(self) -> RunOutcome:
        """Runs every node to its end; if all are done, publishes what they staged."""
        is_published = False
        with self._settings:
            try:
                outcome = self._loop.run()
                if outcome.is_done:
                    outcome = self._published(outcome)
                is_published = outcome.is_published
                return outcome
            finally:
                self._work.close(keeps=not is_published and (self._keeps or self._is_unfinished))

    def stop(self, why: str) -> None:
        """Cancels what runs and starts nothing new; may be called from any thread and from a signal handler.

        Once outputs are being published together, it comes too late.
        """
        self._stopped = self._stopped or why
        self._loop.stop(why)

    @property
    def _is_unfinished(self) -> bool:
        """Whether a recovery is to put back what could not be put back here; true if that can't be told now."""
        try:
            return self._journal is not None and self._journal.is_unfinished
        except JournalError:
            return True

    def _published(self, outcome: RunOutcome) -> RunOutcome:
        """The outcome of a run whose nodes are done, with everything published, or nothing."""
        staged = self._work.staged
        if staged and self._stopped is not None:
            return replace(outcome, stopped=outcome.stopped or self._stopped)
        results: dict[str, dict[str, OutputResult]] = {}

        def note(output: StagedOutput, result: OutputResult) -> None:
            results.setdefault(output.node, {})[result.id] = result

        try:
            if staged:
                publish_together(staged, note, journal=self._journal, before=self._before_publish)
        except LeaseLostError as error:
            late = PublishError(error.message, fix=error.fix)
            late.__cause__ = error
            return replace(outcome, failure=late)
        except PublishError as error:
            return replace(outcome, failure=error)
        nodes = {name: replace(node, outputs=_outputs(node, results)) for name, node in outcome.nodes.items()}
        for name, outputs in results.items():
            for output in outputs.values():
                for observer in self._observers:
                    observer(OutputPublished(name, output))
        return replace(outcome, nodes=nodes, is_published=True)


def _outputs(node: NodeResult, results: Mapping[str, Mapping[str, OutputResult]]) -> tuple[OutputResult, ...]:
    """A node's outputs, as they were published."""
    published = results.get(node.name, {})
    if not node.outputs:  # an earlier process of the run has staged them
        return tuple(published.values())
    return tuple(published.get(one.id, one) for one in node.outputs)
