"""The servers that the other tests stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.support.postgres import PostgresServer


@pytest.mark.spark
@pytest.mark.parametrize("file_format", ["delta", "avro"])
def test_the_session_of_the_tests_reads_and_writes_formats_that_come_as_jars(
    spark: SparkSession, tmp_path: Path, file_format: str
) -> None:
    spark.range(3).write.format(file_format).save(str(tmp_path / "rows"))
    assert spark.read.format(file_format).load(str(tmp_path / "rows")).count() == 3


@pytest.mark.spark
@pytest.mark.postgres
def test_the_session_of_the_tests_reads_what_psycopg_wrote(spark: SparkSession, postgres: PostgresServer) -> None:
    postgres.execute("create table fixture_rows (id int); insert into fixture_rows values (1), (2)")
    try:
        reader = spark.read.format("jdbc").option("url", postgres.jdbc_url).option("driver", "org.postgresql.Driver")
        reader = reader.option("dbtable", "fixture_rows")
        rows = reader.option("user", postgres.user).option("password", postgres.password).load().collect()
        assert sorted(row.id for row in rows) == [1, 2]
    finally:
        postgres.execute("drop table fixture_rows")
