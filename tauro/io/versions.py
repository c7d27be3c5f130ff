"""What lies at the stored inputs of a run, looked at once, and the one version of a Delta table that the run reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from tauro.io.catalog.table import quoted_name
from tauro.io.files.marker import read_marker
from tauro.io.formats import FORMATS
from tauro.io.locations import format_of, input_spec_for, location, locations
from tauro.io.options import value_of
from tauro.io.partitions import is_hidden
from tauro.io.ports import Project
from tauro.io.writing import spark_errors
from tauro.model import InputSpec
from tauro.model.outcome import ReadVersion
from tauro.storage.paths import covers, has_glob, is_remote, local_path, matches

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CHOOSES = ("versionAsOf", "timestampAsOf", "readChangeFeed", "readChangeData")
"""Options by which an input says itself what it reads of a Delta table."""
_HEAD_BYTES = 65536
"""How much of a commit is enough to tell it from any other: it begins with an id of its own."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies somewhere."""

    state: str
    """For comparing."""
    shown: str
    """For people."""
    version: int | None = None
    """Of a Delta table."""


_MISSING = _Found("missing", "does not exist")


@dataclass(slots=True)
class _Look:
    """One place, looked at by the first that asks."""

    places: tuple[str, ...]
    lock: Lock = field(default_factory=Lock)
    is_done: bool = False
    found: _Found | None = None


class ReadVersions:
    """What the stored inputs of one run were when the run first looked; for many threads.

    Args:
        context: the project; its session is needed for catalog tables alone.
    """

    def __init__(self, context: Project) -> None:
        self._context = context
        self._looks: dict[tuple[str, ...], _Look] = {}
        self._lock = Lock()

    def version_of(self, spec: InputSpec) -> str | None:
        """A text that stays the same as long as the same is stored there; None if that can't be told.

        It is told of files and Delta tables on this machine, Delta tables of the catalog among them.

        Args:
            spec: its paths may be relative to the project.
        """
        found = self._found(spec)
        return None if found is None else found.state

    def read(self, spec: InputSpec) -> ReadVersion:
        """What a node reads when it reads this input; to be asked for before it does."""
        found = self._found(spec)
        place = location(input_spec_for(self._context, spec.name, spec))
        if found is None:
            return ReadVersion(spec.name, place)
        return ReadVersion(spec.name, place, found.shown, found.state)

    def pinned(self, spec: InputSpec) -> int | None:
        """The version of a Delta table that this run reads; None where the table's newest is read, as elsewhere.

        That is so where the input itself says what it reads, and where the version can't be told.
        """
        if any(value_of(spec.options.items(), name) is not None for name in _CHOOSES):
            return None
        found = self._found(spec)
        return None if found is None else found.version

    def published(self, location: str) -> None:
        """This run has changed what lies at `location`: what is read there from now on is looked at anew."""
        with self._lock:
            self._looks = {
                key: one for key, one in self._looks.items() if not any(_meet(place, location) for place in one.places)
            }

    def _found(self, spec: InputSpec) -> _Found | None:
        spec = input_spec_for(self._context, spec.name, spec)
        version = value_of(spec.options.items(), "versionAsOf") or ""
        key = (spec.format_name or "", version, location(spec))
        with self._lock:
            look = self._looks.get(key)
            if look is None:
                look = self._looks[key] = _Look(locations(spec))
        with look.lock:
            if not look.is_done:
                look.found = self._look_at(spec, int(version) if version.isdecimal() else None)
                look.is_done = True
        return look.found

    def _look_at(self, spec: InputSpec, version: int | None) -> _Found | None:
        name = format_of(self._context, spec)
        paths = spec.path or ()
        if any(is_remote(path) for path in paths):
            return None
        try:
            if name == "table":
                return _in_catalog(self._context.spark, spec.table or "", version)
            if name == "delta" and paths:
                return _delta(local_path(paths[0]), version)
            if name in FORMATS and FORMATS[name].capabilities.is_file and paths:
                return _files(paths)
        except OSError:
            return None  # nobody may look there
        return None


def _in_catalog(session: SparkSession, table: str, version: int | None) -> _Found | None:
    """A table of the catalog, if it is a Delta table on this machine."""
    try:
        rows = [(row[0], row[1]) for row in session.sql(f"DESCRIBE TABLE EXTENDED {quoted_name(table)}").collect()]
    except spark_errors():
        return None
    names = [name for name, _ in rows]
    if "# Detailed Table Information" not in names:
        return None
    details = dict(rows[names.index("# Detailed Table Information") + 1 :])
    place = str(details.get("Location") or "")
    if str(details.get("Provider")).lower() != "delta" or not place or is_remote(place):
        return None
    return _delta(local_path(place), version)


