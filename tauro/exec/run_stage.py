"""What the nodes of a run have staged, kept until all of it is published together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

from tauro.exec.attempt import Attempt, AttemptCancelledError
from tauro.io.formats import FORMATS
from tauro.io.output import discard
from tauro.io.overlay import Overlay
from tauro.io.ports import Staged
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

    def keep(self, node: PlannedNode, staged: Sequence[Staged], attempt: Attempt) -> None:
        """Keeps what an attempt has staged, in the order of the node's outputs.

        Raises:
            AttemptCancelledError: the attempt was called off, or the run is over; what it staged is dropped.
        """
        pairs = list(zip(node.outputs, staged, strict=True))
        with self._lock:
            why = "the run is over" if self._is_closed else attempt.cancelled
            if why is None:
                self._staged[node.name] = [
                    StagedOutput(
                        node.name,
                        output.id,
                        output.location,
                        one,
                        can_undo=FORMATS[output.spec.format or ""].capabilities.can_undo,
                    )
                    for output, one in pairs
                ]
        if why is not None:
            for one in staged:
                discard(one)
            raise AttemptCancelledError(why, where=f"node {node.name!r}")
        for output, one in pairs:
            self._overlay.put(output.location, output.spec, one)

    def outputs(self, order: Iterable[str]) -> list[StagedOutput]:
        """Everything that is kept, by the nodes' order."""
        return [one for name in order for one in self._staged.get(name, ())]

    def close(self) -> None:
        """Drops what is staged, and what was kept to put published outputs back."""
        with self._lock:
            self._is_closed = True
        for waiting in self._staged.values():
            for one in waiting:
                discard(one.staged)
