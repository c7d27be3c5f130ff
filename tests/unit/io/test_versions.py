"""What is told of stored inputs without Spark: the same text as long as the same lies there, and another one after."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tauro.io.files.marker import Marker
from tauro.io.versions import ReadVersions
from tauro.model import InputSpec
from tests.support.io_project import IoProject


@pytest.fixture
def project(tmp_path: Path) -> IoProject:
    return IoProject(tmp_path)


def look(project: IoProject, **fields: object) -> str | None:
    """What a new run is told."""
    return ReadVersions(project).version_of(InputSpec.parse("x", fields))


def shown(project: IoProject, **fields: object) -> str | None:
    return ReadVersions(project).read(InputSpec.parse("x", fields)).version


def put(folder: Path, name: str, text: str = "a") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def commit(table: Path, version: int, text: str = "{}", suffix: str = ".json") -> Path:
    return put(table / "_delta_log", f"{version:020d}{suffix}", text)


@pytest.fixture
def days(tmp_path: Path) -> Path:
    folder = tmp_path / "days"
    put(folder, "day=1/a.parquet")
    put(folder, "day=2/a.parquet")
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: put(folder, "day=3/a.parquet"),
        lambda folder: put(folder, "day=1/a.parquet", "other"),
        lambda folder: os.utime(folder / "day=1" / "a.parquet", ns=(1, 1)),
        lambda folder: (folder / "day=1" / "a.parquet").unlink(),
        lambda folder: (folder / "day=1" / "a.parquet").rename(folder / "day=2" / "b.parquet"),
        lambda folder: shutil.rmtree(folder),
    ],
    ids=["added", "other content", "other time", "removed", "moved", "all gone"],
)
def test_a_folder_is_another_once_its_files_are(
    project: IoProject, days: Path, change: Callable[[Path], object]
) -> None:
    before = look(project, path="days", format="parquet")
    assert before == look(project, path=str(days), format="parquet")
    change(days)
    assert look(project, path="days", format="parquet") not in (None, before)


def test_what_readers_pass_over_changes_nothing(project: IoProject, days: Path) -> None:
    before = look(project, path="days", format="parquet")
    put(days, "_SUCCESS")
    put(days, ".a.parquet.crc")
    put(days, "_tauro/r-1/b.parquet")
    put(days, "day=1/.part.crc")
    assert look(project, path="days", format="parquet") == before


def test_folders_of_a_name_with_an_underscore_and_a_value_are_partitions(project: IoProject, days: Path) -> None:
    before = look(project, path="days", format="parquet")
    put(days, "_hour=1/a.parquet")
    assert look(project, path="days", format="parquet") != before


def test_lists_and_globs_are_told_by_all_they_stand_for(project: IoProject, tmp_path: Path) -> None:
    first = put(tmp_path, "in/a.csv")
    by_glob, by_list = look(project, path="in/*.csv"), look(project, path=["in/a.csv", "in/b.csv"])
    second = put(tmp_path, "in/b.csv")
    assert look(project, path="in/*.csv") not in (None, by_glob)
    assert look(project, path=["in/a.csv", "in/b.csv"]) not in (None, by_list)
    before = look(project, path="in/*.csv")
    os.utime(second, ns=(first.stat().st_atime_ns, 5))
    assert look(project, path="in/*.csv") != before


def test_a_table_that_tauro_wrote_again_is_another_even_if_its_files_look_the_same(
    project: IoProject, days: Path
) -> None:
    def write(write_id: str, run: str) -> None:
        Marker(run, "n", "o", "parquet", "{}", write_id=write_id).write(days)

    write("one", "r-1")
    before = look(project, path="days")
    assert shown(project, path="days") == "2 files, written by run r-1"
    write("two", "r-2")
    assert look(project, path="days") not in (None, before)


def test_files_are_shown_by_number_and_time(project: IoProject, tmp_path: Path) -> None:
    os.utime(put(tmp_path, "a.csv"), ns=(1, 1_700_000_000 * 10**9))
    assert shown(project, path="a.csv") == "1 file, newest 2023-11-14T22:13:20Z"
    assert shown(project, path="b.csv") == "does not exist"


def test_a_folder_that_links_to_itself_is_looked_at_once(project: IoProject, days: Path) -> None:
    (days / "day=3").symlink_to(days, target_is_directory=True)
    assert look(project, path="days", format="parquet") is not None


def test_of_what_lies_elsewhere_nothing_is_told(project: IoProject, tmp_path: Path) -> None:
    put(tmp_path, "a.csv")
    for fields in (
        {"path": "s3a://bucket/x", "format": "parquet"},
        {"path": ["a.csv", "s3a://bucket/x.csv"]},
        {"path": "s3a://bucket/x", "format": "delta"},
        {"format": "jdbc", "options": {"url": "jdbc:x", "dbtable": "t"}},
        {"query": "select 1"},
        {"format": "memory", "table": "t"},
    ):
        assert look(project, **fields) is None
    spec = InputSpec.parse("x", {"format": "jdbc", "options": {"url": "jdbc:x?password=hunter2", "dbtable": "t"}})
    read = ReadVersions(project).read(spec)
    assert (read.version, read.state) == (None, None)
    assert "hunter2" not in read.location


class TestDelta:
    def test_the_version_is_that_of_the_newest_commit(self, project: IoProject, tmp_path: Path) -> None:
        commit(tmp_path / "t", 0)
        before = look(project, path="t")
        commit(tmp_path / "t", 1)
        spec = InputSpec.parse("x", {"path": "t"})
        versions = ReadVersions(project)
        assert (versions.pinned(spec), versions.read(spec).version) == (1, "1")
        assert versions.version_of(spec) not in (None, before)

    def test_a_table_that_was_made_anew_is_another_of_the_same_version(
        self, project: IoProject, tmp_path: Path
    ) -> None:
        commit(tmp_path / "t", 0, json.dumps({"commitInfo": {"txnId": "a"}}))
        before = look(project, path="t")
        commit(tmp_path / "t", 0, json.dumps({"commitInfo": {"txnId": "b"}}))
        assert look(project, path="t") not in (None, before)

    @pytest.mark.parametrize("suffix", [".checkpoint.parquet", ".checkpoint.0000000001.0000000001.parquet"])
    def test_a_log_of_a_checkpoint_alone_has_its_version(self, project: IoProject, tmp_path: Path, suffix: str) -> None:
        commit(tmp_path / "t", 10, suffix=suffix)
        put(tmp_path / "t" / "_delta_log", "_last_checkpoint")
        put(tmp_path / "t" / "_delta_log", f"{11:020d}.crc")
        put(tmp_path / "t" / "_delta_log", f"{11:020d}.{12:020d}.compacted.json")
        assert ReadVersions(project).pinned(InputSpec.parse("x", {"path": "t"})) == 10

    def test_commits_that_only_a_catalog_knows_make_the_version_unknown(
        self, project: IoProject, tmp_path: Path
    ) -> None:
        commit(tmp_path / "t", 3)
        staged = tmp_path / "t" / "_delta_log" / "_staged_commits"
        put(staged, f"{3:020d}.0a1b.json")
        assert look(project, path="t") is not None
        put(staged, f"{4:020d}.0a1b.json")
        assert look(project, path="t") is None

    def test_an_input_that_says_what_it_reads_is_left_alone(self, project: IoProject, tmp_path: Path) -> None:
        for version in range(3):
            commit(tmp_path / "t", version)
        versions = ReadVersions(project)
        for option in ({"versionAsOf": 1}, {"timestampasof": "2025-01-01"}, {"readChangeFeed": True}):
            assert versions.pinned(InputSpec.parse("x", {"path": "t", "options": option})) is None
        old = look(project, path="t", options={"versionAsOf": 1})
        commit(tmp_path / "t", 3)
        assert look(project, path="t", options={"versionAsOf": 1}) == old
        assert shown(project, path="t", options={"versionAsOf": 1}) == "1"
        (tmp_path / "t" / "_delta_log" / f"{1:020d}.json").unlink()
        assert look(project, path="t", options={"versionAsOf": 1}) == "delta:1"

    def test_a_folder_that_is_no_table_yet_has_no_version(self, project: IoProject, tmp_path: Path) -> None:
        assert look(project, path="t", format="delta") == "missing"
        (tmp_path / "t").mkdir()
        assert look(project, path="t", format="delta") is None


def test_a_run_looks_once_and_again_only_where_it_has_published(project: IoProject, tmp_path: Path) -> None:
    commit(tmp_path / "t", 0)
    put(tmp_path, "in/a.csv")
    table, files = InputSpec.parse("t", {"path": "t"}), InputSpec.parse("f", {"path": "in/*.csv"})
    versions = ReadVersions(project)
    before = versions.version_of(files)
    assert versions.pinned(table) == 0
    commit(tmp_path / "t", 1)
    put(tmp_path, "in/b.csv")
    assert (versions.pinned(table), versions.version_of(files)) == (0, before)
    versions.published(str(tmp_path / "t"))
    assert (versions.pinned(table), versions.version_of(files)) == (1, before)
    versions.published(str(tmp_path / "in" / "b.csv"))
    assert versions.version_of(files) != before


def test_all_threads_are_told_the_same(project: IoProject, tmp_path: Path) -> None:
    commit(tmp_path / "t", 0)
    versions, spec, start = ReadVersions(project), InputSpec.parse("x", {"path": "t"}), Barrier(8)
    told: list[int | None] = []

    def ask() -> None:
        start.wait(20)
        told.append(versions.pinned(spec))
        commit(tmp_path / "t", 1 + len(told))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert told == [told[0]] * 8
