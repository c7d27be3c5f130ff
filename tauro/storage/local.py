"""This machine's file system: folders that change places in one step, and trees of hard links."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tauro.storage.steps import step

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_SUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_TRIES = 50


def exchange(first: Path, second: Path, *, aside: Path | None = None) -> None:
    """Lets two existing folders of one file system change places.

    On Linux this is one step (`renameat2` with `RENAME_EXCHANGE`): whoever looks sees one or the other. Where the
    system or the file system lacks it, renames leave an instant without `second`; see `settle_exchange`.

    Args:
        first: a folder.
        second: the folder that others look at.
        aside: where `second` waits in the meantime, if need be; beside it if left out.

    Raises:
        OSError: one of them does not exist, or they lie on different file systems.
    """
    if exchange_at_once(first, second):
        return
    exchange_by_renames(first, second, aside=aside)


def exchange_at_once(first: Path, second: Path) -> bool:
    """Lets two existing folders change places in one step; False, and nothing changed, where that can't be done.

    Raises:
        OSError: as `exchange`.
    """
    renameat2 = _renameat2()
    if renameat2 is None:
        return False
    code = renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    if code == 0:
        return True
    number = ctypes.get_errno()
    if number not in _NOT_SUPPORTED:
        raise OSError(number, os.strerror(number), str(first), None, str(second))
    return False


def exchange_by_renames(first: Path, second: Path, *, aside: Path | None = None) -> None:
    """As `exchange`, by renames alone; a failure in the middle puts `second` back."""
    aside = aside or second.with_name(f".{second.name}.{uuid.uuid4().hex}")
    step("storage.aside")
    os.rename(second, aside)
    try:
        step("storage.trade")
        os.rename(first, second)
    except OSError:
        os.rename(aside, second)
        raise
    step("storage.back")
    os.rename(aside, first)


def settle_exchange(first: Path, second: Path, *, aside: Path) -> None:
    """Ends an exchange by renames that was killed in the middle: either not begun, or done."""
    if not aside.exists():
        return
    step("storage.settle")
    if not second.exists():
        os.rename(aside, second)
    elif not first.exists():
        os.rename(aside, first)


def put(source: Path, target: Path) -> None:
    """Moves a folder to a place where nothing, or an empty folder, is.

    Raises:
        OSError: something is at `target` already (`ENOTEMPTY`, `EEXIST`), or the file systems differ.
    """
    make_folder(target.parent)
    os.rename(source, target)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, also while others remove empty ones on the way there."""
    for left in reversed(range(_TRIES)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return
        except FileNotFoundError:
            if not left:
                raise
            time.sleep(0.001)


def link_tree(source: Path, target: Path, *, is_left_out: Callable[[Path], bool]) -> int:
    """Fills `target` with hard links of the files below `source`; returns how many.

    Args:
        source: an existing folder.
        target: made if need be, on the same file system.
        is_left_out: asked of each folder and file, as a path relative to `source`; what is left out is not entered.
    """
    linked = 0
    for folder, folders, files in os.walk(source):
        inside = Path(folder).relative_to(source)
        folders[:] = sorted(name for name in folders if not is_left_out(inside / name))
        wanted = [name for name in files if not is_left_out(inside / name)]
        if wanted or inside == Path():
            (target / inside).mkdir(parents=True, exist_ok=True)
        for name in wanted:
            step("storage.link")
            os.link(Path(folder, name), target / inside / name)
        linked += len(wanted)
    return linked


def move_files(source: Path, target: Path, *, is_left_out: Callable[[Path], bool]) -> int:
    """Moves the files below `source` to the same places below `target`; returns how many.

    Raises:
        FileExistsError: a file is there already; names of data files never repeat.
    """
    moved = 0
    for folder, folders, files in os.walk(source):
        inside = Path(folder).relative_to(source)
        folders[:] = sorted(name for name in folders if not is_left_out(inside / name))
        for name in files:
            if is_left_out(inside / name):
                continue
            place = target / inside / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                raise FileExistsError(errno.EEXIST, "a data file of this name is there already", str(place))
            step("storage.move")
            os.rename(Path(folder, name), place)
            moved += 1
    return moved


def remove_tree(folder: Path) -> None:
    """Removes a folder with all that is in it; that it is gone already is no error."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_empty(folder: Path, *, up_to: Path) -> None:
    """Removes `folder` and those above it, `up_to` included, as far as they are empty."""
    for one in (folder, *folder.parents):
        try:
            one.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        if one == up_to:
            return


@cache
def _renameat2() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # a C library without it, such as an old glibc
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    function.restype = ctypes.c_int
    return function
