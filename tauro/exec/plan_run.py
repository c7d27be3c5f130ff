"""A plan on its way: its nodes are run, then what they staged is published, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing
from dataclasses import replace

from tauro.errors import LeaseLostError, PublishError
from tauro.exec.node_work import NodeWork
from tauro.exec.run_loop import RunLoop, RunOutcome
from tauro.model.events import Observer, OutputPublished
from tauro.model.outcome import OutputResult
from tauro.publish.together import StagedOutput, publish_together


class PlanRun:
    """A plan that can be run once, and stopped until its outputs are being published.

    Args:
        loop: runs the nodes.
        work: what the nodes do; knows what is staged.
        settings: the session's, for as long as the plan runs.
        observers: told of what is published.
        before_publish: called right before the run's outputs are published; raises if they must not be.
    """

    def __init__(
        self,
        loop: RunLoop,
        work: NodeWork,
        settings: AbstractContextManager[None],
        observers: Iterable[Observer],
        before_publish: Callable[[], object],
    ) -> None:
        self._loop = loop
        self._work = work
        self._settings = settings
        self._observers = tuple(observers)
        self._before_publish = before_publish
        self._stopped: str | None = None

    def run(self) -> RunOutcome:
        """Runs every node to its end; if all are done, publishes what they staged."""
        with self._settings, closing(self._work):
            outcome = self._loop.run()
            return self._published(outcome) if outcome.is_done else outcome

    def stop(self, why: str) -> None:
        """Cancels what runs and starts nothing new; may be called from any thread and from a signal handler.

        Once outputs are being published together, it comes too late.
        """
        self._stopped = self._stopped or why
        self._loop.stop(why)

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
                self._before_publish()
            publish_together(staged, note)
        except LeaseLostError as error:
            late = PublishError(error.message, fix=error.fix)
            late.__cause__ = error
            return replace(outcome, failure=late)
        except PublishError as error:
            return replace(outcome, failure=error)
        nodes = {
            name: replace(node, outputs=tuple(results.get(name, {}).get(one.id, one) for one in node.outputs))
            for name, node in outcome.nodes.items()
        }
        for name, outputs in results.items():
            for output in outputs.values():
                for observer in self._observers:
                    observer(OutputPublished(name, output))
        return replace(outcome, nodes=nodes, is_published=True)
