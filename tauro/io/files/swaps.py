"""The way in which staged files get to their table: told by the file system that both lie on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tauro.io.files.moves import FileMoves, moves_from
from tauro.io.files.swap import FileSwap, swap_from
from tauro.io.files.write import FileWrite
from tauro.storage.place import Place, Session
from tauro.storage.remote import RemotePath

Swap = FileSwap | FileMoves
_WAY, _MOVES = "way", "moves"


def swap_for(target: Place, work: Place, write: FileWrite) -> Swap:
    """One write of files, with nothing staged yet.

    On this machine folders change places. A remote file system that moves folders does so where nothing of the table
    lives on, as it has no hard links; on all others, and for the rest, files are moved one by one.

    Args:
        target: the table's folder, links followed.
        work: the folder that is this write's alone, on the same file system.
        write: what it does to the table.
    """
    if not isinstance(target, RemotePath) or not isinstance(work, RemotePath):
        return FileSwap(target, work, write)
    if target.files.moves_folders and write.replaces:
        return FileSwap(target, work, write)
    return FileMoves(target, work, write)


def staged_parts(swap: Swap) -> tuple[Place, list[str]]:
    """Where the table to come is read: a folder, and the files of the table that live on beside those in it.

    Raises:
        WriteError: as its `publish`.
    """
    if isinstance(swap, FileSwap):
        return swap.root(), []
    return swap.data, swap.kept()


def as_record(swap: Swap) -> dict[str, Any]:  # Any: JSON
    """All that another process needs to publish, undo or discard; `swap_from_record` reads it."""
    return {**swap.record(), _WAY: _MOVES} if isinstance(swap, FileMoves) else swap.record()


def swap_from_record(record: Mapping[str, Any], session: Session) -> Swap:  # Any: JSON
    """What `as_record` was taken of.

    Args:
        record: what it returned.
        session: opens a session, or returns the one that is open; called for remote folders.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    return moves_from(record, session) if record.get(_WAY) == _MOVES else swap_from(record, session)