def _delta(table: Path, version: int | None) -> _Found | None:
    """A Delta table by its log; None for a log that is not all of it.

    Args:
        table: the table's folder.
        version: the one that is read; None for the newest.
    """
    commits: dict[int, str] = {}  # version -> the file that tells of it: its commit, or else a checkpoint
    try:
        with os.scandir(table / "_delta_log") as entries:
            names = sorted(entry.name for entry in entries)
    except FileNotFoundError:
        return _MISSING if not table.exists() else None
    for name in names:  # a version's checkpoints sort before its commit
        number, _, rest = name.partition(".")
        if number.isdecimal() and (rest == "json" or rest.startswith("checkpoint.")):
            commits[int(number)] = name
    newest = max(commits, default=-1)
    if newest < 0 or _waits(table / "_delta_log" / "_staged_commits", newest):
        return None
    chosen = newest if version is None else version
    name = commits.get(chosen, "")
    if not name:  # cleaned up: an older version than the log goes back to, which nobody can change any more
        return _Found(f"delta:{chosen}", str(chosen), chosen)
    with (table / "_delta_log" / name).open("rb") as commit:
        digest = blake2b(commit.read(_HEAD_BYTES), digest_size=12)
        digest.update(str(os.fstat(commit.fileno()).st_size).encode())
    return _Found(f"delta:{chosen}:{digest.hexdigest()}", str(chosen), chosen)


def _waits(staged: Path, newest: int) -> bool:
    """Whether a catalog has accepted commits that are not in the log yet."""
    try:
        with os.scandir(staged) as entries:
            numbers = [entry.name.partition(".")[0] for entry in entries]
    except FileNotFoundError:
        return False
    return any(number.isdecimal() and int(number) > newest for number in numbers)


def _files(paths: tuple[str, ...]) -> _Found:
    """Files and folders of files, by the names, sizes and times of what readers see there."""
    digest = blake2b(digest_size=16)
    count, newest_ns, writers = 0, 0, set()
    is_there = False
    for path in paths:
        root = local_path(path)
        found = [root] if root.exists() else matches(path) if has_glob(path) else []
        for one in found:
            is_there = True
            marker = read_marker(one)
            if marker is not None:
                digest.update(f"by {marker.write_id}\n".encode())
            writers.add(marker.run_id if marker is not None else None)
            start = len(str(one)) if one == root else 0  # what a pattern stands for is told apart by its name
            for file, stat in _listed(str(one)):
                count += 1
                newest_ns = max(newest_ns, stat.st_mtime_ns)
                digest.update(f"{file[start:]}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
        digest.update(b"/\n")
    if not is_there:
        return _MISSING
    shown = f"{count} file{'' if count == 1 else 's'}"
    writer = writers.pop() if len(writers) == 1 else None
    if writer is not None:
        shown += f", written by run {writer}"
    elif count:
        newest = datetime.fromtimestamp(newest_ns // 1_000_000_000, UTC)
        shown += f", newest {newest:%Y-%m-%dT%H:%M:%SZ}"
    return _Found(f"files:{digest.hexdigest()}", shown)


def _listed(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """The files at and below a path that Spark's readers see, sorted; a folder that holds itself is entered once."""
    if not os.path.isdir(root):
        yield root, os.stat(root)
        return
    waiting = [root]
    linked: set[tuple[int, int]] = set()
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            inside = sorted(entries, key=lambda entry: entry.name, reverse=True)
        for entry in inside:
            if is_hidden(entry.name):
                continue
            if not entry.is_dir():
                yield entry.path, entry.stat()
                continue
            if entry.is_symlink():
                stat = entry.stat()
                if (stat.st_dev, stat.st_ino) in linked:
                    continue
                linked.add((stat.st_dev, stat.st_ino))
            waiting.append(entry.path)


def _meet(place: str, other: str) -> bool:
    """Whether one of two places lies in the other; the first may be a pattern."""
    if place == other or (has_glob(place) and covers(place, other)):
        return True
    return place.startswith(f"{other}/") or other.startswith(f"{place}/")
