"""File outputs: how they are staged and swapped in, what is beside them, and what it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.errors import ResultError, WriteError
from tauro.io import InputLoader, OutputManager
from tauro.io.files.staging import StagedFiles, staged_files_from
from tauro.io.locations import output_spec_for
from tauro.io.ports import WriteRequest
from tauro.model import Window
from tests.support.io_project import IoProject
from tests.support.second_python import in_second_python

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> IoProject:
    return IoProject(tmp_path, spark)


def names_below(path: Path) -> set[str]:
    return {str(one.relative_to(path)) for one in path.rglob("*") if one.is_file()}


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "orc", "avro"])
def test_a_write_is_one_spark_job(project: IoProject, spark: SparkSession, form: str) -> None:
    project.write(spark.range(10).coalesce(1), format=form, path="t")
    context = spark.sparkContext
    tag = f"tauro-test-{uuid.uuid4().hex}"
    for frame, fields in (
        (spark.range(10).coalesce(1), {}),
        (spark.range(5).coalesce(1), {"write_mode": "append"}),
    ):
        group = f"{tag}-{fields}"
        context.setJobGroup(group, group)
        try:
            result = project.write(frame, format=form, path="t", **fields)
        finally:
            context.setLocalProperty("spark.jobGroup.id", None)
        assert len(context.statusTracker().getJobIdsForGroup(group)) == 1
        assert result.rows == frame.count()
        assert result.schema is not None


def test_several_outputs_are_published_after_all_are_staged(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.range(3), "a", path="a")
    manager = OutputManager(project)
    bad = spark.range(3).selectExpr("cast(raise_error('half-way') as bigint) as id")
    with pytest.raises(WriteError, match="node 'two', output 'b'"):
        manager.save_output({"name": "two", "output": ["a", "b"]}, (spark.range(9), bad), None, None)
    assert len(project.rows("a")) == 3
    assert not list(project.root.rglob("_tauro"))
    results = manager.save_output(
        {"name": "two", "output": ["a", "b"]}, {"b": spark.range(1), "a": spark.range(2)}, None, None
    )
    assert [(one.id, one.rows) for one in results] == [("a", 2), ("b", 1)]


def test_a_wrong_result_writes_nothing(project: IoProject, spark: SparkSession) -> None:
    manager = OutputManager(project)
    frame = spark.range(1)
    for result, message in (
        (None, "output 'a': expected a Spark DataFrame, got None"),
        ([frame], "returned 1 results for 2 outputs"),
        (frame, "for 2 outputs"),
        ({"a": frame}, "nothing for output 'b'"),
        ({"a": frame, "bb": frame}, "did you mean 'b'"),
        ((frame, 7), "output 'b': expected a Spark DataFrame, got a builtins.int"),
        ((frame, frame.select()), "output 'b': the DataFrame has no columns"),
    ):
        output = ["a"] if result is None else ["a", "b"]
        with pytest.raises(ResultError, match=message):
            manager.save_output({"name": "n", "output": output}, result, None, None)
    assert os.listdir(project.root) == []


def test_file_names_never_repeat_and_checksums_stay_with_their_files(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.range(3).coalesce(1), path="t", write_mode="append")
    first = names_below(project.root / "t")
    project.write(spark.range(3, 5).coalesce(1))
    both = names_below(project.root / "t")
    data = {name for name in both if name.endswith(".parquet")}
    assert len(data) == 2
    assert {f".{name}.crc" for name in data} <= both
    assert first <= both
    project.write(spark.range(1).coalesce(1), path="t")
    assert not data & names_below(project.root / "t")


def test_untouched_partitions_keep_their_very_files(project: IoProject, spark: SparkSession) -> None:
    frame = spark.sql("select id, concat('p', id) as part from range(3)")
    project.write(frame, path="t", partition_by=["part"], overwrite_scope="partitions")
    before = {path: path.stat().st_ino for path in (project.root / "t").rglob("*.parquet")}
    project.write(frame.where("id = 1"))
    after = {path: path.stat().st_ino for path in (project.root / "t").rglob("*.parquet")}
    kept = {path for path in before if "part=p1" not in str(path)}
    assert kept == before.keys() & after.keys()
    assert {before[path] for path in kept} == {after[path] for path in kept}


def test_partitions_of_a_whole_number_are_one_however_they_are_spelt(project: IoProject, spark: SparkSession) -> None:
    for month in ("01", "02"):
        spark.range(1).write.parquet(str(project.root / f"t/month={month}"))
    project.with_output("t", path="t", partition_by=["month"], overwrite_scope="partitions")
    project.write(spark.sql("select 7L as id, 1 as month"))
    assert project.rows() == [(0, 2), (7, 1)]


def test_an_empty_partitioned_table_is_read_by_any_spark(project: IoProject, spark: SparkSession) -> None:
    frame = spark.sql("select id, 'p' as part from range(3)")
    project.write(frame.limit(0), path="t", partition_by=["part"], write_mode="append")
    plain = spark.read.parquet(str(project.root / "t"))
    assert (plain.columns, plain.collect()) == (["id", "part"], [])
    project.write(frame)
    assert spark.read.parquet(str(project.root / "t")).count() == 3
    assert {path.parent.name for path in (project.root / "t").rglob("*.parquet")} == {"part=p"}


def test_appends_at_the_same_time_all_arrive(project: IoProject, spark: SparkSession) -> None:
    project.with_output("t", path="t", write_mode="append")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: project.write(spark.range(number, number + 1).coalesce(1)), range(12)))
    assert [row[0] for row in project.rows()] == sorted(range(12), key=lambda n: repr((n,)))
    assert not list(project.root.rglob("_tauro"))


def test_a_reader_never_sees_half_a_table(project: IoProject, spark: SparkSession) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    frames = [spark.sql(f"select {n} as n from range({n * 100})").repartition(2) for n in (1, 2)]
    project.write(frames[0], path="t")
    is_over = threading.Event()
    seen: list[tuple[int, int]] = []

    def poll() -> None:
        while not is_over.is_set():
            try:
                folder = os.open(project.root / "t", os.O_RDONLY)
                files = [name for name in os.listdir(folder) if name.endswith(".parquet")]
                column = [
                    value
                    for name in files
                    for value in pyarrow.read_table(f"/proc/self/fd/{folder}/{name}").column("n").to_pylist()
                ]
                os.close(folder)
            except FileNotFoundError:  # caught in the middle: it may read again
                continue
            if files:  # a folder that went between its opening and its listing
                seen.append((len(column), len(set(column))))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for turn in range(6):
            project.write(frames[turn % 2])
    finally:
        is_over.set()
        reader.join()
    assert set(seen) <= {(100, 1), (200, 1)}
    assert len(seen) > 6


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: (root / "t").write_text("x"), "is a file"),
        (lambda root: (root / "t/_delta_log").mkdir(parents=True), "lies a Delta table"),
        (lambda root: (root / "t/inner").mkdir(parents=True), "no partitions of a table: inner"),
        (lambda root: (root / "t/_tauro").mkdir(parents=True), "_tauro"),
    ],
)
def test_what_is_no_table_of_files_is_not_swapped_away(
    project: IoProject, spark: SparkSession, prepare: object, message: str
) -> None:
    assert callable(prepare)
    prepare(project.root)
    before = sorted(str(path) for path in project.root.rglob("*"))
    with pytest.raises(WriteError, match=message):
        project.write(spark.range(1), path="t")
    assert sorted(str(path) for path in project.root.rglob("*")) == before


def test_other_layouts_and_options_are_not_mixed(project: IoProject, spark: SparkSession) -> None:
    frame = spark.sql("select id, 'p' as part from range(3)")
    project.write(frame, path="t", partition_by=["part"])
    with pytest.raises(WriteError, match="partitioned by part, the output by nothing"):
        project.write(frame, path="t", write_mode="append")
    with pytest.raises(WriteError, match="is parquet, the output says orc"):
        project.write(frame, path="t", format="orc", write_mode="append", partition_by=["part"])
    project.write(frame, path="c", format="csv")
    with pytest.raises(WriteError, match="written with other options: sep"):
        project.write(frame, path="c", format="csv", write_mode="append", options={"sep": ";"})
    with pytest.raises(WriteError, match="does not have: nope"):
        project.write(frame, path="n", partition_by=["nope"])


def test_a_table_of_somebody_else_keeps_its_columns(project: IoProject, spark: SparkSession) -> None:
    frame = spark.sql("select id, 'v' as v from range(2)")
    frame.write.parquet(str(project.root / "t"))
    project.write(frame.select("v", "id"), path="t", write_mode="append")
    assert len(project.rows()) == 4
    with pytest.raises(WriteError, match="missing: v"):
        project.write(spark.range(1), path="t", write_mode="append")


def test_a_link_to_a_folder_stays_a_link(project: IoProject, spark: SparkSession) -> None:
    (project.root / "real").mkdir()
    (project.root / "t").symlink_to(project.root / "real")
    project.write(spark.range(2), path="t")
    project.write(spark.range(3), path="t")
    assert (project.root / "t").is_symlink()
    assert len(project.rows()) == 3


def test_a_failed_run_by_id_is_staged_anew(project: IoProject, spark: SparkSession) -> None:
    left = project.root / "out/_tauro/run/node/t/data"
    left.mkdir(parents=True)
    (left / "part-0").write_text("half")
    request = WriteRequest(None, "node", "t", output_spec_for(project, "t"), None, "run")
    staged = OutputManager(project).stage(request, spark.range(2))
    assert staged.publish().rows == 2
    staged.discard()
    assert spark.read.parquet(str(project.root / "out/t")).count() == 2
    assert not list(project.root.rglob("_tauro"))


def test_columns_keep_their_place_when_they_are_partitions(project: IoProject, spark: SparkSession) -> None:
    frame: DataFrame = spark.sql("select 'x' as part, 1 as a, '01' as code, 2 as b")
    project.write(frame, path="t", partition_by=["code", "part"])
    back = project.read()
    assert back is not None
    assert (back.columns, back.collect()) == (["part", "a", "code", "b"], frame.collect())


def test_a_folder_with_files_of_others_is_not_swapped_away(project: IoProject, spark: SparkSession) -> None:
    (project.root / "t").mkdir()
    (project.root / "t/orders.csv").write_text("a\n1\n")
    project.with_output("t", format="csv", path="t")
    with pytest.raises(WriteError, match=r"neither Tauro nor Spark wrote.*orders\.csv"):
        OutputManager(project).save_output({"name": "n", "output": "t"}, spark.range(1))
    assert (project.root / "t/orders.csv").read_text() == "a\n1\n"


@pytest.mark.parametrize(
    ("form", "options"),
    [("parquet", {"compression": "zstd"}), ("csv", {"quoteAll": True}), ("delta", {"maxRecordsPerFile": 100})],
)
def test_what_only_a_writer_knows_does_not_keep_an_output_from_being_read(
    project: IoProject, spark: SparkSession, form: str, options: dict[str, object]
) -> None:
    project.with_output("t", format=form, path="t", options=options)
    (written,) = OutputManager(project).save_output({"name": "n", "output": "t"}, spark.range(3))
    read = InputLoader(project).load_output(output_spec_for(project, "t"), written.schema)
    assert sorted(row[0] for row in read.collect()) == [0, 1, 2]


APPENDED = {"path": "t", "write_mode": "append"}


def staged_for(
    project: IoProject, frame: DataFrame, *, window: str | None = None, run: str | None = None, **fields: object
) -> StagedFiles:
    project.with_output("t", **fields)
    dates = Window.parse(*window.split("..")) if window else None
    request = WriteRequest("pipe", "node", "t", output_spec_for(project, "t"), dates, run or uuid.uuid4().hex)
    staged = OutputManager(project).stage(request, frame)
    assert isinstance(staged, StagedFiles)
    return staged


def values(frame: DataFrame | None) -> list[int]:
    assert frame is not None
    return sorted(row[0] for row in frame.collect())


def test_a_rerun_of_a_window_replaces_what_it_appended(project: IoProject, spark: SparkSession) -> None:
    for start, window in ((0, "2013-01-01"), (10, "2013-01-02"), (20, "2013-01-01"), (30, "2013-01-03")):
        project.write(spark.range(start, start + 2), window=(window, window), **APPENDED)
    assert [row[0] for row in project.rows()] == [10, 11, 20, 21, 30, 31]
    project.write(spark.range(40, 42), window=("2013-01-01", "2013-01-02"), **APPENDED)
    assert [row[0] for row in project.rows()] == [30, 31, 40, 41]
    with pytest.raises(WriteError, match=r"cuts through the window 2013-01-01 \.\. 2013-01-02"):
        project.write(spark.range(1), window=("2013-01-02", "2013-01-02"), **APPENDED)
    assert not list(project.root.rglob("_tauro"))


def test_an_append_that_will_be_refused_starts_no_job(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.range(1), window=("2013-01-01", "2013-01-31"), **APPENDED)
    bad = spark.range(1).selectExpr("cast(raise_error('ran') as bigint) as id")
    with pytest.raises(WriteError, match="cuts through"):
        project.write(bad, window=("2013-01-31", "2013-02-01"), **APPENDED)


def test_an_append_is_compacted_and_cannot_be_told_any_more(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.range(4).repartition(2), window=("2013-01-01", "2013-01-01"), **APPENDED)
    for path in (project.root / "t").glob("*.parquet"):
        path.unlink()
    spark.range(4).coalesce(1).write.mode("append").parquet(str(project.root / "t"))
    with pytest.raises(WriteError, match="somebody has rewritten its files"):
        project.write(spark.range(4), window=("2013-01-01", "2013-01-01"), **APPENDED)
    project.write(spark.range(4, 5), window=("2013-01-02", "2013-01-02"), **APPENDED)
    assert [row[0] for row in project.rows()] == [0, 1, 2, 3, 4]


def test_a_retry_within_a_run_replaces_what_it_appended(project: IoProject, spark: SparkSession) -> None:
    for run in ("one", "one", "two"):
        staged = staged_for(project, spark.range(2), run=run, **APPENDED)
        staged.publish()
        staged.discard()
    assert [row[0] for row in project.rows()] == [0, 0, 1, 1]


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "orc", "avro"])
def test_the_table_to_come_is_read_before_it_is_published(project: IoProject, spark: SparkSession, form: str) -> None:
    frame = spark.sql("select cast(id as int) as id, date'2013-01-01' + cast(id as int) as day from range(3)")
    project.write(frame, format=form, path="t", partition_by=["day"])
    new = spark.sql("select 9 as id, date'2013-01-02' as day")
    scopes: list[tuple[dict[str, object], list[int]]] = [
        ({"write_mode": "append"}, [0, 1, 2, 9]),
        ({"overwrite_scope": "partitions"}, [0, 2, 9]),
        ({}, [9]),
    ]
    for fields, after in scopes:
        staged = staged_for(project, new, format=form, path="t", partition_by=["day"], **fields)
        for read, rows in ((staged.table(), after), (staged.rows(), [9])):
            assert values(read) == rows
            assert [field.dataType.simpleString() for field in read.schema] == ["int", "date"]
        assert [row[0] for row in project.rows()] == [0, 1, 2]
        staged.publish()
        assert [row[0] for row in project.rows()] == after
        assert staged.undo()
        assert [row[0] for row in project.rows()] == [0, 1, 2]
        staged.discard()
    assert not list(project.root.rglob("_tauro"))


def test_reading_what_is_staged_starts_no_job_of_its_own(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.range(3), path="t", write_mode="append")
    staged = staged_for(project, spark.range(2), **APPENDED)
    context, group = spark.sparkContext, f"tauro-test-{uuid.uuid4().hex}"
    context.setJobGroup(group, group)
    try:
        assert staged.table().columns == staged.rows().columns == ["id"]
        staged.publish()
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)
    staged.discard()
    assert context.statusTracker().getJobIdsForGroup(group) == []


def test_an_empty_append_to_nothing_is_a_table_without_rows(project: IoProject, spark: SparkSession) -> None:
    frame = spark.sql("select id, 'p' as part from range(3)")
    fields = {**APPENDED, "partition_by": ["part"]}
    staged = staged_for(project, frame.limit(0), window="2013-01-01..2013-01-01", **fields)
    for read in (staged.rows(), staged.table()):
        assert (read.columns, read.collect()) == (["id", "part"], [])
    staged.publish()
    staged.discard()
    assert spark.read.parquet(str(project.root / "t")).columns == ["id", "part"]
    project.write(frame, window=("2013-01-01", "2013-01-01"))
    assert len(project.rows()) == 3


def test_a_process_that_dies_after_staging_is_finished_from_its_record(tmp_path: Path, spark: SparkSession) -> None:
    project = IoProject(tmp_path, spark)
    project.write(spark.range(3), **APPENDED)
    entry = {**APPENDED, "format": "parquet", "path": str(tmp_path / "t")}
    kept = tmp_path / "record.json"
    task = {"do": "stage", "entry": entry, "sql": "select * from range(3, 5)", "kept": str(kept)}
    in_second_python(spark, task, killed_at="test.staged")
    record = json.loads(kept.read_text())["staged"]
    kept.write_text(json.dumps(record))
    assert [row[0] for row in project.rows()] == [0, 1, 2]
    read = "from tauro.io.files.staging import staged_files_from as f; s = f(json.load(open(sys.argv[1])), None)"
    code = f"import json, sys; {read}"
    finish = f"{code}; r = s.publish(); s.discard(); print(r.id, r.rows, r.format, 'pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", finish, str(kept)], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["t", "2", "parquet", "False"]
    assert [row[0] for row in project.rows()] == [0, 1, 2, 3, 4]
    assert not list(tmp_path.rglob("_tauro"))
    assert staged_files_from(record, lambda: spark).undo() is False
