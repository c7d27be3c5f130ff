"""Files in the cache folder: changed by one process at a time, known by their checksums, swept where one was killed."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

WORK = "making-"
"""How the names begin of what is not finished."""

_POLL_S = 0.1


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[bool]:
    """Takes a lock that the system releases if this process dies; goes on without where that is not to be had.

    Args:
        path: the file of the lock.
        wait_s: how long to wait for another process.

    Returns:
        Whether no other process has it.

    Raises:
        OSError: the file can't be written.
    """
    with path.open("a") as stream:
        is_mine = True
        with suppress(ImportError, OSError):
            import fcntl  # not on Windows

            deadline = time.monotonic() + wait_s
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    is_mine = True
                    break
                except BlockingIOError:
                    is_mine = False
                    if time.monotonic() >= deadline:
                        break
                time.sleep(_POLL_S)
        yield is_mine


def sha256(path: Path) -> str:
    """The checksum of a file.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sweep(folder: Path, older_than_s: float) -> None:
    """Removes what processes that were killed have left unfinished.

    Args:
        folder: where it lies.
        older_than_s: how old it must be, so that no process is still at it.
    """
    for left in folder.glob(f"{WORK}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > older_than_s:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
