"""Writes of files as Spark's part would leave them, on this machine's file system or on one that stands for another."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tauro.io.files.appended import Append
from tauro.io.files.marker import Marker
from tauro.io.files.swaps import Swap, swap_for
from tauro.io.files.table import file_table_at
from tauro.io.files.write import FileWrite, shape_of
from tauro.io.partitions import data_files
from tauro.model import OverwriteScope, Window, WriteMode
from tests.support.stores import place_in, real


class Writes:
    """Stages files below a folder as Spark's part would.

    Args:
        root: the folder.
        scheme: that of the file system by which it is looked at; empty for this machine's own.
    """

    def __init__(self, root: Path, scheme: str = "") -> None:
        self.root = root
        self.target = root / "t"
        self.scheme = scheme
        self.count = 0

    def stage(
        self,
        *files: str,
        mode: WriteMode = WriteMode.OVERWRITE,
        scope: OverwriteScope = OverwriteScope.TABLE,
        window: str | None = None,
        node: str = "n",
    ) -> Swap:
        self.count += 1
        run = f"run-{self.count}"
        marker = Marker(run, node, "t", "parquet", "{}", ("day",), {}, write_id=run)
        dates = Window.parse(window, window) if window else None
        there = file_table_at(place_in(self.scheme, self.target), "here")
        write = FileWrite(
            path="t",
            where="here",
            mode=mode,
            scope=scope,
            marker=marker,
            expected=shape_of(there.marker if there else marker),
            types={"day": "date"},
            window_column="day",
            window=dates,
            append=Append(None, node, "t", dates, run, run, files) if mode is WriteMode.APPEND else None,
        )
        work = self.root / "_tauro" / run / node / "t"
        swap = swap_for(place_in(self.scheme, self.target), place_in(self.scheme, work), write)
        data = real(swap.data)
        for name in files:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_text(f"{run} {name}")
        data.mkdir(parents=True, exist_ok=True)
        marker.write(swap.data)
        return swap

    def publish(self, *files: str, mode: WriteMode = WriteMode.OVERWRITE, window: str | None = None) -> Swap:
        swap = self.stage(*files, mode=mode, window=window)
        assert swap.publish()
        swap.discard()
        return swap

    def files(self) -> set[str]:
        return {path.as_posix() for path in data_files(self.target)}

    def everything(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")}


APPEND, PARTITIONS = WriteMode.APPEND, OverwriteScope.PARTITIONS


def kinds(writes: Writes) -> dict[str, Swap]:
    return {
        "table": writes.stage("day=2013-01-02/new"),
        "partitions": writes.stage("day=2013-01-02/new", scope=PARTITIONS),
        "window": writes.stage("day=2013-01-02/new", scope=OverwriteScope.WINDOW, window="2013-01-02"),
        "append": writes.stage("day=2013-01-02/new", mode=APPEND, window="2013-01-02"),
    }


KINDS = ("table", "partitions", "window", "append")
OLD = ("day=2013-01-01/a", "day=2013-01-02/b")
AFTER = {
    "table": {"day=2013-01-02/new"},
    "partitions": {OLD[0], "day=2013-01-02/new"},
    "window": {OLD[0], "day=2013-01-02/new"},
    "append": {*OLD, "day=2013-01-02/new"},
}


def do(*steps: Callable[[], object], kill_at: int) -> bool:
    """Does them in a child that is killed before its so-many-th change of the file system; whether it came to that."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
        return status != 0
    left = kill_at

    def count(event: str, args: tuple[object, ...]) -> None:
        nonlocal left
        is_change = event in _CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT)
        if is_change:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    code = 1
    try:
        sys.addaudithook(count)
        for one in steps:
            one()
        code = 0
    finally:
        os._exit(code)


_CHANGES = frozenset({"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "fcntl.flock"})
