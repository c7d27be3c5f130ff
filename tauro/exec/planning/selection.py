"""Which part of a pipeline to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tauro.errors import InvalidValueError, UnknownNameError
from tauro.scheduling.graph import dependents, reachable


@dataclass(frozen=True, slots=True)
class Selection:
    """Part of a pipeline's graph; with nothing given, all of it. What is given must all hold for a node."""

    nodes: tuple[str, ...] = ()
    """Just these."""
    start: tuple[str, ...] = ()
    """These and all that depends on them."""
    end: tuple[str, ...] = ()
    """These and all they depend on."""
    tags: tuple[str, ...] = ()
    """Those that bear one of these tags."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.nodes or self.start or self.end or self.tags)

    def of(self, graph: Mapping[str, Sequence[str]], tags: Mapping[str, Sequence[str]]) -> set[str]:
        """The selected nodes.

        Args:
            graph: node -> what it depends on, in declared order.
            tags: node -> its tags.

        Raises:
            UnknownNameError: a node, or a tag, that the pipeline does not have.
            InvalidValueError: no node is left.
        """
        for name in (*self.nodes, *self.start, *self.end):
            if name not in graph:
                raise UnknownNameError("node", name, list(graph))
        known_tags = sorted({tag for of_node in tags.values() for tag in of_node})
        for tag in self.tags:
            if tag not in known_tags:
                raise UnknownNameError("tag", tag, known_tags)
        chosen = set(graph)
        if self.nodes:
            chosen &= set(self.nodes)
        if self.start:
            chosen &= reachable(self.start, dependents(graph))
        if self.end:
            chosen &= reachable(self.end, graph)
        if self.tags:
            chosen &= {node for node in chosen if set(tags.get(node, ())) & set(self.tags)}
        if not chosen:
            raise InvalidValueError("the selection leaves no node to run")
        return chosen


EVERYTHING = Selection()
"""The whole pipeline."""
