"""A lock that the system gives back when its process ends, however it ends."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.02


class FileLock:
    """An exclusive lock of a file, held until `release`, or the end of the process.

    Args:
        path: the file; it is made if it is not there.
        number: its open descriptor.
    """

    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        self._number = number
        os.register_at_fork(after_in_child=self._close)  # a child of a node's own must not hold it longer

    @classmethod
    def take(cls, path: Path, wait_s: float = 0.0) -> FileLock | None:
        """Takes the lock.

        Args:
            path: the file.
            wait_s: how long to wait for others.

        Returns:
            None if somebody else holds it.

        Raises:
            OSError: the file can't be opened.
        """
        import fcntl  # not on Windows

        until = time.monotonic() + wait_s
        while True:
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(number)
            except BaseException:
                os.close(number)
                raise
            else:
                lock = cls(path, number)
                if lock.is_in_place:
                    return lock
                lock.release()  # the file was replaced meanwhile
            if time.monotonic() >= until:
                return None
            time.sleep(_POLL_S)

    @property
    def is_in_place(self) -> bool:
        """Whether the locked file still lies where others look for it."""
        try:
            return os.path.samestat(os.fstat(self._number), os.stat(self._path))
        except OSError:
            return False

    def release(self) -> None:
        """Lets others have it; doing it twice changes nothing."""
        self._close()

    def _close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            with suppress(OSError):
                os.close(number)
