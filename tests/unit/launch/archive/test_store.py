"""Archives are found as long as they are sound, and removed when they fit nothing any more."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tauro.launch.archive.request import ArchiveRequest
from tauro.launch.archive.store import RETRY_S, UNUSED_S, ArchiveStore
from tests.support.fake_java import FakeJava, fake_java


@pytest.fixture
def java(tmp_path: Path) -> FakeJava:
    return fake_java(tmp_path)


@pytest.fixture
def store(java: FakeJava) -> ArchiveStore:
    return ArchiveStore(java.archives)


def put(store: ArchiveStore, request: ArchiveRequest, text: str = "classes") -> Path:
    with store.making(waits=True) as work:
        assert work is not None
        (work / "made.jsa").write_text(text)
        return store.put(request, work / "made.jsa").path


def names(store: ArchiveStore) -> set[str]:
    return {path.name for path in store.folder.iterdir()} - {"lock"}


def age(path: Path, age_s: float) -> None:
    os.utime(path, (time.time() - age_s, time.time() - age_s))


def test_what_was_put_is_found_and_nothing_is_left_beside_it(java: FakeJava, store: ArchiveStore) -> None:
    request = java.request()
    assert store.find(request) is None
    path = put(store, request)
    assert store.find(request) == store.find(java.request())
    assert names(store) == {f"{request.key}.jsa", f"{request.key}.json"}
    assert path.stat().st_mode & 0o777 == 0o644, "an image's user is often not the one who made it"


def test_a_file_that_was_cut_or_changed_is_not_used_and_one_that_was_copied_is(
    java: FakeJava, store: ArchiveStore
) -> None:
    request = java.request()
    path = put(store, request)
    age(path, 1000)
    assert store.find(request) is not None, "it is read, and is what it was"
    assert abs(path.stat().st_mtime - time.time()) < 500, "so that it is not read again"
    path.write_text("cla$ses")
    age(path, 1000)
    assert store.find(request) is None
    path.write_text("classes"[:5])
    assert store.find(request) is None
    path.unlink()
    assert store.find(request) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 0}', "\0\0"])
def test_a_damaged_note_is_none(java: FakeJava, store: ArchiveStore, text: str) -> None:
    request = java.request()
    put(store, request).with_suffix(".json").write_text(text)
    assert store.find(request) is None
    put(store, request)
    assert store.find(request) is not None


def test_archives_of_a_java_or_a_spark_that_is_there_no_more_are_removed(
    java: FakeJava, store: ArchiveStore, tmp_path: Path
) -> None:
    jar = tmp_path / "own.jar"
    jar.write_text("1")
    old, kept = java.request(jars=str(jar)), java.request(sql_catalogImplementation="hive")
    put(store, old)
    put(store, kept)
    jar.write_text("another")
    new = java.request(jars=str(jar))
    put(store, new)
    assert {name.partition(".")[0] for name in names(store)} == {kept.key, new.key}
    jar.unlink()
    other = fake_java(tmp_path / "other")
    shutil.rmtree(java.spark.home)
    put(store, other.request())
    assert {name.partition(".")[0] for name in names(store)} == {other.request().key}


def test_an_archive_that_nobody_uses_is_removed_and_one_in_use_is_not(java: FakeJava, store: ArchiveStore) -> None:
    unused, used = java.request(), java.request(sql_catalogImplementation="hive")
    for request in (unused, used):
        age(put(store, request).with_suffix(".json"), UNUSED_S + 1000)
    assert store.find(used) is not None
    put(store, java.request(driver_memory="40g"))
    assert (store.find(unused), store.find(used) is not None) == (None, True)


def test_a_try_that_did_not_end_well_is_not_repeated_for_a_while(java: FakeJava, store: ArchiveStore) -> None:
    request = java.request()
    assert store.may_try(request)
    with store.making(waits=True):
        store.note_try(request)
    assert not store.may_try(request)
    age(store.folder / f"{request.key}.tried", RETRY_S + 1000)
    assert store.may_try(request)
    store.note_try(request)
    put(store, request)
    assert store.may_try(request), "it is forgotten"


def test_a_discarded_archive_is_gone_and_not_made_again_at_once(java: FakeJava, store: ArchiveStore) -> None:
    request = java.request()
    put(store, request)
    store.discard(request.key)
    assert store.find(request) is None
    assert not store.may_try(request)


def test_nothing_is_tried_where_there_is_no_room(
    java: FakeJava, store: ArchiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = type(shutil.disk_usage("/"))(10**12, 10**12 - 1, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert not store.may_try(java.request())
    assert not store.folder.exists()


def test_nothing_is_tried_where_no_folder_can_be_made(java: FakeJava, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not ArchiveStore(tmp_path / "file" / "archives").may_try(java.request())
    assert not ArchiveStore(Path("/proc/nowhere/archives")).may_try(java.request())


def test_what_killed_processes_left_is_removed_when_it_is_old(java: FakeJava, store: ArchiveStore) -> None:
    for name, seconds in (("making-old", 8000), ("making-new", 0)):
        (store.folder / name).mkdir(parents=True)
        age(store.folder / name, seconds)
    put(store, java.request())
    assert {name for name in names(store) if name.startswith("making")} == {"making-new"}


def test_while_one_is_being_made_nobody_else_begins(java: FakeJava, store: ArchiveStore) -> None:
    with store.making(waits=False) as first, ArchiveStore(store.folder).making(waits=False) as second:
        assert first is not None
        assert second is None
    with store.making(waits=False) as third:
        assert third is not None


def test_a_read_only_folder_gives_what_it_has(java: FakeJava, store: ArchiveStore) -> None:
    request = java.request()
    path = put(store, request)
    age(path, 1000)
    age(path.with_suffix(".json"), 10 * 24 * 3600)
    store.folder.chmod(0o555)
    try:
        assert store.find(request) is not None
    finally:
        store.folder.chmod(0o755)
