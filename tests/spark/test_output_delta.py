"""Delta outputs: what one commit holds, and what it says of itself."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.errors import WindowError, WriteError
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import WriteRequest
from tauro.model import OutputResult, Window
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.matrix]
WINDOW = Window.parse("2013-01-01", "2013-01-07")


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> IoProject:
    return IoProject(tmp_path, spark)


def publish(project: IoProject, frame: DataFrame, run_id: str, window: Window | None) -> OutputResult:
    request = WriteRequest("pipe", "node", "t", output_spec_for(project, "t"), window, run_id)
    staged = OutputManager(project).stage(request, frame)
    try:
        return staged.publish()
    finally:
        staged.discard()


def commits(project: IoProject) -> list[dict[str, object]]:
    logs = sorted((project.root / "t/_delta_log").glob("*.json"))
    return [
        json.loads(line)["commitInfo"] for log in logs for line in log.read_text().splitlines() if "commitInfo" in line
    ]


def test_the_same_window_is_appended_once_and_another_is_added(project: IoProject, spark: SparkSession) -> None:
    project.with_output("t", format="delta", path="t", write_mode="append")
    first = publish(project, spark.range(3), "run1", WINDOW)
    other = publish(project, spark.range(3, 5), "run2", Window.parse("2013-01-08", "2013-01-14"))
    again = publish(project, spark.range(10, 11), "run3", WINDOW)
    assert [(r.rows, r.is_written) for r in (first, other, again)] == [(3, True), (2, True), (1, True)]
    assert [row[0] for row in project.rows()] == [10, 3, 4]


def test_an_append_whose_rows_were_taken_away_is_no_longer_passed_over(project: IoProject, spark: SparkSession) -> None:
    project.with_output("t", format="delta", path="t", write_mode="append")
    publish(project, spark.range(3), "run1", WINDOW)
    spark.range(0).write.format("delta").mode("overwrite").save(str(project.root / "t"))
    with pytest.raises(WriteError, match=r"appended before, and version 1 \(WRITE\) has changed rows since"):
        publish(project, spark.range(3), "run2", WINDOW)


def test_an_empty_append_is_an_append(project: IoProject, spark: SparkSession) -> None:
    project.with_output("t", format="delta", path="t", write_mode="append")
    results = [publish(project, spark.range(0), "run1", WINDOW) for _ in range(2)]
    assert [(r.rows, r.is_written) for r in results] == [(0, True), (0, True)]
    assert publish(project, spark.range(2), "run1", WINDOW).rows == 2


def test_without_a_window_the_run_appends_once(project: IoProject, spark: SparkSession) -> None:
    project.with_output("t", format="delta", path="t", write_mode="append")
    counts = [publish(project, spark.range(2), run, None).rows for run in ("run1", "run1", "run2")]
    assert counts == [2, 2, 2]
    assert len(project.rows()) == 4


def test_commits_say_which_run_node_and_window_made_them(project: IoProject, spark: SparkSession) -> None:
    project.with_output("t", format="delta", path="t", write_mode="merge", keys=["id"])
    publish(project, spark.range(2), "run1", WINDOW)
    publish(project, spark.range(1, 4), "run2", WINDOW)
    notes = [json.loads(str(commit["userMetadata"])) for commit in commits(project)]
    assert [(n["tauro_run_id"], n["pipeline"], n["node"], n["window"]) for n in notes] == [
        ("run1", "pipe", "node", str(WINDOW)),
        ("run2", "pipe", "node", str(WINDOW)),
    ]
    assert spark.conf.get("spark.databricks.delta.commitInfo.userMetadata", None) is None


def test_a_window_on_a_data_column_is_replaced_exactly(project: IoProject, spark: SparkSession) -> None:
    texts = ["2012-12-31 23:59:59.999999", "2013-01-01 00:00:00", "2013-01-07 23:59:59.999999", "2013-01-08 00:00:00"]
    kinds = ["date", "timestamp", "timestamp_ntz", "string"]
    old = spark.createDataFrame(list(enumerate(texts)), "n int, string string").selectExpr(
        "n", *(f"cast(string as {kind}) as `{kind}`" for kind in kinds), "'old' as v"
    )
    project.write(old, format="delta", path="t")
    window = ("2013-01-01", "2013-01-07")
    for kind in kinds:
        project.with_output(kind, format="delta", path="t", overwrite_scope="window", window_column=kind)
        new = old.where("n in (1, 2)").selectExpr("n", *(f"`{one}`" for one in kinds), f"'{kind}' as v")
        assert project.write(new, kind, window=window).rows == 2
        assert sorted((row[0], row[-1]) for row in project.rows()) == [(0, "old"), (1, kind), (2, kind), (3, "old")]
    with pytest.raises(WindowError, match="outside the window"):
        project.write(old.where("n = 3"), "timestamp", window=window)
    with pytest.raises(WindowError, match="outside the window"):
        project.write(old.selectExpr("* EXCEPT (date)", "cast(null as date) as date"), "date", window=window)
    assert len(project.rows()) == 4


def test_a_merge_computes_its_source_once(project: IoProject, spark: SparkSession) -> None:
    counter = spark.sparkContext.accumulator(0)

    def count(number: int) -> int:
        counter.add(1)
        return number

    spark.udf.register("tauro_test_count", count, "bigint")
    project.write(spark.range(3), format="delta", path="t", write_mode="merge", keys=["id"])
    project.write(spark.range(5).selectExpr("tauro_test_count(id) as id"))
    assert counter.value == 5
    assert len(project.rows()) == 5


def test_a_merge_leaves_no_frame_cached(project: IoProject, spark: SparkSession) -> None:
    spark.catalog.clearCache()  # what processes that other tests have killed kept in this JVM
    project.write(spark.range(3), format="delta", path="t", write_mode="merge", keys=["id"])
    frame = spark.range(10, 12)
    project.write(frame)
    with pytest.raises(WriteError):
        project.write(frame.union(frame))
    assert not frame.is_cached
    assert spark._jsparkSession.sharedState().cacheManager().isEmpty()


def test_odd_names_are_welcome_with_column_mapping(project: IoProject, spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1, 2)], "`a b` int, `c,d` int")
    with pytest.raises(WriteError, match="columnMapping"):
        project.write(frame, format="delta", path="t")
    project.write(frame, format="delta", path="t", options={"delta.columnMapping.mode": "name"})
    project.with_output("t", format="delta", path="t", write_mode="append")
    project.write(frame)
    assert project.rows() == [(1, 2), (1, 2)]


def test_versions_and_times_are_read(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.range(1), format="delta", path="t")
    project.write(spark.range(5), format="delta", path="t")
    project.with_input("old", format="delta", path="t", options={"versionAsOf": 0})
    project.with_input("now", path="t", window_column=None)
    assert len(project.rows("old")) == 1
    assert len(project.rows("now")) == 5


def test_partitions_are_not_swapped_in_a_table_without_them(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.sql("select 1 as id, date'2013-01-01' as day"), format="delta", path="t")
    project.with_output("p", format="delta", path="t", overwrite_scope="partitions", partition_by=["day"])
    with pytest.raises(WriteError):
        project.write(spark.sql("select 2 as id, date'2013-01-02' as day"), "p")
    assert project.rows() == [(1, date(2013, 1, 1))]
