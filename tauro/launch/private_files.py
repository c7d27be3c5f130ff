"""Small JSON documents that only their owner can read, trusted only where nobody else could have written them."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

_OTHERS = 0o077


def read_private(path: Path) -> dict[str, Any] | None:  # Any: whatever JSON holds
    """The document in a file; None if there is none, if it is damaged, or if others may read or write it."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))  # not on Windows
        with os.fdopen(number, encoding="utf-8") as stream:
            if not _is_private(os.fstat(stream.fileno())):
                return None
            document = json.load(stream)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def write_private(path: Path, document: dict[str, Any]) -> bool:  # Any: whatever JSON holds
    """Puts a document into a file, whole or not at all; its folder is there already.

    Returns:
        Whether it is there.
    """
    try:
        number, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
    except OSError:
        return False
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            json.dump(document, stream)
        os.replace(unfinished, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(unfinished)
        if isinstance(error, OSError):
            return False
        raise
    return True


def _is_private(found: os.stat_result) -> bool:
    if not stat.S_ISREG(found.st_mode):
        return False
    owner = getattr(os, "geteuid", None)  # not on Windows, where modes say nothing either
    return owner is None or (found.st_uid == owner() and not found.st_mode & _OTHERS)
