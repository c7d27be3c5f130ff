"""The jars that were resolved before: files in the user's cache folder, and which of them a request stands for.

Losing it, or a part of it, costs a download and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tauro.launch.cache import cache_folder
from tauro.launch.cached_files import WORK, locked, sha256, sweep
from tauro.launch.jars.request import JarRequest

if TYPE_CHECKING:
    from tauro.launch.jars.ivy import Resolved

WAIT_S = 600.0
"""How long a process waits for another one that fetches; then both do."""

_VERSION = 1
_MADE_AT = 1_577_836_800
"""The time that every file bears, so that two processes which put the same one in place put the same there."""
_LEFT_OVER_S = 24 * 3600.0


class State(StrEnum):
    """What became of a file."""

    SOUND = "sound"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class StoredJar:
    """One file."""

    coordinate: str
    name: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    python: tuple[str, ...] = ()
    """The Python modules and packages inside."""


@dataclass(frozen=True, slots=True)
class JarList:
    """The files that one request stands for."""

    key: str
    coordinates: tuple[str, ...]
    """What was asked for."""
    spark_version: str
    scala_version: str
    jars: tuple[StoredJar, ...]


class JarStore:
    """Remembers files by what was asked for.

    `lists/KEY.json` holds a `JarList`; the files lie in folders named by their checksums; lists may share them.

    Args:
        folder: it is made when something is first put there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, request: JarRequest, *, is_thorough: bool = False) -> JarList | None:
        """What the request stands for, if that is known and every file is sound.

        Args:
            request: what is asked for.
            is_thorough: whether to read every file; otherwise only one whose time has changed is read.
        """
        found = self._read(request.key)
        if found is None or any(self.state(jar, is_thorough=is_thorough) is not State.SOUND for jar in found.jars):
            return None
        self._note_times(found)
        return found

    def lists(self) -> list[JarList]:
        """All that is known, by what was asked for."""
        with suppress(OSError):
            names = sorted(path.stem for path in (self.folder / "lists").glob("*.json"))
            found = [jars for name in names if (jars := self._read(name)) is not None]
            return sorted(found, key=lambda one: (one.coordinates, one.spark_version, one.key))
        return []

    def path_of(self, jar: StoredJar) -> Path:
        """Where a file is, or should be."""
        return self.folder / "files" / jar.sha256[:16] / jar.name

    def state(self, jar: StoredJar, *, is_thorough: bool = False) -> State:
        """Whether a file is what was put there.

        Args:
            jar: the file.
            is_thorough: whether to read it in any case; otherwise it is read only if its time has changed.
        """
        path = self.path_of(jar)
        try:
            found = path.stat()
            if found.st_size != jar.size_bytes:
                return State.DAMAGED
            if (is_thorough or found.st_mtime_ns != jar.mtime_ns) and sha256(path) != jar.sha256:
                return State.DAMAGED
        except FileNotFoundError:
            return State.MISSING
        except OSError:
            return State.DAMAGED
        return State.SOUND

    @contextmanager
    def changing(self) -> Iterator[Path]:
        """Keeps other processes from fetching at the same time, where the file system can; gives an empty folder.

        Raises:
            OSError: nothing can be written here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock", WAIT_S):
            for folder in (self.folder, self.folder / "lists"):
                sweep(folder, _LEFT_OVER_S)
            work = Path(tempfile.mkdtemp(prefix=WORK, dir=self.folder))
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def put(self, request: JarRequest, jars: Iterable[Resolved], work: Path) -> JarList:
        """Copies the files that a request stands for; it is known only when all of them are there.

        Args:
            request: what was asked for.
            jars: the files.
            work: the folder that `changing` gave.

        Raises:
            OSError: something could not be written.
        """
        stored = {jar.name: self._put_file(jar, work) for jar in jars}
        found = JarList(
            request.key, request.coordinates, request.spark_version, request.scala_version, tuple(stored.values())
        )
        self._write(found)
        return found

    def _put_file(self, jar: Resolved, work: Path) -> StoredJar:
        copy = work / jar.name
        shutil.copyfile(jar.path, copy)
        os.utime(copy, (_MADE_AT, _MADE_AT))
        _flush(copy)
        found = copy.stat()
        stored = StoredJar(
            jar.coordinate, jar.name, found.st_size, found.st_mtime_ns, sha256(copy), _python_inside(copy)
        )
        place = self.path_of(stored)
        place.parent.mkdir(parents=True, exist_ok=True)
        if self.state(stored, is_thorough=True) is not State.SOUND or place.stat().st_mtime_ns != stored.mtime_ns:
            copy.replace(place)
        return stored

    def _read(self, key: str) -> JarList | None:
        try:
            told = json.loads((self.folder / "lists" / f"{key}.json").read_text(encoding="utf-8"))
            if told["version"] != _VERSION:
                return None
            jars = tuple(_stored(jar) for jar in told["jars"])
            spark, scala = str(told["spark_version"]), str(told["scala_version"])
            return JarList(key, tuple(map(str, told["coordinates"])), spark, scala, jars)
        except (OSError, ValueError, KeyError, TypeError):  # another Tauro's, or half of one
            return None

    def _write(self, found: JarList) -> None:
        whole = {"version": _VERSION, **asdict(found)}
        folder = self.folder / "lists"
        folder.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=WORK, dir=folder)
        unfinished = Path(name)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as stream:
                json.dump(whole, stream, indent=1)
            unfinished.chmod(0o644)  # an image's user is often not the one who made it
            _flush(unfinished)
            unfinished.replace(folder / f"{found.key}.json")
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _note_times(self, found: JarList) -> None:
        """Gives sound files that were copied or touched their times back, so that none is read at the next start."""
        for jar in found.jars:
            with suppress(OSError):
                path = self.path_of(jar)
                if path.stat().st_mtime_ns != jar.mtime_ns:
                    os.utime(path, ns=(jar.mtime_ns, jar.mtime_ns))


def store_folder(environment: Mapping[str, str]) -> Path | None:
    """Where the store is: in the folder that TAURO_CACHE names, or else in the user's cache folder.

    Args:
        environment: what TAURO_CACHE and XDG_CACHE_HOME are read from.

    Returns:
        None if the user has no home.
    """
    folder = cache_folder(environment)
    return folder / "jars" if folder is not None else None


def _stored(told: Mapping[str, object]) -> StoredJar:
    jar = StoredJar(
        str(told["coordinate"]),
        str(told["name"]),
        int(str(told["size_bytes"])),
        int(str(told["mtime_ns"])),
        str(told["sha256"]),
        tuple(map(str, told["python"])) if isinstance(told["python"], list) else (),
    )
    if Path(jar.name).name != jar.name or "," in jar.name or not jar.sha256.isalnum():
        raise ValueError(f"no jar's name: {jar.name}")
    return jar


def _flush(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _python_inside(jar: Path) -> tuple[str, ...]:
    import zipfile  # not needed to find what is there

    with zipfile.ZipFile(jar) as archive:
        names = [name.split("/") for name in archive.namelist() if name.endswith(".py")]
    modules = {parts[0].removesuffix(".py") for parts in names if len(parts) == 1}
    return tuple(sorted(modules | {parts[0] for parts in names if parts[1:] == ["__init__.py"]}))
