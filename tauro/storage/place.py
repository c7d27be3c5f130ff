"""Places: paths on whatever file system, and the few things that are done to them in one step each.

A place on this machine is a `pathlib.Path`, and nothing stands between it and the system. One elsewhere is a
`RemotePath`, whose file system does what is asked where the data is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Protocol

from tauro.storage import local, lock, remote_lock
from tauro.storage.hadoop import HadoopFiles
from tauro.storage.paths import canonical, is_remote, local_path, matches
from tauro.storage.port import FileSystem
from tauro.storage.remote import RemotePath
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Session = Callable[[], "SparkSession"]
"""Opens a session, or returns the one that is open."""

SERVED: dict[str, FileSystem] = {}
"""File systems by scheme that others than Hadoop serve."""


def no_session() -> SparkSession:
    """Stands for a session where remote places are not looked at.

    Raises:
        OSError: always.
    """
    raise OSError("no Spark session is there to reach remote files with")


class Place(Protocol):
    """A file or folder somewhere, which need not exist."""

    @property
    def name(self) -> str:
        """The last component."""

    @property
    def stem(self) -> str:
        """The last component without its suffix."""

    @property
    def parent(self) -> Place:
        """The folder above."""

    def __truediv__(self, name: str | PurePath, /) -> Place:
        """What lies in it under a name."""

    def with_name(self, name: str, /) -> Place:
        """Another one beside it."""

    def exists(self) -> bool:
        """Whether something lies there."""

    def is_dir(self) -> bool:
        """Whether a folder lies there."""

    def iterdir(self) -> Iterable[Place]:
        """What lies right in the folder."""

    def read_bytes(self) -> bytes:
        """The file's content."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the file."""


def place_of(path: str, session: Session) -> Place:
    """The place that a path names, links followed on this machine.

    Args:
        path: absolute; remote or not.
        session: called when a remote place is first looked at; whose Hadoop configuration counts there.
    """
    if not is_remote(path):
        return Path(os.path.realpath(local_path(path)))
    path = canonical(path)
    scheme = path.partition(":")[0]
    return RemotePath(path, SERVED.get(scheme) or HadoopFiles(scheme, session))


def here(place: Place) -> Path:
    """A place that is known to be on this machine."""
    assert isinstance(place, Path)  # there is no third kind
    return place


def matches_of(pattern: str, session: Session) -> list[str]:
    """The existing paths that a pattern of Hadoop's kind stands for; as `place_of`."""
    if not is_remote(pattern):
        return [str(path) for path in matches(pattern)]
    place = place_of(pattern, session)
    assert isinstance(place, RemotePath)  # it is
    return place.files.matching(place.path)


def listed(folder: Place) -> list[Place]:
    """What lies right in a folder, by name; nothing if it does not exist."""
    if isinstance(folder, RemotePath):
        return list(folder.iterdir())
    try:
        return [*sorted(here(folder).iterdir())]
    except (FileNotFoundError, NotADirectoryError):
        return []


def folders_in(folder: Place) -> list[Place]:
    """The folders right in a folder, by name; none if it does not exist."""
    if isinstance(folder, RemotePath):
        return [RemotePath(one.path, folder.files) for one in folder.files.children(folder.path) if one.is_folder]
    return [one for one in listed(folder) if one.is_dir()]


def kinds_in(folder: Place) -> dict[str, bool] | None:
    """The names right in a folder, and whether each is one of a folder; None if it does not exist.

    Raises:
        NotADirectoryError: a file lies there.
    """
    if not isinstance(folder, RemotePath):
        try:
            return {one.name: one.is_dir() for one in os.scandir(here(folder))}
        except FileNotFoundError:
            return None
    found = folder.files.children(folder.path)
    if not found:
        there = folder.files.find(folder.path)
        if there is not None and not there.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "a file, not a folder", folder.path)
        return None if there is None else {}
    return {one.path.rpartition("/")[2]: one.is_folder for one in found}


def put_whole(place: Place, content: bytes) -> None:
    """Puts a small file, whole or not at all, in place of one that is there; folders above it are made.

    Raises:
        OSError: it can't be written; what was there before is there still.
    """
    if isinstance(place, RemotePath):
        place.files.write(place.path, content)
        return
    path = here(place)
    draft = _draft_of(path)
    try:
        try:
            draft.write_bytes(content)
        except FileNotFoundError:
            local.make_folder(path.parent)
            draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def discard_file(place: Place) -> None:
    """Removes what `put_whole` has put, and what a kill has left of it; that it is gone already is no error."""
    place.unlink(missing_ok=True)
    if not isinstance(place, RemotePath):
        _draft_of(here(place)).unlink(missing_ok=True)


