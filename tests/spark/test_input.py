"""Inputs: where they are looked for, what bounds them, and how failures are told."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import ReadError, UnknownNameError
from tauro.io import InputLoader
from tauro.model import InputSpec, Window
from tauro.model.entry import Source
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
WEEK = {"start_date": "2013-01-01", "end_date": "2013-01-07"}
HOURS = {"start_date": "2013-01-01T06:00:00", "end_date": "2013-01-07T18:00:00"}


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> IoProject:
    return IoProject(tmp_path, spark)


def text(project: IoProject, name: str, content: str) -> str:
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return name


def test_inputs_come_in_configured_order_inline_and_by_keyword(project: IoProject) -> None:
    project.with_input("b", path=text(project, "b.csv", "x\n1\n"), options={"header": True})
    project.with_input("a", path=text(project, "a.txt", "line\n"))
    loader = InputLoader(project)
    inline = {"path": text(project, "c.json", '{"z": 1}')}
    frames = loader.load_inputs({"input": ["b", "a", inline, InputSpec.parse("d", {"path": "a.txt"})]})
    assert [frame.columns for frame in frames if frame is not None] == [["x"], ["value"], ["z"], ["value"]]
    by_name = loader.load_inputs({"input": {"second": "a", "first": "b"}})
    assert [frame.columns for frame in by_name if frame is not None] == [["value"], ["x"]]
    assert loader.load_inputs({}) == []
    with pytest.raises(UnknownNameError, match="did you mean"):
        loader.load_inputs({"input": ["bb"]})


@pytest.mark.parametrize(
    ("kind", "texts", "window", "kept"),
    [
        ("date", ["2012-12-31", "2013-01-01", "2013-01-07", "2013-01-08"], WEEK, [1, 2]),
        (
            "timestamp",
            ["2012-12-31 23:59:59.999999", "2013-01-01 00:00:00", "2013-01-07 23:59:59.999999", "2013-01-08 00:00:00"],
            WEEK,
            [1, 2],
        ),
        (
            "timestamp_ntz",
            ["2012-12-31 23:59:59.999999", "2013-01-01 00:00:00", "2013-01-07 23:59:59.999999", "2013-01-08 00:00:00"],
            WEEK,
            [1, 2],
        ),
        ("string", ["2012-12-31", "2013-01-01", "2013-01-07", "2013-01-08"], WEEK, [1, 2]),
        (
            "string",
            ["2012-12-31T23:59", "2013-01-01 00:00", "2013-01-07T23:59:59.9Z", "2013-01-08T00:00"],
            WEEK,
            [1, 2],
        ),
        (
            "string",
            [
                "2012-12-31T23:30:00-01:00",
                "2013-01-01T00:30:00+01:00",
                "2013-01-08T00:30:00+0100",
                "2013-01-07T23:30:00-01:00",
            ],
            WEEK,
            [0, 2],
        ),
        (
            "timestamp",
            ["2013-01-01 05:59:59", "2013-01-01 06:00:00", "2013-01-07 17:59:59", "2013-01-07 18:00:00"],
            HOURS,
            [1, 2],
        ),
        ("string", ["2013-01-01", "2013-01-01T06:00", "2013-01-07 17:59:59.9", "2013-01-07 18:00"], HOURS, [1, 2]),
        ("date", ["2013-01-01", "2013-01-02", "2013-01-07", "2013-01-08"], HOURS, [1, 2]),
    ],
)  # fmt: skip
def test_the_window_filters_exactly(
    project: IoProject, spark: SparkSession, kind: str, texts: list[str], window: dict[str, str], kept: list[int]
) -> None:
    rows = [(at, text) for at, text in enumerate(texts)] + [(9, None)]
    frame = spark.createDataFrame(rows, "id int, at string").selectExpr("id", f"cast(at as {kind}) as at")
    frame.write.parquet(str(project.root / "t"))
    project.with_input("t", path="t", window_column="AT")
    assert [row[0] for row in project.rows(**window)] == kept
    assert len(project.rows()) == 5


def test_the_window_means_the_same_in_every_time_zone(project: IoProject, spark: SparkSession) -> None:
    spark.range(48).selectExpr("timestamp_seconds(1356998400 + id * 3600 - 43200) as at").write.parquet(
        str(project.root / "t")
    )
    project.with_input("t", path="t", window_column="at")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        frame = project.read(start_date="2013-01-01", end_date="2013-01-01")
        assert frame is not None
        assert frame.count() == 24
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_the_window_is_the_nodes_or_the_projects(project: IoProject, spark: SparkSession) -> None:
    spark.sql("select explode(sequence(date'2013-01-01', date'2013-01-31')) as day").write.parquet(
        str(project.root / "t")
    )
    project.with_input("t", path="t", window_column="day")
    project.settings = project.settings.model_copy(update={"start_date": "2013-01-01", "end_date": "2013-01-02"})
    assert len(project.rows()) == 2
    project.window = Window.parse("2013-01-01", "2013-01-05")
    assert len(project.rows()) == 5
    assert len(project.rows(start_date="2013-01-04", end_date="2013-01-04")) == 1


@pytest.mark.parametrize(("column", "message"), [("dya", r"did you mean 'day'"), ("n", "'n' is integer")])
def test_a_window_column_that_cannot_be_one_is_an_error(
    project: IoProject, spark: SparkSession, column: str, message: str
) -> None:
    spark.sql("select date'2013-01-01' as day, 1 as n").write.parquet(str(project.root / "t"))
    project.with_input("t", path="t", window_column=column)
    with pytest.raises(ReadError, match=message):
        project.read(**WEEK)


def test_filters_reach_the_partitions_and_the_files(project: IoProject, spark: SparkSession) -> None:
    project.write(
        spark.sql("select id, concat('p', id % 4) as part from range(100)"), "o", path="t", partition_by=["part"]
    )
    project.with_input("t", path="t", partition_filter="part = 'p1' and id > 50")
    frame = project.read()
    assert frame is not None
    plan = frame._jdf.queryExecution().executedPlan().toString()
    assert "PartitionFilters: [isnotnull(part" in plan
    assert "GreaterThan(id,50)" in plan
    assert frame.count() == 12
    project.with_input("bad", path="t", partition_filter="nope = 1")
    with pytest.raises(ReadError, match="partition_filter 'nope = 1'"):
        project.read("bad")


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"path": "none.csv"}, None),
        ({"path": "none/*.csv"}, None),
        ({"path": "none", "format": "delta"}, None),
        ({"path": "t", "format": "delta"}, {"t/x.txt": "no table"}),
        ({"table": "tauro_none"}, None),
        ({"query": "select * from tauro_none"}, None),
        ({"format": "memory"}, None),
    ],
)
def test_optional_stands_for_what_does_not_exist(
    project: IoProject, fields: dict[str, Any], content: dict[str, str] | None
) -> None:
    for name, inside in (content or {}).items():
        text(project, name, inside)
    project.with_input("t", **fields, optional=True)
    assert project.read() is None
    project.inputs["t"] = InputSpec.parse("t", fields, Source("config/inputs.yml", 7))
    with pytest.raises(ReadError, match=r"config/inputs.yml:7  input 't'.*does not exist") as caught:
        project.read()
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "empty", "format": "parquet"},
        {"path": "broken.parquet"},
        {"path": ["there.csv", "none.csv"]},
        {"path": "there.csv", "schema": "a nonsense"},
        {"path": "there.csv", "schema": "none.ddl"},
        {"path": "there.csv", "options": {"mode": "nonsense"}, "schema": "a int", "partition_filter": "b = 1"},
        {"query": "select nope from there"},
        {"path": "delta", "options": {"versionAsOf": 99}, "format": "delta"},
    ],
)  # fmt: skip
def test_optional_stands_for_nothing_else(project: IoProject, spark: SparkSession, fields: dict[str, Any]) -> None:
    (project.root / "empty").mkdir()
    text(project, "broken.parquet", "this is no parquet")
    project.with_input("there", path=text(project, "there.csv", "1\n"))
    spark.range(1).write.format("delta").save(str(project.root / "delta"))
    project.with_input("t", **fields, optional=True)
    with pytest.raises(ReadError):
        project.read()


def test_globs_lists_and_names_that_look_like_globs(project: IoProject) -> None:
    for name in ("2013/a.csv", "2013/b.csv", "2014/a.csv", "odd/{x}[1].csv"):
        text(project, name, f"{name}\n")
    project.with_input("g", path="{2013,2014}/a*.csv").with_input("l", path=["2013/*", "2014/a.csv"], format="csv")
    project.with_input("o", path="odd/{x}[1].csv")
    assert project.rows("g") == [("2013/a.csv",), ("2014/a.csv",)]
    assert len(project.rows("l")) == 3
    assert project.rows("o") == [("odd/{x}[1].csv",)]


def test_schemas_are_text_or_files(project: IoProject, spark: SparkSession) -> None:
    schema = spark.sql("select 1L as a, 'x' as b").schema
    text(project, "s/one.ddl", "a bigint,\nb string\n")
    text(project, "s/two.json", schema.json())
    text(project, "d.csv", "7,x\n")
    for given in ("a bigint, b string", "s/one.ddl", "s/two.json"):
        project.with_input("t", path="d.csv", schema=given)
        assert project.rows() == [(7, "x")]


def test_xml_text_and_orc_are_read(project: IoProject, spark: SparkSession) -> None:
    text(project, "d.xml", "<r><row><a>1</a></row><row><a>2</a></row></r>")
    project.with_input("x", path="d.xml", options={"rowTag": "row"})
    assert project.rows("x") == [(1,), (2,)]
    text(project, "d.txt", "one\ntwo")
    project.with_input("t", path="d.txt", options={"wholetext": True})
    assert project.rows("t") == [("one\ntwo",)]
    spark.range(2).write.orc(str(project.root / "t.orc"))
    project.with_input("o", path="t.orc")
    assert project.rows("o") == [(0,), (1,)]


def test_a_query_sees_the_inputs_it_names_and_nothing_is_left(project: IoProject, spark: SparkSession) -> None:
    project.with_input("bronze.a", path=text(project, "a.csv", "1,x\n2,y\n"), schema="id int, v string")
    project.with_input(
        "b", path=text(project, "b.csv", "2,2013-01-01\n1,2014-01-01\n"), schema="id int, day date", window_column="day"
    )
    query = "with j as (select * from bronze_a join b using (id)) select * from j order by v desc; -- done"
    project.with_input("q", query=query)
    assert project.rows("q", **WEEK) == [(2, "y", date(2013, 1, 1))]
    assert len(project.rows("q")) == 2
    assert [table.name for table in spark.catalog.listTables("global_temp")] == []
    project.with_input("loop", query="select * from pool").with_input("pool", query="select * from loop")
    with pytest.raises(ReadError, match="read each other: loop -> pool -> loop"):
        project.read("loop")


def test_an_output_is_read_with_its_known_schema_without_a_job(project: IoProject, spark: SparkSession) -> None:
    frame = spark.sql("select '01' as part, id, 'x' as v from range(3)")
    result = project.write(frame, path="t", partition_by=["part"])
    tracker = spark.sparkContext.statusTracker()
    before = set(tracker.getJobIdsForGroup(None))
    spec = project.outputs["t"].model_copy(update={"path": str(project.root / "t"), "format": "parquet"})
    back = InputLoader(project).load_output(spec, result.schema)
    assert back.columns == ["part", "id", "v"]
    assert back.schema["part"].dataType.simpleString() == "string"
    project.with_input("again", path="t")
    assert project.read("again") is not None
    assert set(tracker.getJobIdsForGroup(None)) == before
    assert {row[0] for row in project.rows("again")} == {"01"}
    assert json.loads((project.root / "t/_tauro.json").read_text())["partition_by"] == ["part"]


def test_database_tables_and_queries_are_read_in_parts(project: IoProject, spark: SparkSession, postgres: Any) -> None:
    postgres.execute(
        "drop table if exists reads; create table reads as "
        "select n as id, timestamp '2013-01-01' + n * interval '1 day' as at from generate_series(0, 99) n"
    )
    login = {"url": postgres.jdbc_url, "user": postgres.user, "password": postgres.password}
    login |= {"driver": "org.postgresql.Driver"}
    parts = {"partitionColumn": "id", "lowerBound": 0, "upperBound": 100, "numPartitions": 4}
    project.with_input("t", format="jdbc", options={**login, "dbtable": "reads", **parts}, window_column="at")
    frame = project.read(**WEEK)
    assert frame is not None
    assert frame.rdd.getNumPartitions() == 4
    assert sorted(row[0] for row in frame.collect()) == list(range(7))
    assert "GreaterThanOrEqual(at" in frame._jdf.queryExecution().executedPlan().toString()
    project.with_input("q", format="jdbc", options={**login, "query": "select max(id) as m from reads"})
    assert project.rows("q") == [(99,)]
    project.with_input("none", format="jdbc", options={**login, "dbtable": "no_such"}, optional=True)
    assert project.read("none") is None
    project.with_input(
        "denied", format="jdbc", options={**login, "dbtable": "reads", "password": "wrong"}, optional=True
    )
    with pytest.raises(ReadError) as caught:
        project.read("denied")
    assert "wrong" not in str(caught.value)


def test_timestamps_of_a_marked_csv_keep_their_micros(project: IoProject, spark: SparkSession) -> None:
    project.write(spark.sql("select timestamp'2013-01-01 01:02:03.000004' as at"), path="t.csv")
    project.with_input("t2", path="t.csv")
    assert project.rows("t2") == [(datetime(2013, 1, 1, 1, 2, 3, 4),)]
