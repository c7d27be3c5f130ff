"""The class data archives that were made before: files in the user's cache folder, each beside what it fits.

Losing one costs the time that it saves, and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tauro.launch.archive.request import ArchiveRequest, Stamp, stamp
from tauro.launch.cached_files import WORK, locked, sha256, sweep

RETRY_S = 24 * 3600.0
"""How long after a try that did not end well the next one is made in the background."""
UNUSED_S = 60 * 24 * 3600.0
"""How long an archive is kept that no session uses."""
NEEDED_BYTES = 1024**3
"""What has to be free on the disk to make one."""

_VERSION = 1
_LEFT_OVER_S = 3600.0
_DAY_S = 24 * 3600.0
_WAIT_S = 600.0


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """One archive."""

    path: Path
    java_version: str
    spark_version: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Note:
    """What is known of an archive's file, and of those that it was made of."""

    size_bytes: int
    mtime_s: int
    sha256: str
    files: tuple[Stamp, ...]


class ArchiveStore:
    """Remembers archives by what they were made for.

    `KEY.jsa` is the archive, `KEY.json` tells what it fits and what the file should be, `KEY.tried` when its making
    began last, without having ended well.

    Args:
        folder: it is made when something is first put there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, request: ArchiveRequest) -> StoredArchive | None:
        """The archive for a request, if there is one and its file is sound.

        A file of another size is not; one whose time has changed is read.
        """
        told = self._read(request.key)
        if told is None:
            return None
        path = self.folder / f"{request.key}.jsa"
        try:
            found = path.stat()
            if found.st_size != told.size_bytes:
                return None
            if int(found.st_mtime) != told.mtime_s:
                if sha256(path) != told.sha256:
                    return None
                with suppress(OSError):  # the folder may be read-only
                    os.utime(path, (told.mtime_s, told.mtime_s))
            self._note_use(request.key)
        except OSError:
            return None
        return StoredArchive(path, request.java_version, request.spark_version, found.st_size)

    def may_try(self, request: ArchiveRequest) -> bool:
        """Whether it makes sense to make the archive now: there is room, and no try of late that went wrong."""
        folder = next((folder for folder in (self.folder, *self.folder.parents) if folder.is_dir()), None)
        try:
            if folder is None or not os.access(folder, os.W_OK | os.X_OK):
                return False
            if shutil.disk_usage(folder).free < NEEDED_BYTES:
                return False
            return time.time() - (self.folder / f"{request.key}.tried").stat().st_mtime > RETRY_S
        except FileNotFoundError:
            return True
        except OSError:
            return False

    @contextmanager
    def making(self, *, waits: bool) -> Iterator[Path | None]:
        """Keeps other processes from making one at the same time, where the file system can; gives an empty folder.

        Args:
            waits: whether to wait for another process; otherwise None is given where there is one.

        Raises:
            OSError: nothing can be written here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock", _WAIT_S if waits else 0.0) as is_mine:
            if not (is_mine or waits):
                yield None
                return
            sweep(self.folder, _LEFT_OVER_S)
            work = Path(tempfile.mkdtemp(prefix=WORK, dir=self.folder))
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def note_try(self, request: ArchiveRequest) -> None:
        """Remembers that the making begins; `put` forgets it."""
        (self.folder / f"{request.key}.tried").touch()

    def put(self, request: ArchiveRequest, made: Path) -> StoredArchive:
        """Moves a file here, and removes the archives that fit nothing any more.

        Raises:
            OSError: something could not be written.
        """
        made.chmod(0o644)
        with made.open("rb+") as stream:
            os.fsync(stream.fileno())
        found = made.stat()
        told = {
            "version": _VERSION,
            "size_bytes": found.st_size,
            "mtime_s": int(found.st_mtime),
            "sha256": sha256(made),
            "java": request.java_version,
            "spark": request.spark_version,
            "files": request.files,
        }
        note = made.with_suffix(".json")
        note.write_text(json.dumps(told), encoding="utf-8")
        note.chmod(0o644)
        path = self.folder / f"{request.key}.jsa"
        made.replace(path)
        note.replace(path.with_suffix(".json"))
        (self.folder / f"{request.key}.tried").unlink(missing_ok=True)
        self._remove_old(request.key)
        return StoredArchive(path, request.java_version, request.spark_version, found.st_size)

    def discard(self, key: str) -> None:
        """Removes an archive that may be to blame for something, and has none made in its place for a while."""
        with suppress(OSError):
            (self.folder / f"{key}.tried").touch()
        self._remove(key)

    def _read(self, key: str) -> _Note | None:
        try:
            told = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            if told["version"] != _VERSION:
                return None
            files = tuple((str(path), int(size), int(time_s)) for path, size, time_s in told["files"])
            return _Note(int(told["size_bytes"]), int(told["mtime_s"]), str(told["sha256"]), files)
        except (OSError, ValueError, KeyError, TypeError):  # another Tauro's, or half of one
            return None

    def _note_use(self, key: str) -> None:
        """Lets the note's time tell when the archive was used last, to the day."""
        note = self.folder / f"{key}.json"
        with suppress(OSError):
            if time.time() - note.stat().st_mtime > _DAY_S:
                os.utime(note)

    def _remove_old(self, but: str) -> None:
        """Removes archives of a Java, a Spark or jars that are there no more, and those that nobody uses."""
        for note in self.folder.glob("*.json"):
            told = self._read(note.stem)
            with suppress(OSError):
                is_unused = time.time() - note.stat().st_mtime > UNUSED_S
                if note.stem != but and (told is None or is_unused or not _is_as_before(told)):
                    self._remove(note.stem)

        for tried in self.folder.glob("*.tried"):
            with suppress(OSError):
                if time.time() - tried.stat().st_mtime > UNUSED_S:
                    tried.unlink()

    def _remove(self, key: str) -> None:
        for ending in ("json", "jsa"):
            with suppress(OSError):
                (self.folder / f"{key}.{ending}").unlink(missing_ok=True)


def _is_as_before(told: _Note) -> bool:
    """Whether all files that an archive was made of are there, and are the same."""
    try:
        return all(stamp(Path(file[0])) == file for file in told.files)
    except OSError:
        return False
