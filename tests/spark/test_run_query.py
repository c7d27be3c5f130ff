"""One query over named frames."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from tauro.io.sql import run_query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_values_are_bound_and_never_pasted(spark: SparkSession) -> None:
    frames = {"t": spark.sql("select id, date'2013-01-01' + cast(id as int) as day from range(5)")}
    text = "select :word as w, id from t where day >= :start_date and array_contains(:ids, id) -- :none"
    params = {"word": "a' or '1'='1 ${x} :y", "start_date": date(2013, 1, 2), "ids": [0, 1, 2], "unused": object()}
    assert run_query(spark, text, frames, params).orderBy("id").collect() == [(params["word"], 1), (params["word"], 2)]


@pytest.mark.parametrize(
    "text",
    [
        "select id from t order by id desc",
        "with t2 as (select * from t) select id from t2 order by id desc;",
        "select id from t -- a comment\n order by id desc /* at the end */ ; -- and more\n",
        "select id from (select id from t) union all select id from t where false order by id desc",
    ],
)
def test_the_order_is_kept(spark: SparkSession, text: str) -> None:
    frame = run_query(spark, text, {"t": spark.range(200).repartition(4)}, {})
    assert [row[0] for row in frame.collect()] == list(reversed(range(200)))
    assert [row[0] for row in frame.limit(2).collect()] == [199, 198]


def test_frames_outlive_their_views_and_views_their_failures(spark: SparkSession) -> None:
    frame = run_query(
        spark, "select * from `a-b` join c using (id)", {"a-b": spark.range(3), "c": spark.range(2, 9)}, {}
    )
    with pytest.raises(Exception, match="UNRESOLVED_COLUMN"):
        run_query(spark, "select nope from t", {"t": spark.range(1)}, {})
    assert list(spark.catalog.listTables("global_temp")) == []
    assert frame.collect() == [(2,)]


def test_nothing_but_a_query_can_run(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="PARSE_SYNTAX_ERROR"):
        run_query(spark, "create table tauro_never as select 1", {}, {})
    assert not spark.catalog.tableExists("tauro_never")


def test_without_frames_a_query_stands_alone(spark: SparkSession) -> None:
    assert run_query(spark, "values (1), (2)", {}, {}).count() == 2
