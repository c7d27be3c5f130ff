"""A run's journal as its nodes keep it: what each has done, of what, and where that is found again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tauro.config import Context
from tauro.exec.code.fingerprint import Fingerprint, Fingerprints
from tauro.exec.resume.carrying_on import CarriedOn, carry_on
from tauro.io.locations import as_input
from tauro.io.versions import ReadVersions
from tauro.model import InputSpec
from tauro.model.outcome import ReadVersion
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode
from tauro.publish.journal import Journal, NodeNote
from tauro.publish.recovery import Recovery
from tauro.publish.together import StagedOutput


class RunJournal:
    """The journal of a run that is under way; for many threads, each with nodes of its own.

    Args:
        journal: where it lies.
        recovery: finds again what an earlier process of the run has staged.
        context: the project, with the run's values filled in.
        plan: what runs.
        versions: of what the run reads.
        ml_info: what machine-learning nodes are told besides what the project says.
    """

    def __init__(
        self,
        journal: Journal,
        recovery: Recovery,
        context: Context,
        plan: Plan,
        versions: ReadVersions,
        ml_info: Mapping[str, Any] | None,  # Any: hyperparameters are of any type
    ) -> None:
        self.journal = journal
        self._recovery = recovery
        self._plan = plan
        self._versions = versions
        self._fingerprints = Fingerprints(context, plan, ml_info)

    def begin(self, node: PlannedNode) -> None:
        """A node is tried, again perhaps: what it has done before does not count any more."""
        self.journal.forget(node.name)
        self._fingerprint(node)

    def note(self, node: PlannedNode, outputs: Sequence[StagedOutput]) -> None:
        """A node has staged all its outputs; if one of them does not outlive the process, that is not noted."""
        notes = [one.note for one in outputs]
        if any(note is None for note in notes):
            return
        now = self._fingerprint(node)
        reads = {one.id: self._version(one) for one in node.inputs if one.origin is Origin.STORED}
        self.journal.note(
            NodeNote(
                node=node.name,
                code=now.code,
                configuration=now.configuration,
                reads=reads,
                outputs=tuple(note for note in notes if note is not None),
            )
        )

    def published(self, node: PlannedNode) -> None:
        """The node's outputs are visible."""
        note = self.journal.node(node.name)
        if note is not None:
            self.journal.note(note.model_copy(update={"is_published": True}))

    def settle(self, node: PlannedNode) -> None:
        """Nothing is left to be done about the node's outputs."""
        self.journal.settle(node.name)

    def forget(self, node: PlannedNode) -> None:
        """The node has failed."""
        self.journal.forget(node.name)

    def staged(self, note: NodeNote) -> list[StagedOutput]:
        """What an earlier process of the run has staged for a node."""
        return [
            StagedOutput(one.node, one.id, one.location, self._recovery.staged(one), one.can_undo, one.record)
            for one in note.outputs
        ]

    def carried_on(self) -> CarriedOn:
        """Which nodes need not run; what the others have staged is dropped."""
        notes = self.journal.nodes()
        found = carry_on(self._plan, notes, self._fingerprint, self._version)
        for name in notes:
            if name not in found.done:
                self._recovery.forget(self.journal, name)
        return found

    def _fingerprint(self, node: PlannedNode) -> Fingerprint:
        return self._fingerprints.of(node)

    def _version(self, one: PlannedInput) -> str | None:
        spec = stored_spec(one)
        return self._versions.version_of(spec) if spec is not None else None


def stored_spec(one: PlannedInput) -> InputSpec | None:
    """What a stored input is read by."""
    if one.spec is not None:
        return one.spec
    return as_input(one.output, one.id) if one.output is not None else None


def read_versions(versions: ReadVersions, node: PlannedNode) -> Iterator[ReadVersion]:
    """What a node reads from storage; to be asked for before it does."""
    for one in node.inputs:
        spec = stored_spec(one) if one.origin is Origin.STORED else None
        if spec is not None:
            yield versions.read(spec)
