"""A write tells its rows, and starts nothing to know them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

from tauro.spark.jobs import tag
from tauro.spark.metrics import measured_write

pytestmark = [pytest.mark.spark, pytest.mark.matrix]

FORMATS = ["parquet", "csv", "json", "orc", "avro", "text"]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_write_of_files_tells_its_rows(spark: SparkSession, tmp_path: Path, file_format: str) -> None:
    rows = spark.range(12_345).selectExpr("cast(id as string) as value")
    with measured_write(spark, "rows") as write:
        rows.write.format(file_format).save(str(tmp_path / "rows"))
    assert write.rows == 12_345


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_partitioned_write_tells_the_rows_of_all_partitions(
    spark: SparkSession, tmp_path: Path, file_format: str
) -> None:
    rows = spark.range(100).selectExpr("cast(id as string) as value", "id % 7 as part")
    with measured_write(spark, "rows") as write:
        rows.write.format(file_format).partitionBy("part").save(str(tmp_path / "rows"))
    assert write.rows == 100


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_empty_write_tells_zero(spark: SparkSession, tmp_path: Path, file_format: str) -> None:
    with measured_write(spark, "rows") as write:
        spark.createDataFrame([], "value string").write.format(file_format).save(str(tmp_path / "rows"))
    assert write.rows == 0


def test_a_write_behind_a_join_and_an_aggregate_tells_what_was_written(spark: SparkSession, tmp_path: Path) -> None:
    joined = spark.range(1000).join(spark.range(0, 2000, 2), "id").groupBy((col("id") % 3).alias("third")).count()
    with measured_write(spark, "rows") as write:
        joined.write.parquet(str(tmp_path / "rows"))
    assert write.rows == 3


def test_writes_in_four_threads_at_once_are_told_apart(spark: SparkSession, tmp_path: Path) -> None:
    def write_rows(count: int) -> int | None:
        with measured_write(spark, "the same description") as write:
            spark.range(count).write.parquet(str(tmp_path / str(count)))
        return write.rows

    counts = [10 * at for at in range(1, 13)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write_rows, counts)) == counts


def test_a_write_after_more_queries_than_are_looked_at_first_is_found(spark: SparkSession, tmp_path: Path) -> None:
    with measured_write(spark, "rows") as write:
        spark.range(3).write.parquet(str(tmp_path / "rows"))
        with ThreadPoolExecutor(1) as pool:  # another thread does not inherit the description
            pool.submit(lambda: [spark.range(1).collect() for _ in range(40)]).result()
    assert write.rows == 3


def test_a_table_of_files_tells_its_rows(spark: SparkSession) -> None:
    try:
        with measured_write(spark, "rows") as write:
            spark.range(5).write.format("parquet").saveAsTable("measured_rows")
        assert write.rows == 5
        with measured_write(spark, "rows") as write:
            spark.range(4).write.format("parquet").insertInto("measured_rows", overwrite=True)
        assert write.rows == 4
    finally:
        spark.sql("drop table if exists measured_rows")


def test_a_write_that_fails_keeps_its_own_error_and_tells_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    with pytest.raises(Exception, match="PATH_ALREADY_EXISTS"), measured_write(spark, "rows") as write:
        spark.range(1).write.parquet(str(tmp_path / "rows"))
    assert write.rows is None


def test_a_block_that_writes_nothing_tells_no_rows(spark: SparkSession) -> None:
    with measured_write(spark, "rows") as write:
        pass
    assert write.rows is None


def test_measuring_starts_no_job_beside_the_write(spark: SparkSession, tmp_path: Path) -> None:
    def jobs_of(name: str, is_measured: bool) -> int:
        with tag(spark, name):
            group = spark.sparkContext
            group.setLocalProperty("spark.jobGroup.id", name)
            try:
                if is_measured:
                    with measured_write(spark, name) as write:
                        spark.range(10).write.parquet(str(tmp_path / name))
                    assert write.rows == 10
                else:
                    spark.range(10).write.parquet(str(tmp_path / name))
            finally:
                group.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]  # removes it
        return len(spark.sparkContext.statusTracker().getJobIdsForGroup(name))

    assert jobs_of("bare", is_measured=False) == jobs_of("measured", is_measured=True) == 1


def test_the_job_description_of_before_is_back_after_the_write(spark: SparkSession, tmp_path: Path) -> None:
    with tag(spark, "node", "what the node does"):
        with measured_write(spark, "its write"):
            spark.range(1).write.parquet(str(tmp_path / "rows"))
        assert spark.sparkContext.getLocalProperty("spark.job.description") == "what the node does"
