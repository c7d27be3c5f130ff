"""What the nodes of a run have staged, kept until all of it is published together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

from tauro.exec.nodes.attempt import Attempt, AttemptCancelledError
from tauro.io.formats import FORMATS
from tauro.io.output import discard
from tauro.io.overlay import Overlay
from tauro.io.ports import Staged, WriteRequest
from tauro.io.recorded import as_record
from tauro.model.plan import PlannedNode
from tauro.publish.together import StagedOutput


class RunStage:
    """The staged outputs of a run; for many threads.

    Args:
        overlay: where they are laid for the run's other nodes to read; loaders look there.
    """

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._staged: dict[str, list[StagedOutput]] = {}
        self._is_closed = False
        self._lock = Lock()

    def keep(self, node: PlannedNode, staged: Sequence[StagedOutput], attempt: Attempt) -> None:
        """Keeps what an attempt has staged, in the order of the node's outputs.

        Raises:
            AttemptCancelledError: the attempt was called off, or the run is over; what it staged is dropped.
        """
        with self._lock:
            why = "the run is over" if self._is_closed else attempt.cancelled
            if why is None:
                self._staged[node.name] = list(staged)
        if why is not None:
            for one in staged:
                discard(one.staged)
            raise AttemptCancelledError(why, where=f"node {node.name!r}")
        self._lay(node, staged)

    def adopt(self, node: PlannedNode, staged: Sequence[StagedOutput]) -> None:
        """Keeps what an earlier process of the run has staged, in the order of the node's outputs."""
        with self._lock:
            self._staged[node.name] = list(staged)
        self._lay(node, staged)

    def outputs(self, order: Iterable[str]) -> list[StagedOutput]:
        """Everything that is kept, by the nodes' order."""
        return [one for name in order for one in self._staged.get(name, ())]

    def close(self, *, keeps: bool) -> None:
        """Lets go of what is staged, and of what was kept to put published outputs back.

        Args:
            keeps: whether what outlives the process stays where it lies, for the run to be carried on.
        """
        with self._lock:
            self._is_closed = True
        for waiting in self._staged.values():
            for one in waiting:
                if keeps and one.record is not None:
                    one.staged.release()
                else:
                    discard(one.staged)

    def _lay(self, node: PlannedNode, staged: Sequence[StagedOutput]) -> None:
        for output, one in zip(node.outputs, staged, strict=True):
            self._overlay.put(output.location, output.spec, one.staged)


def staged_outputs(
    node: PlannedNode, requests: Sequence[WriteRequest], staged: Sequence[Staged], *, has_journal: bool
) -> list[StagedOutput]:
    """What a node has staged, with what another process needs to find it again.

    Args:
        node: the node.
        requests: what was asked for, in the order of its outputs.
        staged: what came of it.
        has_journal: whether it is to be found again.
    """
    return [
        StagedOutput(
            node.name,
            output.id,
            output.location,
            one,
            can_undo=FORMATS[output.spec.format or ""].capabilities.can_undo,
            record=as_record(request, one) if has_journal else None,
        )
        for output, request, one in zip(node.outputs, requests, staged, strict=True)
    ]
