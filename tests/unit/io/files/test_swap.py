"""Staged files that change places with a table: each step done twice, half, too late, or by another process."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tauro.errors import ConflictError, WriteError
from tauro.io.files.appended import Append
from tauro.io.files.marker import Marker, read_marker
from tauro.io.files.swap import FileSwap, swap_from
from tauro.io.files.table import file_table_at
from tauro.io.files.write import FileWrite, shape_of
from tauro.io.partitions import data_files
from tauro.model import OverwriteScope, Window, WriteMode
from tauro.storage.local import exchange, exchange_by_renames, make_folder


class Writes:
    """Stages files below a folder as Spark's part would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.target = root / "t"
        self.count = 0

    def stage(
        self,
        *files: str,
        mode: WriteMode = WriteMode.OVERWRITE,
        scope: OverwriteScope = OverwriteScope.TABLE,
        window: str | None = None,
        node: str = "n",
    ) -> FileSwap:
        self.count += 1
        run = f"run-{self.count}"
        marker = Marker(run, node, "t", "parquet", "{}", ("day",), {}, write_id=run)
        dates = Window.parse(window, window) if window else None
        there = file_table_at(self.target, "here")
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
        swap = FileSwap(self.target, self.root / "_tauro" / run / node / "t", write)
        for name in files:
            make_folder((swap.data / name).parent)
            (swap.data / name).write_text(f"{run} {name}")
        make_folder(swap.data)
        marker.write(swap.data)
        return swap

    def publish(self, *files: str, mode: WriteMode = WriteMode.OVERWRITE, window: str | None = None) -> FileSwap:
        swap = self.stage(*files, mode=mode, window=window)
        assert swap.publish()
        swap.discard()
        return swap

    def files(self) -> set[str]:
        return {path.as_posix() for path in data_files(self.target)}

    def everything(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")}


APPEND, PARTITIONS = WriteMode.APPEND, OverwriteScope.PARTITIONS


@pytest.fixture
def writes(tmp_path: Path) -> Writes:
    return Writes(tmp_path)


def kinds(writes: Writes) -> dict[str, FileSwap]:
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


@pytest.mark.parametrize("kind", KINDS)
def test_publishing_undoing_and_discarding_may_each_be_done_twice(writes: Writes, kind: str) -> None:
    writes.publish(*OLD)
    swap = kinds(writes)[kind]
    for _ in range(2):
        assert [swap.publish(), swap.publish()] == [True, True]
        assert writes.files() == AFTER[kind]
        assert [swap.undo(), swap.undo()] == [True, True]
        assert writes.files() == set(OLD)
    assert swap.publish()
    swap.discard()
    swap.discard()
    assert writes.files() == AFTER[kind]
    assert not swap.work.exists()
    assert not swap.undo()  # too late: what was there is gone
    assert writes.files() == AFTER[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_undoing_the_first_write_takes_the_folder_away(writes: Writes, kind: str) -> None:
    swap = kinds(writes)[kind]
    assert swap.undo()  # nothing was published
    assert swap.publish()
    assert writes.files() == {"day=2013-01-02/new"}
    assert swap.undo()
    assert not writes.target.exists()
    assert [swap.publish(), swap.undo(), swap.undo()] == [True, True, True]
    assert not writes.target.exists()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_somebody_wrote_since_is_neither_undone_nor_written_over(
    writes: Writes, kind: str, is_first: bool
) -> None:
    if not is_first:
        writes.publish(*OLD)
    swap = kinds(writes)[kind]
    assert swap.publish()
    writes.publish("day=2013-01-09/theirs")
    assert not swap.undo()
    with pytest.raises(ConflictError, match="written by somebody else after"):
        swap.publish()
    assert writes.files() == {"day=2013-01-09/theirs"}


def test_an_append_that_another_came_after_is_not_added_again(writes: Writes) -> None:
    first = writes.stage("day=2013-01-01/a", mode=APPEND, window="2013-01-01")
    assert first.publish()
    writes.publish("day=2013-01-02/b", mode=APPEND, window="2013-01-02")
    assert first.publish()
    assert writes.files() == {"day=2013-01-01/a", "day=2013-01-02/b"}
    assert not first.undo()
    assert writes.files() == {"day=2013-01-01/a", "day=2013-01-02/b"}


def test_the_same_window_replaces_what_it_appended(writes: Writes) -> None:
    writes.publish("day=2013-01-01/a", "day=2013-01-01/b", mode=APPEND, window="2013-01-01")
    writes.publish("day=2013-01-02/c", mode=APPEND, window="2013-01-02")
    (writes.target / "day=2013-01-01/.a.crc").write_text("its checksum")
    writes.publish("day=2013-01-01/d", mode=APPEND, window="2013-01-01")
    assert writes.files() == {"day=2013-01-01/d", "day=2013-01-02/c"}
    assert not (writes.target / "day=2013-01-01/.a.crc").exists()


def test_files_that_no_append_brought_belong_to_nobody(writes: Writes) -> None:
    writes.publish(*OLD)
    (writes.target / "_tauro.json").unlink()
    for name in ("x", "y"):
        writes.publish(f"day=2013-01-01/{name}", mode=APPEND, window="2013-01-01")
    assert writes.files() == {*OLD, "day=2013-01-01/y"}


def test_overwriting_the_whole_table_forgets_its_appends(writes: Writes) -> None:
    writes.publish("day=2013-01-01/a", mode=APPEND, window="2013-01-01")
    writes.publish("day=2013-01-01/whole")
    writes.publish("day=2013-01-01/b", mode=APPEND, window="2013-01-01")
    assert writes.files() == {"day=2013-01-01/whole", "day=2013-01-01/b"}


def test_an_overwrite_of_partitions_makes_the_appends_it_cut_unknown(writes: Writes) -> None:
    writes.publish("day=2013-01-01/a", "day=2013-01-02/a", mode=APPEND, window="2013-01-01")
    swap = writes.stage("day=2013-01-02/new", scope=PARTITIONS)
    assert swap.publish()
    again = writes.stage("day=2013-01-01/again", mode=APPEND, window="2013-01-01")
    for judge in (lambda: again.write.replaced_appends(file_table_at(writes.target, "here")), again.publish):
        with pytest.raises(WriteError, match="can't be told any more"):
            judge()
    assert writes.files() == {"day=2013-01-01/a", "day=2013-01-02/new"}


def test_an_append_to_a_compacted_table_is_judged_under_the_lock(writes: Writes) -> None:
    writes.publish("day=2013-01-01/a", mode=APPEND, window="2013-01-01")
    again = writes.stage("day=2013-01-01/b", mode=APPEND, window="2013-01-01")
    assert again.root().name == "root"
    (writes.target / "day=2013-01-01/a").rename(writes.target / "day=2013-01-01/compacted")
    with pytest.raises(WriteError, match="somebody has rewritten its files: day=2013-01-01/a"):
        again.publish()


def test_the_table_to_come_is_made_anew_only_if_the_one_there_has_changed(writes: Writes) -> None:
    writes.publish(*OLD)
    swap = kinds(writes)["append"]
    first = os.stat(swap.root()).st_ino
    assert {path.as_posix() for path in data_files(swap.root())} == AFTER["append"]
    assert os.stat(swap.root()).st_ino == first
    (writes.target / "day=2013-01-01/theirs").write_text("added past Tauro")
    assert "day=2013-01-01/theirs" in {path.as_posix() for path in data_files(swap.root())}
    assert swap.publish()
    assert writes.files() == {*AFTER["append"], "day=2013-01-01/theirs"}


def test_a_table_whose_columns_changed_is_not_added_to(writes: Writes) -> None:
    writes.publish(*OLD)
    swap = kinds(writes)["append"]
    marker = read_marker(writes.target)
    assert marker is not None
    replace(marker, schema='{"other": 1}').write(writes.target)
    with pytest.raises(ConflictError, match="columns of t were changed"):
        swap.publish()


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_finishes_from_the_record_alone(writes: Writes, kind: str) -> None:
    writes.publish(*OLD)
    swap = kinds(writes)[kind]
    swap.root()
    other = swap_from(json.loads(json.dumps(swap.record())))
    assert other.publish()
    assert [swap.publish(), other.publish()] == [True, True]
    assert writes.files() == AFTER[kind]
    assert swap_from(swap.record()).undo()
    assert writes.files() == set(OLD)
    other.discard()
    assert not swap.work.exists()


@pytest.mark.parametrize("trade", [exchange, exchange_by_renames])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_at_any_step_is_put_right_by_doing_it_again(
    tmp_path: Path, kind: str, trade: Callable[..., None]
) -> None:
    step, is_killed = 0, True
    while is_killed:
        writes = Writes(tmp_path / str(step))
        writes.publish(*OLD)
        swap = kinds(writes)[kind]
        swap.trade = trade
        record = json.loads(json.dumps(swap.record()))
        is_killed = _do(swap.publish, swap.discard, kill_at=step)
        other = swap_from(record)
        if swap.work.exists():  # else `discard` had begun
            assert other.publish()
            assert writes.files() == AFTER[kind]
            assert other.undo()
            assert writes.files() == set(OLD)
            assert other.publish()
        other.discard()
        assert writes.files() == AFTER[kind]
        assert not [one for one in writes.everything() if one.startswith(f"_tauro/{swap.write.marker.run_id}")]
        step += 1
    assert step > 12  # as many steps were come upon


@pytest.mark.parametrize("ends", ["undone", "published", "dropped"])
@pytest.mark.parametrize("trade", [exchange, exchange_by_renames])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_while_undoing_leaves_all_ways_open(
    tmp_path: Path, kind: str, trade: Callable[..., None], ends: str
) -> None:
    step, is_killed = 0, True
    while is_killed:
        writes = Writes(tmp_path / str(step))
        writes.publish(*OLD)
        swap = kinds(writes)[kind]
        swap.trade = trade
        record = swap.record()
        swap.publish()
        is_killed = _do(swap.undo, kill_at=step)
        other = swap_from(record)
        if ends == "undone":
            assert other.undo()
            assert writes.files() == set(OLD)
        elif ends == "published":
            assert other.publish()
            assert writes.files() == AFTER[kind]
        other.discard()
        assert (writes.files() == set(OLD)) or (ends != "undone" and writes.files() == AFTER[kind])
        step += 1
    assert step > 2


def test_a_kill_while_the_table_to_come_is_made_anew_costs_nothing(tmp_path: Path) -> None:
    step, is_killed = 0, True
    while is_killed:
        writes = Writes(tmp_path / str(step))
        writes.publish(*OLD)
        swap = kinds(writes)["append"]
        swap.root()
        (writes.target / "day=2013-01-01/theirs").write_text("added past Tauro")
        is_killed = _do(swap.root, kill_at=step)
        assert swap_from(swap.record()).publish()
        assert writes.files() == {*AFTER["append"], "day=2013-01-01/theirs"}
        step += 1
    assert step > 12


def _do(*steps: Callable[[], object], kill_at: int) -> bool:
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


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("kind", ["window", "partitions"])
def test_a_part_that_another_part_came_after_is_in_and_is_not_written_again(
    writes: Writes, kind: str, is_first: bool
) -> None:
    if not is_first:
        writes.publish(*OLD)
    swap = kinds(writes)[kind]
    assert swap.publish()
    assert writes.stage("day=2013-01-09/theirs", scope=PARTITIONS).publish()
    files = writes.files()
    assert swap_from(swap.record()).publish()
    assert not swap.undo()
    assert writes.files() == files >= {"day=2013-01-02/new", "day=2013-01-09/theirs"}
