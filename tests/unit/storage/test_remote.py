"""Paths, locks and small files on file systems that are not this machine's own."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tauro.launch.processes import Host, Process
from tauro.storage.place import SERVED, no_session, place_of, put_whole, remove_empty
from tauro.storage.remote import RemotePath
from tauro.storage.remote_lock import LockEntry, locked, read_entry
from tests.support.file_system_contract import check_files, check_only_one_creates
from tests.support.stores import MOVER, STORE, place_in, real


@pytest.mark.parametrize("scheme", [STORE, MOVER])
def test_the_stand_ins_of_these_tests_are_file_systems(tmp_path: Path, scheme: str) -> None:
    check_files(SERVED[scheme], f"{scheme}://x{tmp_path}/root")
    check_only_one_creates(SERVED[scheme], f"{scheme}://x{tmp_path}/root")


def test_a_remote_path_is_taken_apart_as_a_local_one() -> None:
    path = place_of("S3A://bucket/a//b.json", no_session)
    assert isinstance(path, RemotePath)
    assert (str(path), path.name, path.stem) == ("s3a://bucket/a/b.json", "b.json", "b")
    assert [str(one) for one in (path.parent, path.parent.parent, path.parent.parent.parent)] == [
        "s3a://bucket/a",
        "s3a://bucket",
        "s3a://bucket",
    ]
    assert str(path.parent / Path("c/d")) == "s3a://bucket/a/c/d"
    assert path.parent / "b.json" == path.with_name("b.json") == path
    assert str(place_of("hdfs:///a/b", no_session).parent) == "hdfs:///a"


def test_what_is_put_is_whole_and_empty_folders_go(tmp_path: Path) -> None:
    for scheme in ("", STORE, MOVER):
        place = place_in(scheme, tmp_path / "deep" / "er" / "note")
        put_whole(place, b"one")
        put_whole(place, b"two")
        assert place.read_bytes() == b"two"
        assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["note"]
        remove_empty(place.parent, up_to=place.parent.parent)
        assert place.exists()
        place.unlink()
        remove_empty(place.parent, up_to=place.parent.parent)
        assert not (tmp_path / "deep").exists()


@pytest.fixture
def lock(tmp_path: Path) -> RemotePath:
    place = place_in(STORE, tmp_path / "_tauro" / "t.lock")
    assert isinstance(place, RemotePath)
    return place


def test_one_at_a_time_holds_a_remote_lock_and_its_file_goes(lock: RemotePath) -> None:
    inside: list[int] = []

    def work(number: int) -> int:
        with locked(lock):
            inside.append(number)
            time.sleep(0.002)
            seen = len(inside)
            inside.remove(number)
            return seen

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(12))) == {1}
    assert not real(lock.parent).exists()


def die_holding(lock: RemotePath) -> None:
    child = os.fork()
    if not child:
        with locked(lock):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert lock.exists()


def test_the_remote_lock_of_a_process_that_died_is_taken_over_by_one_after_the_other(lock: RemotePath) -> None:
    die_holding(lock)
    die_holding(lock)  # which held it in the first one's place
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: _take(lock), range(8))) == [None] * 8
    assert not real(lock.parent).exists()


def _take(lock: RemotePath) -> None:
    with locked(lock, timeout_s=10):
        pass


def elsewhere(lock: RemotePath, beat: int) -> None:
    entry = LockEntry("theirs", Host("elsewhere", "boot", "pid"), Process(1, 1), beat)
    lock.files.write(lock.path, entry.text())


def test_a_holder_out_of_sight_is_dead_when_it_stands_still(lock: RemotePath) -> None:
    now = iter(range(0, 10_000, 4))
    elsewhere(lock, 3)
    began = next(now)
    with locked(lock, timeout_s=1, ttl_s=15, clock=lambda: float(next(now))):
        assert next(now) - began > 15
    assert not lock.exists()


def test_a_holder_out_of_sight_that_shows_its_life_is_waited_for(lock: RemotePath) -> None:
    elsewhere(lock, 0)
    beats = iter(range(1, 1000))

    def clock() -> float:
        elsewhere(lock, next(beats))
        return next(beats) / 2

    with pytest.raises(TimeoutError, match=r"t\.lock"), locked(lock, timeout_s=10, ttl_s=5, clock=clock):
        pass
    assert lock.exists()


def test_a_holder_shows_its_life_and_leaves_what_others_have_taken_over(lock: RemotePath) -> None:
    with locked(lock, ttl_s=0.03):
        before = real(lock).read_bytes()
        deadline = time.monotonic() + 5
        while real(lock).read_bytes() == before:
            assert time.monotonic() < deadline
        mine = read_entry(lock.files, lock.path)
        assert mine is not None
        elsewhere(RemotePath(f"{lock.path}.{mine.token}", lock.files), 0)
    assert lock.exists()  # its new holder removes it


def test_what_is_no_lock_is_named(lock: RemotePath) -> None:
    lock.files.write(lock.path, b"rubbish")
    with pytest.raises(OSError, match=r"t\.lock is no lock of Tauro's; remove it"), locked(lock):
        pass
