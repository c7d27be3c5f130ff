"""A path on a file system that is not this machine's own, with the verbs of `pathlib.Path` that Tauro uses."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from tauro.storage.port import FileSystem, Found


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A file or folder, which need not exist; two are the same if their paths are."""

    path: str
    """Whole, canonical, such as `s3a://bucket/folder`."""
    files: FileSystem = field(compare=False, repr=False)
    """Where it lies."""

    def __str__(self) -> str:
        return self.path

    def __truediv__(self, name: str | PurePath, /) -> RemotePath:
        inner = name.as_posix() if isinstance(name, PurePath) else name
        return self if inner in ("", ".") else RemotePath(f"{self.path.rstrip('/')}/{inner}", self.files)

    @property
    def name(self) -> str:
        """The last component."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last component without its suffix."""
        return PurePath(self.name).stem

    @property
    def parent(self) -> RemotePath:
        """The folder above; that of a root is the root itself."""
        root, _, inner = self.path.partition("://")
        authority, _, below = inner.partition("/")
        above = below.rpartition("/")[0]
        return RemotePath(f"{root}://{authority}/{above}" if above else f"{root}://{authority}", self.files)

    def with_name(self, name: str, /) -> RemotePath:
        """Another one beside it."""
        return self.parent / name

    def exists(self) -> bool:
        """Whether something lies there."""
        return self.files.find(self.path) is not None

    def is_dir(self) -> bool:
        """Whether a folder lies there."""
        found = self.files.find(self.path)
        return found is not None and found.is_folder

    def iterdir(self) -> Iterator[RemotePath]:
        """What lies right in the folder, by name."""
        for one in self.files.children(self.path):
            yield RemotePath(one.path, self.files)

    def found_below(self) -> list[Found]:
        """All files below the folder, in one call."""
        return self.files.below(self.path)

    def read_bytes(self) -> bytes:
        """The file's content.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.files.read(self.path)

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the file.

        Raises:
            FileNotFoundError: it is not there, and `missing_ok` is false.
        """
        if not missing_ok and not self.exists():
            raise FileNotFoundError(errno.ENOENT, "no such file", self.path)
        self.files.remove([self.path])
