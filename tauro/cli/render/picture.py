"""What a drawing of a pipeline shows: its nodes and the edges between them, drawn from a plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tauro.cli.render import words
from tauro.cli.render.plan import input_text, mode_text, runs
from tauro.model.plan import Plan, PlannedNode


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn."""

    name: str
    is_sql: bool
    runs: str
    """Its function, or the beginning of its SQL."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    outputs: tuple[str, ...]
    """The ids of what it writes."""
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """What one node needs of another: its data, or only that it is done first."""

    start: str
    end: str
    carries_data: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A pipeline as it is drawn."""

    title: str
    subtitle: str
    boxes: tuple[Box, ...]
    """In the plan's order: each after what it depends on."""
    edges: tuple[Edge, ...]


def picture_of(plan: Plan, redact: Callable[[str], str] = str) -> Picture:
    """The picture of what a plan would run, with what `redact` replaces replaced."""
    boxes = tuple(_box(plan.nodes[name], redact) for name in plan.order)
    edges = []
    for name in plan.order:
        node = plan.nodes[name]
        sources = {item.node for item in node.inputs if item.node is not None}
        edges += [Edge(needed, name, needed in sources) for needed in node.dependencies if needed in plan.nodes]
    subtitle = words.count(len(boxes), "node")
    if plan.pipeline.description:
        subtitle += f": {redact(plan.pipeline.description)}"
    return Picture(plan.pipeline.name, subtitle, boxes, tuple(edges))


def _box(node: PlannedNode, redact: Callable[[str], str]) -> Box:
    return Box(
        name=node.name,
        is_sql=node.spec.sql is not None,
        runs=redact(runs(node.spec)),
        reads=tuple(redact(input_text(item)) for item in node.inputs),
        writes=tuple(redact(f"{item.id}: {item.location} ({mode_text(item.spec)})") for item in node.outputs),
        outputs=tuple(item.id for item in node.outputs),
        after=node.dependencies,
    )


def tooltip(box: Box) -> str:
    """A node in several lines."""
    lines = [box.name, f"runs {box.runs}", *(f"reads {item}" for item in box.reads)]
    lines += [f"writes {item}" for item in box.writes]
    if not box.writes:
        lines.append("writes nothing: what it returns goes to the nodes after it")
    return "\n".join(lines)


def printable(text: str) -> str:
    """`text` without the characters that XML can't hold."""
    return re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)
