"""Which nodes of a run that is carried on need not run, and why the others do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tauro.exec.code.fingerprint import Fingerprint
from tauro.exec.resume.carrying_on import CarriedOn, carry_on
from tauro.model import InputSpec, OutputSpec
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode, PlannedOutput
from tauro.model.settings import BreakerSpec, OnFailure, Publish, RetrySpec
from tauro.publish.journal import NodeNote, OutputNote


def node(name: str, *inputs: PlannedInput, outputs: tuple[str, ...] = (), mode: str = "overwrite") -> PlannedNode:
    keys = {"keys": ["id"]} if mode == "merge" else {}
    made = tuple(
        PlannedOutput(
            id, OutputSpec.parse(id, {"format": "delta", "path": f"/{id}", "write_mode": mode, **keys}), f"/{id}"
        )
        for id in outputs
    )
    spec = NodeSpec.parse(name, {"function": f"m.{name}"})
    after = tuple(one.node for one in inputs if one.node is not None)
    return PlannedNode(name, spec, inputs, made, after, RetrySpec(), None, "asked for")


def stored(id: str) -> PlannedInput:
    return PlannedInput(id, Origin.STORED, spec=InputSpec.parse(id, {"path": f"/{id}"}), location=f"/{id}")


def returned(name: str) -> PlannedInput:
    return PlannedInput(name, Origin.RETURNED, node=name)


def written(id: str, by: str) -> PlannedInput:
    return PlannedInput(id, Origin.OUTPUT, node=by, location=f"/{id}")


def plan_of(*nodes: PlannedNode, publish: Publish = Publish.RUN) -> Plan:
    return Plan(
        PipelineSpec(nodes=tuple(one.name for one in nodes)),
        None,
        tuple(one.name for one in nodes),
        {one.name: one for one in nodes},
        4,
        OnFailure.STOP,
        publish,
        BreakerSpec(),
    )


def note(made: PlannedNode, **changes: Any) -> NodeNote:
    outputs = tuple(
        OutputNote(node=made.name, id=one.id, location=one.location, can_undo=True, is_durable=True, record={})
        for one in made.outputs
    )
    reads = {one.id: "1" for one in made.inputs if one.origin is Origin.STORED}
    return NodeNote(node=made.name, code="c", configuration="k", reads=reads, outputs=outputs).model_copy(
        update=changes
    )


def carried(
    plan: Plan,
    *notes: NodeNote,
    now: dict[str, Fingerprint] | None = None,
    versions: dict[str, str | None] | None = None,
) -> CarriedOn:
    return carry_on(
        plan,
        {one.node: one for one in notes},
        lambda node: (now or {}).get(node.name, Fingerprint("c", "k")),
        lambda one: (versions or {}).get(one.id, "1"),
    )


A = node("a", stored("raw"), outputs=("x",))
B = node("b", written("x", "a"), outputs=("y",))
C = node("c", returned("b"), outputs=("z",))


def test_what_is_done_and_unchanged_need_not_run() -> None:
    found = carried(plan_of(A, B, C), note(A), note(B))
    assert set(found.done) == {"a", "b"}
    assert found.again == {}


@pytest.mark.parametrize(
    ("now", "versions", "why"),
    [
        ({"a": Fingerprint("other", "k")}, {}, "its code has changed"),
        ({"a": Fingerprint("c", "other")}, {}, "its configuration has changed"),
        ({}, {"raw": "2"}, "its input 'raw' has changed"),
        ({}, {"raw": None}, "whether its input 'raw' has changed can't be told"),
    ],
)
def test_what_has_changed_runs_again_and_all_that_follows(
    now: dict[str, Fingerprint], versions: dict[str, str | None], why: str
) -> None:
    found = carried(plan_of(A, B, C), note(A), note(B), now=now, versions=versions)
    assert found.done == {}
    assert found.again == {"a": why, "b": "'a', which it depends on, is run again"}


def test_rows_that_were_never_written_are_made_again() -> None:
    lost = note(A)
    lost = lost.model_copy(update={"outputs": (lost.outputs[0].model_copy(update={"is_durable": False}),)})
    assert carried(plan_of(A), lost).again == {"a": "the rows of output 'x' were not written anywhere"}


@pytest.mark.parametrize(
    "made", [node("b", outputs=()), node("b", outputs=("y", "y2")), node("b", outputs=("y",), mode="merge")]
)
def test_what_is_only_in_memory_is_made_again_for_those_who_need_it(made: PlannedNode) -> None:
    plan = plan_of(made, C)
    assert carried(plan, note(made)).again == {"b": "what it returned is not stored, and 'c' needs it"}
    assert set(carried(plan, note(made), note(C)).done) == {"b", "c"}


def test_rows_of_one_output_are_read_where_they_are_staged() -> None:
    assert set(carried(plan_of(replace(B, inputs=(), dependencies=()), C), note(B)).done) == {"b"}


def test_under_publish_node_only_what_is_published_counts() -> None:
    plan = plan_of(A, B, publish=Publish.NODE)
    found = carried(plan, note(A, is_published=True), note(B))
    assert set(found.done) == {"a"}
    assert found.again == {"b": "its outputs were not published"}


def test_a_published_node_that_reads_its_own_output_is_not_run_again_for_having_changed_it() -> None:
    own = node("a", stored("x"), outputs=("x",))
    found = carried(plan_of(own, publish=Publish.NODE), note(own, is_published=True), versions={"x": "2"})
    assert set(found.done) == {"a"}
    assert carried(plan_of(own), note(own), versions={"x": "2"}).again == {"a": "its input 'x' has changed"}


def test_other_outputs_than_it_had_make_a_node_run_again() -> None:
    now = node("a", stored("raw"), outputs=("x", "more"))
    assert carried(plan_of(now), note(A)).again == {"a": "its configuration has changed"}
