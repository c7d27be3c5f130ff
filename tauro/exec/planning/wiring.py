"""Who reads what: every input of a pipeline's nodes matched with what is stored, written or returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tauro.errors import Problem, ProjectError, Severity, bounded, did_you_mean
from tauro.io.locations import location, locations
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.node import InputRef, NodeSpec, OutputRef
from tauro.model.plan import Origin, PlannedInput, PlannedOutput
from tauro.storage.paths import covers, has_glob

FindInput = Callable[[InputRef], InputSpec | None]
"""The entry that an input's id, or the reference itself, stands for; None if there is none."""
FindOutput = Callable[[OutputRef], OutputSpec | None]
"""The entry that an output stands for, its location resolved; None if that can't be told."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not fit, with the node and the field that it stands in."""

    node: str
    field: str
    message: str
    notes: tuple[str, ...] = ()
    fix: str | None = None
    stranger: str | None = None
    """The name that is no node of the pipeline, where that is the fault."""

    def as_problem(self, file: str | None, line: int | None) -> Problem:
        """The fault as a report shows it."""
        return Problem(self.message, Severity.ERROR, file, line, f"node {self.node!r}", self.notes, self.fix)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The nodes of a pipeline, connected."""

    inputs: Mapping[str, tuple[PlannedInput, ...]]
    outputs: Mapping[str, tuple[PlannedOutput, ...]]
    graph: Mapping[str, tuple[str, ...]]
    """Node -> what it depends on, by declaration or by data; both in declared order."""
    read: Mapping[str, tuple[tuple[str, PlannedOutput], ...]]
    """Node -> what others write at places that its entries read, each with its writer; nodes that read none are
    left out."""
    faults: tuple[Fault, ...]
    order: tuple[str, ...] = ()
    """The nodes so that each follows all it depends on; empty before that is worked out, and if there is a cycle."""


def wire(
    nodes: Mapping[str, NodeSpec],
    find_input: FindInput,
    find_output: FindOutput,
    *,
    knows_all_inputs: bool = True,
) -> Wiring:
    """Connects `nodes`; all that does not fit is collected, and left out of the result.

    Args:
        nodes: the pipeline's nodes, in declared order.
        find_input: looks an input up among the entries.
        find_output: looks an output up among the entries.
        knows_all_inputs: whether an input that is found nowhere is a fault; if not, somebody else knows where it is.
    """
    faults: list[Fault] = []
    outputs = {name: tuple(_outputs_of(name, spec, find_output, faults)) for name, spec in nodes.items()}
    producers = _Producers(outputs, faults)
    returned = {name: _returned(name) for name in nodes}  # many nodes read what one returns
    inputs = {
        name: tuple(_inputs_of(name, spec, returned, producers, find_input, faults, knows_all_inputs))
        for name, spec in nodes.items()
    }
    read = {name: made for name, slots in inputs.items() if (made := tuple(producers.read_by(name, slots)))}
    graph = {
        name: tuple(_dependencies_of(name, spec, nodes, inputs[name], read.get(name, ()), faults))
        for name, spec in nodes.items()
    }
    return Wiring(inputs, outputs, graph, read, tuple(faults))


class _Producers:
    """Which node writes what, by id and by location."""

    def __init__(self, outputs: Mapping[str, tuple[PlannedOutput, ...]], faults: list[Fault]) -> None:
        self.by_id: dict[str, tuple[str, PlannedOutput]] = {}
        self.by_location: dict[str, tuple[str, PlannedOutput]] = {}
        for node, written in outputs.items():
            for output in written:
                self._add(node, output, faults)

    def _add(self, node: str, output: PlannedOutput, faults: list[Fault]) -> None:
        same_id = self.by_id.setdefault(output.id, (node, output))
        if same_id[1] is not output:
            if same_id[1].location != output.location:
                message = f"output {output.id!r} is at two locations: {same_id[1].location} and {output.location}"
            else:
                message = f"output {output.id!r} is written by node {same_id[0]!r} too"
            faults.append(Fault(node, "output", message, fix="let one node write each output"))
            return
        if output.location:
            same_place = self.by_location.setdefault(output.location, (node, output))
            if same_place[1] is not output:
                other, there = same_place
                message = f"outputs {there.id!r} (node {other!r}) and {output.id!r} are one: {output.location}"
                faults.append(Fault(node, "output", message, fix="give each its own location"))

    def at(self, spec: InputSpec) -> Iterator[tuple[str, PlannedOutput]]:
        """What is written at a place that the entry reads."""
        for place in locations(spec):
            if place in self.by_location:
                yield self.by_location[place]
            elif has_glob(place):
                yield from (made for there, made in self.by_location.items() if covers(place, there))

    def read_by(self, node: str, slots: tuple[PlannedInput, ...]) -> Iterator[tuple[str, PlannedOutput]]:
        """What other nodes write at the places that a node's entries read."""
        for one in slots:
            if one.spec is not None:
                yield from (made for made in self.at(one.spec) if made[0] != node)


