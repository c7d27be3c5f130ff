"""Which nodes of a run that is carried on are done already, and why others are run again; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tauro.exec.code.fingerprint import Fingerprint
from tauro.exec.planning.plan import sole_table
from tauro.model.dataset import WriteMode
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode
from tauro.model.settings import Publish
from tauro.publish.journal import NodeNote


@dataclass(frozen=True, slots=True)
class CarriedOn:
    """What becomes of the nodes that an earlier process of the run has done."""

    done: Mapping[str, NodeNote] = field(default_factory=dict)
    """They need not run."""
    again: Mapping[str, str] = field(default_factory=dict)
    """They were done, and are run again: why."""


def carry_on(
    plan: Plan,
    notes: Mapping[str, NodeNote],
    fingerprint_of: Callable[[PlannedNode], Fingerprint],
    version_of: Callable[[PlannedInput], str | None],
) -> CarriedOn:
    """Compares what was done with what would be done now.

    Args:
        plan: what the run is to do.
        notes: the nodes that were done, as they were then.
        fingerprint_of: what a node's code and configuration are now.
        version_of: the version of a stored input that is there now; None where versions can't be told apart.
    """
    done: dict[str, NodeNote] = {}
    again: dict[str, str] = {}
    for name in plan.order:
        note = notes.get(name)
        if note is None:
            continue
        why = _why_again(plan.nodes[name], note, fingerprint_of, version_of, done, plan)
        if why is None:
            done[name] = note
        else:
            again[name] = why
    for name in reversed(plan.order):
        if name in done:
            continue
        for one in plan.nodes[name].inputs:
            source = one.node
            if one.origin is Origin.RETURNED and source in done and not _can_be_read(plan, plan.nodes[source]):
                del done[source]
                again[source] = f"what it returned is not stored, and {name!r} needs it"
    return CarriedOn(done, again)


def _why_again(
    node: PlannedNode,
    note: NodeNote,
    fingerprint_of: Callable[[PlannedNode], Fingerprint],
    version_of: Callable[[PlannedInput], str | None],
    done: Mapping[str, NodeNote],
    plan: Plan,
) -> str | None:
    """Why a node that was done is not valid any more; None if it is."""
    lost = [one.id for one in note.outputs if not one.is_durable and not note.is_published]
    if lost:
        return f"the rows of output {lost[0]!r} were not written anywhere"
    if plan.publish is Publish.NODE and node.outputs and not note.is_published:
        return "its outputs were not published"
    if len(note.outputs) != len(node.outputs):
        return "its configuration has changed"
    changed = fingerprint_of(node).changed_since(Fingerprint(note.code, note.configuration))
    if changed is not None:
        return changed
    earlier = [name for name in node.dependencies if name in plan.nodes and name not in done]
    if earlier:
        return f"{earlier[0]!r}, which it depends on, is run again"
    own = {one.location for one in node.outputs} if note.is_published else set()
    for one in node.inputs:
        if one.origin is not Origin.STORED or one.location in own:
            continue
        version = version_of(one)
        if version is None:
            return f"whether its input {one.id!r} has changed can't be told"
        if note.reads.get(one.id) != version:
            return f"its input {one.id!r} has changed"
    return None


def _can_be_read(plan: Plan, node: PlannedNode) -> bool:
    """Whether the rows that a node has returned can be had without running it."""
    if plan.publish is Publish.NODE:
        return sole_table(node.outputs) is not None
    if len(node.outputs) != 1:
        return False
    return node.outputs[0].spec.write_mode not in (WriteMode.MERGE, WriteMode.IGNORE)
