"""A lock between threads and processes of one machine, held for as long as a publish takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tauro.storage.local import make_folder

_PAUSE_S = 0.005


@contextmanager
def locked(path: Path, *, timeout_s: float = 600.0) -> Iterator[None]:
    """Holds the lock whose file is `path` for as long as the block lasts; the file is gone when nobody holds it.

    The system releases the lock of a process that dies.

    Raises:
        TimeoutError: somebody else held it for `timeout_s` seconds.
    """
    handle = _acquire(path, time.monotonic() + timeout_s)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path, deadline: float) -> int:
    import fcntl  # not on Windows, where this module can still be imported

    while True:
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        else:
            if _is_still(path, handle):
                return handle
            os.close(handle)  # its last holder removed the file between our opening and locking it
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} has been locked by another process for too long")
        time.sleep(_PAUSE_S)


def _open(path: Path) -> int:
    while True:
        make_folder(path.parent)
        try:
            return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # the folder was empty, and somebody removed it just now
            time.sleep(_PAUSE_S)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
