"""Graphs of nodes that do nothing: node -> what it depends on."""

from __future__ import annotations

import random

Graph = dict[str, list[str]]

FUNCTION = "tests.bench.graphs.do_nothing"
"""The dotted path of what every node does."""


def do_nothing(*_inputs: object) -> None:
    """What every node does."""


def chain(length: int) -> Graph:
    """Each node after the one before."""
    return {f"n{at}": [f"n{at - 1}"] if at else [] for at in range(length)}


def fan(width: int) -> Graph:
    """One node, and all others after it."""
    return {"root": []} | {f"n{at}": ["root"] for at in range(width - 1)}


def layered(layers: int, width: int, *, seed: int = 1) -> Graph:
    """Each node after three nodes of the layer before, picked at random."""
    choice = random.Random(seed)
    return {
        f"n{layer}_{at}": [f"n{layer - 1}_{choice.randrange(width)}" for _ in range(3)] if layer else []
        for layer in range(layers)
        for at in range(width)
    }
