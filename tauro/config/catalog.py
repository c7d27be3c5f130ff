"""Entries by name, as a mapping that can tell what is wrong with those that are missing from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, overload

from tauro.errors import ConfigError, Problem, UnknownNameError
from tauro.model.entry import Entry

E = TypeVar("E", bound=Entry, covariant=True)
D = TypeVar("D")


class Catalog(Mapping[str, E], Generic[E]):
    """The usable entries of one document.

    Args:
        kind: what an entry is called: `node`.
        entries: the usable ones, in the document's order.
        faulty: entries that are there but unusable, with what is wrong with them.
    """

    __slots__ = ("_entries", "_faulty", "_kind")

    def __init__(self, kind: str, entries: Mapping[str, E], faulty: Mapping[str, tuple[Problem, ...]]) -> None:
        self._kind = kind
        self._entries = entries
        self._faulty = faulty

    def __getitem__(self, name: str) -> E:
        """The entry called `name`.

        Raises:
            UnknownNameError: there is none; the message suggests the nearest name.
            ConfigError: there is one, and this is what is wrong with it.
        """
        try:
            return self._entries[name]
        except KeyError:
            pass
        if name in self._faulty:
            raise ConfigError(self._faulty[name])
        raise UnknownNameError(self._kind, name, [*self._entries, *self._faulty])

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def get(self, name: str, /) -> E | None: ...
    @overload
    def get(self, name: str, /, default: E | D) -> E | D: ...
    def get(self, name: str, /, default: D | None = None) -> E | D | None:
        """The entry called `name`, or `default` if there is no usable one."""
        return self._entries.get(name, default)

    def __repr__(self) -> str:
        return f"<{len(self)} of kind {self._kind}>"
