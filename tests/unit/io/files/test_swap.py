"""Staged files that change places with a table: each step done twice, half, too late, or by another process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tauro.errors import ConflictError, HalfPublishedError, WriteError
from tauro.io.files.marker import read_marker
from tauro.io.files.moves import FileMoves
from tauro.io.files.swap import FileSwap
from tauro.io.files.swaps import Swap, as_record, staged_parts, swap_from_record
from tauro.io.files.table import file_table_at
from tauro.io.partitions import data_files
from tauro.storage import place
from tauro.storage.local import exchange, exchange_by_renames
from tauro.storage.place import no_session
from tests.support.file_writes import AFTER, APPEND, KINDS, OLD, PARTITIONS, Writes, do, kinds
from tests.support.stores import MOVER, STORE, FolderFiles, real


@pytest.fixture(params=["", STORE, MOVER])
def writes(tmp_path: Path, request: pytest.FixtureRequest) -> Writes:
    return Writes(tmp_path, request.param)


@pytest.fixture
def here(tmp_path: Path) -> Writes:
    return Writes(tmp_path)


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
    for judge in (lambda: again.write.replaced_appends(file_table_at(again.target, "here")), again.publish):
        with pytest.raises(WriteError, match="can't be told any more"):
            judge()
    assert writes.files() == {"day=2013-01-01/a", "day=2013-01-02/new"}


def test_an_append_to_a_compacted_table_is_judged_under_the_lock(writes: Writes) -> None:
    writes.publish("day=2013-01-01/a", mode=APPEND, window="2013-01-01")
    again = writes.stage("day=2013-01-01/b", mode=APPEND, window="2013-01-01")
    staged_parts(again)
    (writes.target / "day=2013-01-01/a").rename(writes.target / "day=2013-01-01/compacted")
    with pytest.raises(WriteError, match="somebody has rewritten its files: day=2013-01-01/a"):
        again.publish()


def test_the_table_to_come_is_made_anew_only_if_the_one_there_has_changed(here: Writes) -> None:
    here.publish(*OLD)
    swap = kinds(here)["append"]
    assert isinstance(swap, FileSwap)
    first = real(swap.root()).stat().st_ino
    assert {path.as_posix() for path in data_files(swap.root())} == AFTER["append"]
    assert real(swap.root()).stat().st_ino == first
    (here.target / "day=2013-01-01/theirs").write_text("added past Tauro")
    assert "day=2013-01-01/theirs" in {path.as_posix() for path in data_files(swap.root())}
    assert swap.publish()
    assert here.files() == {*AFTER["append"], "day=2013-01-01/theirs"}


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
    staged_parts(swap)
    other = swap_from_record(json.loads(json.dumps(as_record(swap))), no_session)
    assert other.publish()
    assert [swap.publish(), other.publish()] == [True, True]
    assert writes.files() == AFTER[kind]
    assert swap_from_record(as_record(swap), no_session).undo()
    assert writes.files() == set(OLD)
    other.discard()
    assert not swap.work.exists()


HERE = [(kind, "", trade) for kind in KINDS for trade in (exchange, exchange_by_renames)]


@pytest.mark.parametrize(
    ("kind", "scheme", "trade"),
    [*HERE, *((kind, STORE, exchange) for kind in KINDS), ("table", MOVER, exchange), ("append", MOVER, exchange)],
)
def test_a_kill_at_any_step_is_put_right_by_doing_it_again(
    tmp_path: Path, kind: str, scheme: str, trade: Callable[..., None]
) -> None:
    step, is_killed = 0, True
    while is_killed:
        writes = Writes(tmp_path / str(step), scheme)
        writes.publish(*OLD)
        swap = kinds(writes)[kind]
        if isinstance(swap, FileSwap) and not scheme:
            swap.trade = trade
        record = json.loads(json.dumps(as_record(swap)))
        is_killed = do(swap.publish, swap.discard, kill_at=step)
        other = swap_from_record(record, no_session)
        if not is_dropped(swap):
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
@pytest.mark.parametrize(
    ("kind", "scheme", "trade"),
    [*HERE, ("table", STORE, exchange), ("partitions", STORE, exchange), ("table", MOVER, exchange)],
)
def test_a_kill_while_undoing_leaves_all_ways_open(
    tmp_path: Path, kind: str, scheme: str, trade: Callable[..., None], ends: str
) -> None:
    step, is_killed = 0, True
    while is_killed:
        writes = Writes(tmp_path / str(step), scheme)
        writes.publish(*OLD)
        swap = kinds(writes)[kind]
        if isinstance(swap, FileSwap) and not scheme:
            swap.trade = trade
        record = as_record(swap)
        swap.publish()
        is_killed = do(swap.undo, kill_at=step)
        other = swap_from_record(record, no_session)
        if ends == "undone":
            assert other.undo()
            assert writes.files() == set(OLD)
        elif ends == "published":
            assert other.publish()
            assert writes.files() == AFTER[kind]
        try:
            other.discard()
        except HalfPublishedError:  # what is needed to put things right is kept
            assert isinstance(other, FileMoves)
            assert ends == "dropped"
            assert other.undo()
            other.discard()
        assert (writes.files() == set(OLD)) or (ends != "undone" and writes.files() == AFTER[kind])
        step += 1
    assert step > 2


def is_dropped(swap: Swap) -> bool:
    """Whether what is needed to publish and to undo has begun to go."""
    if isinstance(swap, FileSwap):
        return not swap.work.exists()
    marker = read_marker(swap.target)
    is_in = marker is not None and marker.write_id == swap.write.marker.write_id
    return is_in and not (swap.work / "moves.json").exists()


def test_a_kill_while_the_table_to_come_is_made_anew_costs_nothing(tmp_path: Path) -> None:
    step, is_killed = 0, True
    while is_killed:
        writes = Writes(tmp_path / str(step))
        writes.publish(*OLD)
        swap = kinds(writes)["append"]
        assert isinstance(swap, FileSwap)
        swap.root()
        (writes.target / "day=2013-01-01/theirs").write_text("added past Tauro")
        is_killed = do(swap.root, kill_at=step)
        assert swap_from_record(as_record(swap), no_session).publish()
        assert writes.files() == {*AFTER["append"], "day=2013-01-01/theirs"}
        step += 1
    assert step > 12


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
    assert swap_from_record(as_record(swap), no_session).publish()
    assert not swap.undo()
    assert writes.files() == files >= {"day=2013-01-02/new", "day=2013-01-09/theirs"}


class Flaky(FolderFiles):
    """An object store that refuses moves: some of them, from one on."""

    def __init__(self, first: int, count: int) -> None:
        super().__init__(moves_folders=False)
        self.first = first
        self.count = count
        self.moved = 0

    def move(self, source: str, target: str) -> None:
        self.moved += 1
        if self.first <= self.moved < self.first + self.count:
            raise OSError("the store does not answer")
        super().move(source, target)


@pytest.fixture
def flaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], FileMoves]:
    """A write of three files in place of one, on a store that refuses moves from a number on, and how many."""

    def make(first: int, count: int) -> FileMoves:
        writes = Writes(tmp_path / f"{first}-{count}", STORE)
        writes.publish(*OLD)
        monkeypatch.setitem(place.SERVED, STORE, Flaky(first, count))
        names = [f"day=2013-01-02/new{number}" for number in range(3)]
        swap = writes.stage(*names, scope=PARTITIONS)
        assert isinstance(swap, FileMoves)
        return swap

    return make


def files_of(swap: FileMoves) -> set[str]:
    return {path.as_posix() for path in data_files(swap.target)}


def test_a_store_that_refuses_one_move_leaves_the_table_as_it_was(flaky: Callable[[int, int], FileMoves]) -> None:
    new = {OLD[0], *(f"day=2013-01-02/new{number}" for number in range(3))}
    for first in range(1, 5):
        swap = flaky(first, 1)
        with pytest.raises(OSError, match="does not answer"):
            swap.publish()
        assert files_of(swap) == set(OLD)
        assert swap.publish()
        assert files_of(swap) == new
        swap.discard()
    assert flaky(5, 1).publish()  # there are four moves


def test_a_store_that_refuses_to_take_moves_back_keeps_all_that_is_needed_for_it(
    flaky: Callable[[int, int], FileMoves],
) -> None:
    for first in range(2, 5):
        swap = flaky(first, 2)
        with pytest.raises(HalfPublishedError):
            swap.publish()
        with pytest.raises(HalfPublishedError):
            swap.discard()
        assert swap.undo()
        assert files_of(swap) == set(OLD)
        assert swap.publish()


def test_a_store_is_listed_a_few_times_however_many_files_there_are(tmp_path: Path) -> None:
    counts = set()
    for number in (1, 40):
        writes = Writes(tmp_path / str(number), STORE)
        writes.publish(*OLD)
        swap = writes.stage(*(f"day=2013-01-02/new{at}" for at in range(number)), scope=PARTITIONS)
        store = place.SERVED[STORE]
        assert isinstance(store, FolderFiles)
        store.calls.clear()
        assert swap.publish()
        counts.add(store.calls.count("below") + store.calls.count("children"))
    assert len(counts) == 1
    assert counts.pop() < 8