def make_folder(place: Place) -> None:
    """Makes a folder and those above it."""
    if isinstance(place, RemotePath):
        place.files.make_folder(place.path)
    else:
        local.make_folder(here(place))


def move(source: Place, target: Place) -> None:
    """Moves a file or folder to where nothing is, on the same file system.

    Raises:
        OSError: something is there already, or it can't be moved.
    """
    if isinstance(source, RemotePath):
        source.files.move(source.path, str(target))
    else:
        here(source).rename(here(target))


def move_files(source: Place, target: Place, *, is_left_out: Callable[[Path], bool]) -> int:
    """Moves the files below `source` to the same places below `target`; returns how many.

    Raises:
        FileExistsError: a file is there already; names of data files never repeat.
    """
    if not isinstance(source, RemotePath):
        return local.move_files(here(source), here(target), is_left_out=is_left_out)
    inside = (Path(one.path[len(source.path) + 1 :]) for one in source.found_below())
    wanted = [path for path in inside if not is_left_out(path)]
    for path in wanted:
        step("storage.move")
        move(source / path, target / path)
    return len(wanted)


def put(source: Place, target: Place) -> None:
    """Moves a folder to a place where nothing, or an empty folder, is.

    Raises:
        OSError: something is at `target` already.
    """
    if isinstance(target, RemotePath):
        target.files.remove_if_empty(target.path)
        move(source, target)
    else:
        local.put(here(source), here(target))


def exchange(first: Place, second: Place, *, aside: Place) -> None:
    """Lets two folders change places: in one step where the system can do that, and else by renames.

    Args:
        first: a folder.
        second: the folder that others look at.
        aside: where `second` waits in the meantime, if need be; see `settle_exchange`.

    Raises:
        OSError: one of them does not exist.
    """
    if not isinstance(second, RemotePath):
        local.exchange(here(first), here(second), aside=here(aside))
        return
    step("storage.aside")
    move(second, aside)
    try:
        step("storage.trade")
        move(first, second)
    except OSError:
        move(aside, second)
        raise
    step("storage.back")
    move(aside, first)


def settle_exchange(first: Place, second: Place, *, aside: Place) -> None:
    """Ends an exchange by renames that was killed in the middle: either not begun, or done."""
    if not isinstance(second, RemotePath):
        local.settle_exchange(here(first), here(second), aside=here(aside))
    elif aside.exists():
        step("storage.settle")
        if not second.exists():
            move(aside, second)
        elif not first.exists():
            move(aside, first)


def remove_tree(place: Place) -> None:
    """Removes a folder with all that is in it; that it is gone already is no error."""
    if isinstance(place, RemotePath):
        place.files.remove([place.path])
    else:
        local.remove_tree(here(place))


def remove_empty(place: Place, *, up_to: Place) -> None:
    """Removes a folder and those above it, `up_to` included, as far as they are empty."""
    if not isinstance(place, RemotePath):
        local.remove_empty(here(place), up_to=here(up_to))
        return
    one = place
    while _remove_if_empty(one) and one != up_to:
        one = one.parent


def locked(place: Place, *, timeout_s: float = 600.0) -> AbstractContextManager[None]:
    """Holds the lock whose file is `place` for as long as the block lasts; whoever dies holds it no more.

    Raises:
        TimeoutError: somebody else held it for `timeout_s` seconds.
        OSError: it can't be written.
    """
    if isinstance(place, RemotePath):
        return remote_lock.locked(place, timeout_s=timeout_s)
    return lock.locked(here(place), timeout_s=timeout_s)


def changed_at(folder: Place) -> float:
    """When something was last added to a folder, or to one below it; seconds since the epoch."""
    if isinstance(folder, RemotePath):
        return max((one.changed_at for one in folder.found_below()), default=0.0)
    latest = 0.0
    for path, _, _ in os.walk(here(folder)):
        with suppress(OSError):  # gone meanwhile: somebody else removes it
            latest = max(latest, os.stat(path).st_mtime)
    return latest


def _remove_if_empty(folder: RemotePath) -> bool:
    """Removes a folder with nothing in it, or in a store what marks folders without files; whether nothing is left."""
    if not folder.files.moves_folders:
        holds_files = folder.files.holds_files(folder.path)
        if holds_files is not False:
            return holds_files is None
        for one in folder.files.children(folder.path):
            _remove_if_empty(RemotePath(one.path, folder.files))
    return folder.files.remove_if_empty(folder.path)


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.draft")
