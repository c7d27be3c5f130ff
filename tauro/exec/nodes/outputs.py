"""What nodes return, written: staged for the whole run, or staged and published when a node is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from secrets import token_hex
from typing import Any

from tauro.errors import PublishError, TauroError
from tauro.exec.nodes.attempt import Attempt
from tauro.exec.nodes.run_stage import RunStage, staged_outputs
from tauro.exec.runs.journal import RunJournal
from tauro.io.output import OutputManager, discard
from tauro.io.overlay import Overlay
from tauro.io.ports import WriteRequest
from tauro.io.results import frames_of
from tauro.io.versions import ReadVersions
from tauro.model.outcome import OutputResult
from tauro.model.plan import Plan, PlannedNode
from tauro.publish.together import StagedOutput, publish_together


class NodeOutputs:
    """Writes a plan's outputs by Tauro's own manager; for many threads, each with nodes of its own.

    Args:
        manager: writes them.
        plan: what runs.
        run_id: the run's id.
        overlay: where what is staged is laid for the run's other nodes.
        journal: told of each node that is done; None if nobody could carry on with the run.
        versions: of what is read; told of what is published. None where nobody asks for them.
        before_publish: called right before a node's outputs are published; raises if they must not be.
    """

    def __init__(
        self,
        manager: OutputManager,
        plan: Plan,
        run_id: str,
        *,
        overlay: Overlay,
        journal: RunJournal | None,
        versions: ReadVersions | None,
        before_publish: Callable[[], object],
    ) -> None:
        self._manager = manager
        self._plan = plan
        self._run_id = run_id
        self._process = token_hex(4)
        self._stage = RunStage(overlay)
        self._journal = journal
        self._versions = versions
        self._before_publish = before_publish

    @property
    def staged(self) -> list[StagedOutput]:
        """What waits to be published with the run, in the plan's order."""
        return self._stage.outputs(self._plan.order)

    def adopt(self, node: PlannedNode, staged: list[StagedOutput]) -> None:
        """Takes over what an earlier process of the run has staged for a node."""
        self._stage.adopt(node, staged)

    def stage(self, node: PlannedNode, value: Any, attempt: Attempt) -> list[StagedOutput]:
        """Stages every output of a node, to be published with the run, and lays it before the nodes that follow.

        Args:
            node: the node.
            value: what it returned.
            attempt: the try at it.

        Raises:
            AttemptCancelledError: the attempt was called off.
            ResultError, WriteError, WindowError: an output can't be staged; none is.
        """
        outputs = self._staged(node, value)
        self._stage.keep(node, outputs, attempt)
        if self._journal is not None:
            self._journal.note(node, outputs)
        return outputs

    def publish(self, node: PlannedNode, value: Any, attempt: Attempt) -> tuple[OutputResult, ...]:
        """Stages every output of a node, then publishes them; nothing is published if one can't be.

        Args:
            node: the node.
            value: what it returned.
            attempt: the try at it, which can't be called off once they are being published.

        Raises:
            AttemptCancelledError, ResultError, WriteError, WindowError: as `stage`, or from publishing.
            PublishError: some were published, and can't be put back; the cause is chained.
        """
        outputs, journal = self._staged(node, value), self._journal
        written: dict[str, OutputResult] = {}
        try:
            if journal is not None:
                journal.note(node, outputs)
            publish_together(
                outputs,
                lambda output, result: written.update({output.id: result}),
                journal=journal.journal if journal is not None else None,
                group=node.name,
                before=partial(self.begin_publishing, attempt),
            )
        except BaseException as error:
            if journal is not None:
                journal.forget(node)
            for one in outputs:
                discard(one.staged)
            cause = error.__cause__ if isinstance(error, PublishError) and not error.left else None
            if isinstance(cause, TauroError):  # nothing else has happened than what it tells
                raise cause from cause.__cause__
            raise
        if journal is not None:
            journal.published(node)
        for one in outputs:
            discard(one.staged)
        if journal is not None:
            journal.settle(node)
        if self._versions is not None:
            for one in outputs:
                self._versions.published(one.location)
        return tuple(written[output.id] for output in node.outputs)

    def begin_publishing(self, attempt: Attempt) -> None:
        """From here on the attempt can't be called off.

        Raises:
            AttemptCancelledError: it was.
            LeaseLostError: the run was taken for dead.
        """
        self._before_publish()
        attempt.begin_publishing()

    def close(self, *, keeps: bool) -> None:
        """Lets go of what is staged.

        Args:
            keeps: whether what outlives the process stays where it lies, for the run to be carried on.
        """
        self._stage.close(keeps=keeps)

    def _staged(self, node: PlannedNode, value: Any) -> list[StagedOutput]:
        requests = self._requests(node)
        staged = self._manager.stage_all(requests, frames_of(node.name, [one.id for one in node.outputs], value))
        return staged_outputs(node, requests, staged, has_journal=self._journal is not None)

    def _requests(self, node: PlannedNode) -> list[WriteRequest]:
        return [
            WriteRequest(
                pipeline=self._plan.pipeline.name or None,
                node=node.name,
                output_id=output.id,
                spec=output.spec,
                window=self._plan.window,
                run_id=self._run_id,
                home=str(self._journal.journal.home) if self._journal is not None else None,
                process=self._process,
            )
            for output in node.outputs
        ]
