"""Where what is known of a project's warm JVM lies: a folder of the user's own that nobody else can enter."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tauro.launch.cache import cache_folder
from tauro.launch.processes import this_host

SWITCH = "TAURO_WARM"
"""The environment variable that, set to `on` or `off`, overrules the project's setting `warm`."""

_OTHERS = 0o077


class UntrustedFolderError(OSError):
    """The folder is not the user's alone."""


@dataclass(frozen=True, slots=True)
class WarmPlace:
    """The files of one project's warm JVM."""

    folder: Path

    @property
    def state(self) -> Path:
        """What the keeper tells of the JVM; not there while there is none."""
        return self.folder / "state.json"

    @property
    def visitor(self) -> Path:
        """Who was in the JVM last."""
        return self.folder / "visitor.json"

    @property
    def baseline(self) -> Path:
        """What the JVM was like before anybody was in it."""
        return self.folder / "baseline.json"

    @property
    def death(self) -> Path:
        """How the last JVM ended, where nobody asked it to."""
        return self.folder / "death.json"

    @property
    def lock(self) -> Path:
        """Held by whoever is in the JVM."""
        return self.folder / "lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper as long as it lives."""
        return self.folder / "keeper"

    @property
    def log(self) -> Path:
        """What the JVM prints."""
        return self.folder / "log"

    def make(self) -> None:
        """Makes the folder.

        Raises:
            UntrustedFolderError: there is one that others can enter, or that is not the user's.
            OSError: it can't be made.
        """
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check(folder)

    def check(self) -> None:
        """Raises unless the folder is there, and the user's alone.

        Raises:
            UntrustedFolderError: others can enter it, or it is not the user's.
            OSError: it is not there.
        """
        self._check(self.folder.parent)
        self._check(self.folder)

    @staticmethod
    def _check(folder: Path) -> None:
        found = folder.lstat()
        if not is_own(found):
            raise UntrustedFolderError(f"the folder {folder} is not its user's alone")


def place_of(root: Path, environment: Mapping[str, str]) -> WarmPlace | None:
    """The place of a project's warm JVM; None where there can be none.

    Args:
        root: the project's folder.
        environment: what XDG_RUNTIME_DIR, and the variables of the cache folder, are read from.
    """
    folders = list(_folders(environment))
    return WarmPlace(folders[0] / _name(root)) if is_supported() and folders else None


def is_kept(root: Path, environment: Mapping[str, str]) -> bool:
    """Whether there seems to be a warm JVM of a project, at a glance."""
    place = place_of(root, environment)
    return place is not None and place.state.exists()


def known_places(environment: Mapping[str, str]) -> Iterator[WarmPlace]:
    """The places of all of the user's warm JVMs on this machine, those that can be trusted."""
    if not is_supported():
        return
    for folder in _folders(environment):
        for found in sorted(folder.glob("*/state.json")):
            place = WarmPlace(found.parent)
            try:
                place.check()
            except OSError:
                continue
            yield place


def is_supported() -> bool:
    """Whether this system tells enough of its processes to keep a JVM safely: Linux does."""
    return sys.platform == "linux"


def is_own(found: os.stat_result) -> bool:
    """Whether something is a folder that its user alone can enter."""
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS


def _folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where warm JVMs may be noted, best first: a folder for as long as the user is logged in, or the cache.

    That of a login is used without its variable, too, so that a job of cron finds the same JVM.
    """
    for runtime in dict.fromkeys((environment.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}")):
        if Path(runtime).is_absolute():
            try:
                is_there = is_own(Path(runtime).stat())
            except OSError:
                is_there = False
            if is_there:
                yield Path(runtime, "tauro-warm")
    cache = cache_folder(environment)
    if cache is not None:
        yield cache / "warm"


def _name(root: Path) -> str:
    """Names a project on this machine: the cache folder may be shared with other machines and containers."""
    here = this_host()
    return hashlib.sha256(f"{root.resolve()}\0{here.host}\0{here.namespace}".encode()).hexdigest()[:16]