def _outputs_of(name: str, spec: NodeSpec, find: FindOutput, faults: list[Fault]) -> Iterator[PlannedOutput]:
    for ref in spec.output:
        identity = f"{name}.{ref.id}" if ref.inline is not None and ref.id.isdigit() else ref.id
        try:
            found = find(ref)
        except ProjectError as error:
            faults.append(Fault(name, "output", f"output {identity!r}: {error.message}", fix=error.fix))
            continue
        yield PlannedOutput(identity, found or OutputSpec(), location(found) if found else "")


def _inputs_of(
    name: str,
    spec: NodeSpec,
    returned: Mapping[str, PlannedInput],
    producers: _Producers,
    find: FindInput,
    faults: list[Fault],
    knows_all_inputs: bool,
) -> Iterator[PlannedInput]:
    if "input" not in spec.model_fields_set:
        for dependency in spec.dependencies:
            yield returned.get(dependency) or _returned(dependency)
        return
    for ref in spec.input:
        try:
            entry = find(ref)
        except ProjectError as error:
            faults.append(Fault(name, "input", f"input {ref.id!r}: {error.message}", fix=error.fix))
            continue
        made_at = [made for made in producers.at(entry) if made[0] != name] if entry is not None else []
        made_by_id = producers.by_id.get(ref.id) if ref.inline is None else None
        if entry is not None and made_at:
            for node, output in made_at[:1]:
                yield PlannedInput(ref.id, Origin.OUTPUT, ref.keyword, entry, output.spec, node, output.location)
        elif entry is not None:
            yield PlannedInput(ref.id, Origin.STORED, ref.keyword, entry, location=", ".join(locations(entry)) or None)
        elif made_by_id is not None:
            node, output = made_by_id
            origin, maker = (Origin.STORED, None) if node == name else (Origin.OUTPUT, node)
            yield PlannedInput(ref.id, origin, ref.keyword, None, output.spec, maker, output.location)
        elif ref.id in returned:
            yield PlannedInput(ref.id, Origin.RETURNED, ref.keyword, node=ref.id)
        elif not knows_all_inputs:
            yield PlannedInput(ref.id, Origin.STORED, ref.keyword)
        else:
            known = [*returned, *producers.by_id]
            faults.append(
                Fault(
                    name,
                    "input",
                    f"input {ref.id!r} is nowhere: it is no entry of input_config, no output of a node of the "
                    "pipeline, and no node of the pipeline",
                    notes=(f"outputs: {bounded([*producers.by_id]) or 'none'}", f"nodes: {bounded([*returned])}"),
                    fix=did_you_mean(ref.id, known),
                )
            )


def _returned(node: str) -> PlannedInput:
    return PlannedInput(node, Origin.RETURNED, node=node)


def _dependencies_of(
    name: str,
    spec: NodeSpec,
    nodes: Mapping[str, NodeSpec],
    inputs: tuple[PlannedInput, ...],
    read: tuple[tuple[str, PlannedOutput], ...],
    faults: list[Fault],
) -> Iterator[str]:
    named = dict.fromkeys(spec.dependencies)
    for dependency in named:
        if dependency in nodes:
            yield dependency
        else:
            known = [*nodes]
            faults.append(
                Fault(
                    name,
                    "dependencies",
                    f"unknown dependency {dependency!r}",
                    notes=(f"known nodes: {bounded(known)}",),
                    fix=did_you_mean(dependency, known),
                    stranger=dependency,
                )
            )
    by_data = dict.fromkeys(one.node for one in inputs if one.node is not None and one.node in nodes)
    by_data |= dict.fromkeys(node for node, _ in read)
    yield from (node for node in by_data if node not in named)
