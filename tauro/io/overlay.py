"""What a run has staged, laid over what is published: its own nodes read it there."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from tauro.io.locations import locations
from tauro.io.options import value_of
from tauro.io.partitions import is_hidden
from tauro.io.ports import Staged
from tauro.model import InputSpec, OutputSpec
from tauro.storage.paths import covers, has_glob
from tauro.storage.place import Session, matches_of, no_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_VERSIONS = ("versionAsOf", "timestampAsOf")


@dataclass(frozen=True, slots=True)
class _Laid:
    spec: OutputSpec
    staged: Staged


@dataclass(frozen=True, slots=True)
class Overlaid:
    """An input of which the run has staged a part, or all."""

    frames: tuple[DataFrame, ...]
    """The staged tables, each as it will be once published."""
    formats: frozenset[str]
    """The formats they are kept in."""
    rest: tuple[str, ...]
    """The paths that are read as they lie."""


class Overlay:
    """The staged outputs of a run by location; for many threads."""

    def __init__(self) -> None:
        self._laid: dict[str, _Laid] = {}
        self._lock = Lock()

    def put(self, location: str, spec: OutputSpec, staged: Staged) -> None:
        """Lays a staged output over `location`."""
        with self._lock:
            self._laid[location] = _Laid(spec, staged)

    def over(self, spec: InputSpec, session: Session = no_session) -> Overlaid | None:
        """What the run has staged of an input; None if that is nothing, or the input asks for an older version.

        Args:
            spec: the input.
            session: opens a session, or returns the one that is open; called for remote patterns.
        """
        if not self._laid or any(value_of(spec.options.items(), name) is not None for name in _VERSIONS):
            return None
        with self._lock:
            laid = dict(self._laid)
        rest: list[str] = []
        found: list[tuple[_Laid, DataFrame]] = []
        for place in locations(spec):
            here = [one for one in laid if one == place or (has_glob(place) and covers(place, one))]
            frames = [(laid[one], laid[one].staged.table()) for one in here]
            new = [(one, frame) for one, frame in frames if frame is not None]
            found += new
            if not new:
                rest.append(place)
            elif has_glob(place):
                found_there = matches_of(place, session)
                rest += [path for path in found_there if path not in here and not is_hidden(path.rpartition("/")[2])]
        if not found:
            return None
        formats = frozenset(one.spec.format_name or "" for one, _ in found)
        return Overlaid(tuple(frame for _, frame in found), formats, tuple(rest))
