"""What the file system of a folder can do, as far as publishing depends on it: looked up and tried, once a mount."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from tauro.storage.local import exchange_at_once

MOUNTS = Path("/proc/self/mounts")
_OBJECT_STORES = (
    "blobfuse",
    "cosfs",
    "gcsfuse",
    "geesefs",
    "goofys",
    "mount-s3",
    "mountpoint-s3",
    "obsfs",
    "ossfs",
    "rclone",
    "s3backer",
    "s3fs",
    "tigrisfs",
)
"""Programs that show an object store as a folder; a rename there copies, or is refused."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a file system can do."""

    kind: str
    """As the system calls it, such as `ext4` or `fuse.s3fs`; empty where it does not say."""
    is_object_store: bool
    """Whether it only shows an object store, so that renaming a folder copies what is in it, file by file."""
    can_exchange: bool | None
    """Whether two folders change places in one step; None where it could not be tried."""
    can_link: bool | None
    """Whether a file can have two names; None where it could not be tried."""


def abilities_of(folder: Path, table: Path = MOUNTS) -> Abilities:
    """What the file system can do on which a folder lies, or would lie.

    Args:
        folder: it need not exist.
        table: where the system lists what is mounted.
    """
    there = Path(os.path.realpath(folder))
    while not there.is_dir() and there != there.parent:
        there = there.parent
    mount = _mount_of(there, table)
    key = (mount, there.stat().st_dev)  # a mount that is not in the table is told by its device
    found = _known.get(key) or _looked_at(mount, there)
    if found.is_object_store or found.can_link is not None:  # elsewhere on the mount it may be possible to try
        _known[key] = found
    return found


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system in its place."""

    point: str
    source: str
    kind: str


_known: dict[tuple[Mount, int], Abilities] = {}


def is_object_store_mount(mount: Mount) -> bool:
    """Whether a mount shows an object store: told by its type or, where that only says `fuse`, by its source."""
    kind, _, program = mount.kind.partition(".")
    if kind not in ("fuse", "fuseblk"):
        return False
    return (program or mount.source).lower().startswith(_OBJECT_STORES)


def _looked_at(mount: Mount, folder: Path) -> Abilities:
    is_object_store = is_object_store_mount(mount)
    can_exchange, can_link = (None, None) if is_object_store else _try_in(folder)
    return Abilities(mount.kind, is_object_store, can_exchange, can_link)


def _try_in(folder: Path) -> tuple[bool | None, bool | None]:
    """Whether folders change places at once, and files can be linked; None for both where nothing may be written."""
    try:
        place = Path(tempfile.mkdtemp(prefix=".tauro-try-", dir=folder))
    except OSError:
        return None, None
    try:
        first, second = place / "first", place / "second"
        first.mkdir()
        second.mkdir()
        can_exchange = exchange_at_once(first, second)
        (first / "file").touch()
        try:
            os.link(first / "file", first / "link")
        except OSError:
            return can_exchange, False
        return can_exchange, True
    except OSError:
        return None, None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _mount_of(folder: Path, table: Path) -> Mount:
    """The mount on which a folder lies; one without a kind where the system tells none."""
    here = PurePosixPath(folder)
    best = Mount("", "", "")
    for mount in _mounts(table):
        if len(mount.point) >= len(best.point) and here.is_relative_to(mount.point):
            best = mount  # of two at one place, the later one hides the other
    return best


@cache
def _mounts(table: Path) -> tuple[Mount, ...]:
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not on Linux
        return ()
    fields = [[_unescaped(field) for field in line.split(" ")[:3]] for line in lines]
    return tuple(Mount(point, source, kind) for source, point, kind in fields)


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
