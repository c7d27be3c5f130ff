"""What nodes hand to each other in memory: kept while somebody will read it, let go after the last reader."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from threading import Lock
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Frame(Protocol):
    """A Spark DataFrame, as far as keeping it is concerned."""

    def persist(self) -> Any:
        """Keeps its rows where they were computed."""

    def unpersist(self) -> Any:
        """Lets go of them."""


@runtime_checkable
class Closable(Protocol):
    """A resource that a node has opened."""

    def close(self) -> Any:
        """Lets go of it."""


@dataclass(slots=True)
class _Kept:
    value: Any
    readers: int
    """Readers that are not done."""
    frames: list[Frame] = field(default_factory=list)
    """Those of its frames that were persisted."""
    sources: tuple[str, ...] = ()
    """What its rows still depend on, as long as they are not computed: released after it."""


class Handover:
    """The values that nodes returned.

    Args:
        readers: node -> how many nodes read what it returns.
    """

    def __init__(self, readers: Mapping[str, int]) -> None:
        self._readers = dict(readers)
        self._kept: dict[str, _Kept] = {}
        self._lock = Lock()

    def readers_of(self, node: str) -> int:
        """How many nodes read what `node` returns."""
        return self._readers.get(node, 0)

    def keep(self, node: str, value: Any, sources: tuple[str, ...] = (), frames: tuple[Frame, ...] = ()) -> None:
        """Keeps what `node` returned until its last reader is done; with no reader it is let go at once.

        Args:
            node: the node.
            value: what it returned.
            sources: nodes whose values its frames, not being computed yet, and its open resources depend on.
            frames: frames of it that were persisted.
        """
        kept = _Kept(value, self.readers_of(node), list(frames), sources if _leans_on_others(value) else ())
        if kept.readers == 0:
            self._let_go(kept)
            return
        with self._lock:
            self._kept[node] = kept

    def get(self, node: str) -> Any:
        """What `node` returned.

        Raises:
            KeyError: it has returned nothing yet, or everybody who reads it is done.
        """
        with self._lock:
            return self._kept[node].value

    def done_reading(self, reader: str, sources: tuple[str, ...]) -> None:
        """`reader` is at its end and needs the values of `sources` no more, unless what it returned still does."""
        with self._lock:
            of_reader = self._kept.get(reader)
            if of_reader is not None and of_reader.sources:
                return
        self._release(sources)

    def close(self) -> None:
        """Lets go of everything."""
        with self._lock:
            left, self._kept = list(self._kept.values()), {}
        for kept in left:
            self._let_go(kept)

    def _release(self, sources: tuple[str, ...]) -> None:
        waiting = list(sources)
        while waiting:
            node = waiting.pop()
            with self._lock:
                kept = self._kept.get(node)
                if kept is None:
                    continue
                kept.readers -= 1
                if kept.readers > 0:
                    continue
                del self._kept[node]
            self._let_go(kept)
            waiting.extend(kept.sources)

    @staticmethod
    def _let_go(kept: _Kept) -> None:
        for frame in kept.frames:
            _end(frame.unpersist)
        let_go(kept.value)


_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, dict, list, tuple, set, date, datetime, Decimal})
"""Types that are neither frames nor resources: a node may hand on a list of millions of them."""


def parts_of(value: Any) -> Iterator[Any]:
    """`value`, or what a tuple, list or mapping of values holds."""
    if value is None:
        return
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    else:
        yield value


def let_go(value: Any, but: Collection[Any] = ()) -> None:
    """Closes what `value` is, or holds, and can be closed; `but` are things that others still use."""
    for part in parts_of(value):
        can_close = type(part) not in _PLAIN and isinstance(part, Closable) and not isinstance(part, Frame)
        if can_close and not any(part is one for one in but):
            _end(part.close)


def frames_in(value: Any) -> tuple[Frame, ...]:
    """The Spark DataFrames that `value` is, or holds."""
    return tuple(part for part in parts_of(value) if type(part) not in _PLAIN and isinstance(part, Frame))


def _leans_on_others(value: Any) -> bool:
    """Whether `value` may need what it was made from: a Spark DataFrame, or a resource such as a cursor."""
    return any(type(part) not in _PLAIN and isinstance(part, Frame | Closable) for part in parts_of(value))


def _end(let_go: Callable[[], object]) -> None:
    """Lets go of one thing; one that can't be let go, as of a JVM that is dead, does not change how the run ends."""
    try:
        let_go()
    except Exception as error:  # noqa: BLE001 - user code: a resource may be of any kind
        from loguru import logger

        logger.opt(exception=error).warning("something that a node returned can't be let go")
