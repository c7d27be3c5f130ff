"""Tables, journals and leases on S3, a real server on loopback, and on a file system that renames, through Hadoop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import tauro
from tauro.storage.hadoop import HadoopFiles
from tests.support.file_system_contract import check_files, check_only_one_creates
from tests.support.s3 import S3, running_s3
from tests.support.second_python import in_second_python

pytestmark = pytest.mark.spark

PROJECT = """\
global_settings: {output_path: BUCKET/out}
pipelines_config:
  p: {nodes: NODES}
nodes_config:
  make_day: {sql: "select id, 'a,\\"b' as text, cast(:start_date as date) as day from range(3)", output: [day]}
  make_more: {sql: "select id, cast(:start_date as date) as day from range(2)", output: [more]}
  make_table: {sql: "select id from range(7)", output: [table]}
  make_whole: {sql: "select :start_date as day", output: [whole]}
  read_day:
    sql: "select day, count(*) as n, max(text) as text from rows group by day"
    input: {rows: day}
    output: [counts]
output_config:
  day: {format: csv, overwrite_scope: window, window_column: day, partition_by: [day]}
  more: {format: parquet, write_mode: append}
  table: {format: delta}
  counts: {format: parquet}
  whole: {format: parquet}
"""


@pytest.fixture(scope="module")
def s3(spark: SparkSession) -> Iterator[S3]:
    with running_s3() as server:
        server.reached_by(spark)
        yield server


def test_s3_is_a_file_system_on_which_only_one_creates_a_file(spark: SparkSession, s3: S3) -> None:
    files = HadoopFiles("s3a", lambda: spark)
    bucket = s3.bucket()
    check_files(files, f"{bucket}/root")
    check_only_one_creates(files, f"{bucket}/once")
    assert not files.moves_folders


@pytest.fixture(scope="module")
def renaming(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a folder on a file system of Hadoop's that renames: a view of one on this machine."""
    folder = tmp_path_factory.mktemp("renaming")
    spark.conf.set("fs.viewfs.mounttable.tests.link./data", f"file:{folder}")
    return "viewfs://tests/data"


def test_a_file_system_that_renames_is_one_too(spark: SparkSession, renaming: str) -> None:
    files = HadoopFiles("viewfs", lambda: spark)
    check_files(files, f"{renaming}/root")
    assert files.moves_folders
    assert files.create(f"{renaming}/once", b"mine")
    assert not files.create(f"{renaming}/once", b"theirs")
    assert files.read(f"{renaming}/once") == b"mine"
    with pytest.raises(OSError):
        files.write(f"{renaming}/torn", "no bytes")  # type: ignore[arg-type]  # so that the writing fails
    assert [one.path for one in files.children(renaming)] == [f"{renaming}/once"]


class Project:
    """A project whose outputs all lie in a bucket.

    Args:
        folder: the project's own.
        bucket: the bucket's address.
        session: the session of its runs.
        nodes: what its pipeline is made of.
    """

    def __init__(self, folder: Path, bucket: str, session: SparkSession, nodes: str) -> None:
        self.folder = folder
        self.out = f"{bucket}/out"
        self._files = HadoopFiles(bucket.partition(":")[0], lambda: session)
        self._session = session
        folder.mkdir()
        (folder / "tauro.yml").write_text(PROJECT.replace("BUCKET", bucket).replace("NODES", nodes))

    def run(self, day: str) -> str:
        return tauro.run(self.folder, pipeline="p", start=day, end=day).run_id

    def killed(self, day: str, step: str) -> None:
        in_second_python(self._session, {"do": "run", "project": str(self.folder), "day": day}, killed_at=step)

    def rows(self, name: str) -> list[tuple[object, ...]]:
        """The rows that any reader sees."""
        read = self._session.read
        if name == "day":
            frame = read.csv(f"{self.out}/day", header=True, escape='"')
        else:
            frame = read.format("delta" if name == "table" else "parquet").load(f"{self.out}/{name}")
        return sorted(tuple(str(value) for value in row) for row in frame.collect())

    def leftovers(self) -> list[str]:
        return [one.path for one in self._files.below(self.out) if "/_tauro/" in one.path]


def test_a_run_that_is_killed_while_files_move_on_s3_is_ended_by_the_next(
    spark: SparkSession, s3: S3, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", s3.bucket(), spark, "[make_day, make_more, make_table, read_day]")
    end_after_kill(project, "files.come")
    days = ("2013-01-01", "2013-01-02")
    assert project.rows("day") == sorted((str(id), 'a,"b', day) for id in range(3) for day in days)
    assert project.rows("more") == sorted((str(id), day) for id in range(2) for day in days)
    assert project.rows("table") == [(str(id),) for id in range(7)]
    assert project.rows("counts") == [(day, "3", 'a,"b') for day in days]


def test_a_run_that_is_killed_between_two_renames_is_ended_by_the_next(
    spark: SparkSession, renaming: str, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", f"{renaming}/{tmp_path.name}", spark, "[make_more, make_whole]")
    end_after_kill(project, "storage.trade")
    assert project.rows("more") == sorted((str(id), day) for id in range(2) for day in ("2013-01-01", "2013-01-02"))
    assert project.rows("whole") == [("2013-01-02",)]


def end_after_kill(project: Project, step: str) -> None:
    """A run of one day, another that is killed at a step, and the same once more."""
    project.run("2013-01-01")
    assert project.leftovers() == []
    project.killed("2013-01-02", step)
    assert any("/_tauro/runs/" in path for path in project.leftovers())  # beside the data, where any host finds it
    project.run("2013-01-02")
    assert project.leftovers() == []
