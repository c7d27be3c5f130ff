"""File systems that are not this machine's own, over a folder: an object store, and one that moves folders."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path

from tauro.storage import place
from tauro.storage.place import Place
from tauro.storage.port import Found
from tauro.storage.remote import RemotePath

STORE, MOVER = "store", "mover"
"""The scheme of an object store, and that of a file system."""


class FolderFiles:
    """Files as `SCHEME://x/FOLDER/FILE`, which lie at `/FOLDER/FILE`.

    Args:
        moves_folders: whether it is a file system; an object store copies files to move them, and knows no folders.
    """

    def __init__(self, *, moves_folders: bool) -> None:
        self.moves_folders = moves_folders
        self.at_once = 1
        self.calls: list[str] = []
        """The names of the verbs that were asked for."""

    def creates_once(self, path: str) -> bool:
        del path
        return True

    def find(self, path: str) -> Found | None:
        self.calls.append("find")
        try:
            there = os.stat(real(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Found(path, real(path).is_dir(), there.st_size, there.st_mtime)

    def children(self, folder: str) -> list[Found]:
        self.calls.append("children")
        names = sorted(os.listdir(real(folder))) if real(folder).is_dir() else []
        found = (self.find(f"{folder}/{name}") for name in names)
        return [one for one in found if one is not None]

    def below(self, folder: str) -> list[Found]:
        self.calls.append("below")
        paths = sorted(path for path in real(folder).rglob("*") if path.is_file())
        found = (self.find(f"{folder}/{path.relative_to(real(folder)).as_posix()}") for path in paths)
        return [one for one in found if one is not None]

    def holds_files(self, folder: str) -> bool | None:
        self.calls.append("holds_files")
        return any(path.is_file() for path in real(folder).rglob("*")) if real(folder).is_dir() else None

    def matching(self, pattern: str) -> list[str]:
        scheme = pattern.partition(":")[0]
        return sorted(f"{scheme}://x{path}" for path in glob(str(real(pattern))))

    def read(self, path: str) -> bytes:
        self.calls.append("read")
        return real(path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        self.calls.append("write")
        with _draft(content) as draft:
            _in_folder(path, lambda to: draft.replace(to))

    def create(self, path: str, content: bytes) -> bool:
        self.calls.append("create")
        with _draft(content) as draft:
            try:
                _in_folder(path, lambda to: os.link(draft, to))
            except FileExistsError:
                return False
        return True

    def make_folder(self, path: str) -> None:
        if self.moves_folders:
            real(path).mkdir(parents=True, exist_ok=True)

    def move(self, source: str, target: str) -> None:
        self.calls.append("move")
        old, new = real(source), real(target)
        if new.exists():
            raise FileExistsError(errno.EEXIST, "something is there", target)
        new.parent.mkdir(parents=True, exist_ok=True)
        if self.moves_folders:
            old.rename(new)
            return
        assert old.is_file(), "an object store moves no folders"
        shutil.copyfile(old, new)
        self.remove([source])

    def remove(self, paths: Iterable[str]) -> None:
        for path in map(real, paths):
            self.calls.append("remove")
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            self._prune(path.parent)

    def remove_if_empty(self, folder: str) -> bool:
        try:
            real(folder).rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _prune(self, folder: Path) -> None:
        """An object store has no empty folders."""
        with suppress(OSError):
            while not self.moves_folders and not os.listdir(folder):
                folder.rmdir()
                folder = folder.parent


@contextmanager
def _draft(content: bytes) -> Iterator[Path]:
    """A file beside all others, so that what is put in place is whole from the first."""
    draft = Path(tempfile.gettempdir(), "tauro-store", uuid.uuid4().hex)
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(content)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _in_folder(path: str, put: Callable[[Path], object]) -> None:
    """Puts a file, and makes its folder, also while others remove empty ones."""
    while True:
        real(path).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            put(real(path))
            return


def real(path: str | Place) -> Path:
    """Where a file of these file systems lies."""
    return Path("/" + str(path).partition("://")[2].partition("/")[2]) if "://" in str(path) else Path(str(path))


def place_in(scheme: str, path: Path) -> Place:
    """A path as a place of a scheme; an empty one stands for this machine's own file system."""
    return RemotePath(f"{scheme}://x{path}", place.SERVED[scheme]) if scheme else path


place.SERVED.setdefault(STORE, FolderFiles(moves_folders=False))
place.SERVED.setdefault(MOVER, FolderFiles(moves_folders=True))
