"""JDBC outputs on a real PostgreSQL: one transaction, by column names, and nothing twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import WindowError, WriteError
from tauro.model import Window
from tests.support.io_project import IoProject
from tests.support.jdbc_target import JdbcTarget

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


@pytest.fixture
def target(tmp_path: Path, spark: SparkSession, postgres: Any) -> JdbcTarget:
    return JdbcTarget(IoProject(tmp_path, spark), postgres)


def test_an_existing_table_is_filled_by_names_and_keeps_what_it_is(target: JdbcTarget, spark: SparkSession) -> None:
    target.server.execute(
        f"create table {target.table} (serial serial primary key, doc jsonb, id bigint unique, at timestamptz)"
    )
    target.declare()
    frame = spark.sql("""select timestamp'2013-01-01 00:00:00' as at, 1 as ID, '{"a": 1}' as doc""")
    assert target.publish(frame, "run1").rows == 1
    assert target.publish(frame, "run2").rows == 1
    ((serial, doc, id, at),) = target.rows()
    assert (serial, doc, id, at.timestamp()) == (2, {"a": 1}, 1, 1356998400)
    assert target.staged() == []


def test_a_transaction_that_fails_leaves_the_old_rows(target: JdbcTarget, spark: SparkSession) -> None:
    target.server.execute(
        f"create table {target.table} (id bigint check (id < 100)); insert into {target.table} values (1)"
    )
    target.declare()
    with pytest.raises(WriteError, match="violates check constraint"):
        target.publish(spark.range(90, 110), "run1")
    assert target.rows() == [(1,)]
    assert target.staged() == []


def test_a_windowed_append_replaces_what_the_window_held(target: JdbcTarget, spark: SparkSession) -> None:
    target.declare(write_mode="append", window_column="day")
    window = Window.parse("2013-01-02", "2013-01-03")
    days = spark.sql("select id, date'2013-01-01' + cast(id as int) as day from range(4)")
    target.publish(days, "run0", Window.parse("2013-01-01", "2013-01-04"))
    again = days.where("id in (1, 2)").selectExpr("id + 10 as id", "day")
    assert [target.publish(again, run, window).rows for run in ("run1", "run2")] == [2, 2]
    assert [row[0] for row in target.rows()] == [0, 3, 11, 12]
    with pytest.raises(WindowError, match="2 rows outside"):
        target.publish(days, "run3", window)
    assert target.staged() == []


def test_an_append_without_a_window_column_is_done_once_a_run(target: JdbcTarget, spark: SparkSession) -> None:
    target.declare(write_mode="append")
    results = [target.publish(spark.range(2), run) for run in ("run1", "run1", "run2")]
    assert [(one.rows, one.is_written) for one in results] == [(2, True), (0, False), (2, True)]
    assert len(target.rows()) == 4


@pytest.mark.parametrize("kind", ["timestamp", "timestamp_ntz"])
def test_windows_on_timestamps_hold_the_last_afternoon(target: JdbcTarget, spark: SparkSession, kind: str) -> None:
    target.declare(overwrite_scope="window", window_column="at")
    texts = ("2013-01-01 00:00:00", "2013-01-01 23:59:59.999999")
    frame = spark.createDataFrame([(text,) for text in texts], "at string").selectExpr(f"cast(at as {kind}) as at")
    target.publish(frame, "run1", Window.parse("2013-01-01", "2013-01-01"))
    target.publish(frame.limit(0), "run2", Window.parse("2013-01-02", "2013-01-02"))
    assert len(target.rows()) == 2
    with pytest.raises(WindowError, match="1 rows outside"):
        target.publish(frame, "run3", Window.parse("2013-01-01T00:00:00", "2013-01-01T12:00:00"))
    target.publish(frame.limit(0), "run4", Window.parse("2013-01-01T12:00:00", "2013-01-02T00:00:00"))
    assert len(target.rows()) == 1


def test_windows_on_text_are_refused(target: JdbcTarget, spark: SparkSession) -> None:
    target.declare(overwrite_scope="window", window_column="day")
    with pytest.raises(WriteError, match="is text"):
        target.publish(spark.sql("select '2013-01-01' as day"), "run1", Window.parse("2013-01-01", "2013-01-01"))


def test_wider_columns_take_narrower_values_and_not_the_other_way(target: JdbcTarget, spark: SparkSession) -> None:
    target.server.execute(f"create table {target.table} (id bigint, m numeric(20,4), day date)")
    target.declare()
    frame = spark.sql("select cast(1 as int) as id, cast(2 as decimal(10,2)) as m, date'2013-01-01' as day")
    target.publish(frame, "run1")
    assert [(row[0], float(row[1]), row[2]) for row in target.rows()] == [(1, 2.0, date(2013, 1, 1))]
    with pytest.raises(WriteError, match=r"of another type: m is double, in the table decimal\(20,4\)"):
        target.publish(spark.sql("select 1L as id, 2D as m, date'2013-01-01' as day"), "run2")


def test_a_database_that_is_not_there_is_told_without_its_password(target: JdbcTarget, spark: SparkSession) -> None:
    options = {
        "url": "jdbc:postgresql://127.0.0.1:1/x",
        "user": "u",
        "password": "hush",
        "driver": "org.postgresql.Driver",
    }
    target.project.with_output("t", format="jdbc", options={**options, "dbtable": "t"})
    with pytest.raises(WriteError, match="could not reach the database") as caught:
        target.publish(spark.range(1), "run1")
    assert "hush" not in str(caught.value)
