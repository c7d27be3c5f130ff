"""What Tauro asks of a file system that is not this machine's own; the smallest set of verbs that publishing needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder, as a listing tells it."""

    path: str
    """Whole, in the spelling of the folder that was listed."""
    is_folder: bool
    size_bytes: int = 0
    changed_at: float = 0.0
    """Seconds since the epoch, by the file system's clock; 0 for folders that are only part of files' names."""


class FileSystem(Protocol):
    """Files by their whole paths (`s3a://bucket/folder/file`), in the spelling of `tauro.storage.paths.canonical`.

    Whatever fails raises `OSError`; its subclass `FileNotFoundError` where something is not there.
    """

    @property
    def moves_folders(self) -> bool:
        """Whether a folder moves in one step, whatever is in it; False for object stores, where files are copied."""

    @property
    def at_once(self) -> int:
        """How many files are worth moving side by side."""

    def creates_once(self, path: str) -> bool:
        """Whether of several that create this file at once only one succeeds."""

    def find(self, path: str) -> Found | None:
        """What lies there; None if nothing does."""

    def children(self, folder: str) -> list[Found]:
        """What lies right in a folder, by name; nothing if it does not exist."""

    def below(self, folder: str) -> list[Found]:
        """All files below a folder, by path, in one call; nothing if it does not exist."""

    def holds_files(self, folder: str) -> bool | None:
        """Whether a file lies below a folder, in one call; None if the folder does not exist."""

    def matching(self, pattern: str) -> list[str]:
        """The existing paths that a pattern of Hadoop's kind stands for, sorted."""

    def read(self, path: str) -> bytes:
        """A small file's content."""

    def write(self, path: str, content: bytes) -> None:
        """Puts a small file, whole or not at all, in place of one that is there; folders above it are made."""

    def create(self, path: str, content: bytes) -> bool:
        """As `write`, where nothing is; False, and nothing changed, where something is."""

    def make_folder(self, path: str) -> None:
        """Makes a folder and those above it, where files need one to lie in."""

    def move(self, source: str, target: str) -> None:
        """Moves a file, or a folder where `moves_folders`, to where nothing is; folders above it are made.

        Raises:
            FileExistsError: something is there.
        """

    def remove(self, paths: Iterable[str]) -> None:
        """Removes files, and folders with all that is in them; that one is gone already is no error."""

    def remove_if_empty(self, folder: str) -> bool:
        """Removes a folder with nothing in it; whether nothing is there afterwards."""
