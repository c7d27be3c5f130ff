"""JDBC outputs whose process, connection or table is lost, on a real PostgreSQL: nothing twice, nothing left."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import WriteError
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import WriteRequest
from tauro.io.recorded import as_record, staged_from
from tauro.model import Window
from tauro.storage.steps import watch
from tests.support.io_project import IoProject
from tests.support.jdbc_target import JdbcTarget, drop_stage, left_stages
from tests.support.second_python import in_second_python

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


@pytest.fixture
def target(tmp_path: Path, spark: SparkSession, postgres: Any) -> JdbcTarget:
    return JdbcTarget(IoProject(tmp_path, spark), postgres)


@pytest.fixture
def filled(target: JdbcTarget) -> Iterator[JdbcTarget]:
    """A table with one old row, which the output overwrites."""
    target.server.execute(f"create table {target.table} (id bigint); insert into {target.table} values (7)")
    target.declare()
    yield target
    watch(None)


def test_a_record_is_published_once_however_often_it_is_asked(filled: JdbcTarget, spark: SparkSession) -> None:
    staged, record = filled.stage(spark.range(3))
    assert staged.is_durable
    assert filled.server.password not in json.dumps(record)
    results = [filled.again(record).publish(), staged.publish(), filled.again(record).publish()]
    assert [(one.rows, one.is_written, one.table) for one in results] == [(3, True, filled.table)] * 3
    assert results[0].schema == spark.range(3).schema.json()
    assert filled.rows() == [(0,), (1,), (2,)]
    filled.server.execute(f"insert into {filled.table} values (9)")
    filled.again(record).publish()
    assert (9,) in filled.rows()  # what others have done since is left alone
    assert filled.again(record).undo() is False
    for _ in range(2):
        filled.again(record).discard()
    assert filled.staged() == filled.notes() == []


def test_what_was_dropped_is_published_no_more(filled: JdbcTarget, spark: SparkSession) -> None:
    staged, record = filled.stage(spark.range(3))
    assert filled.again(record).undo() is True
    filled.again(record).discard()
    for one in (staged, filled.again(record)):
        with pytest.raises(WriteError, match="is there no more"):
            one.publish()
        assert one.undo() is True
    assert filled.rows() == [(7,)]


def test_a_table_that_was_staged_and_is_gone_publishes_nothing(filled: JdbcTarget, spark: SparkSession) -> None:
    _, record = filled.stage(spark.range(3))
    filled.server.execute(f"drop table {record['staged']['stage']}")
    with pytest.raises(WriteError, match="is there no more"):
        filled.again(record).publish()
    assert filled.rows() == [(7,)]
    filled.again(record).discard()
    assert filled.notes() == []


def test_a_record_reads_as_the_frame_did(filled: JdbcTarget, spark: SparkSession) -> None:
    filled.declare(write_mode="append")
    _, record = filled.stage(spark.range(2))
    again = filled.again(record)
    rows, table = again.rows(), again.table()
    assert rows is not None
    assert table is not None
    assert sorted(row.id for row in rows.collect()) == [0, 1]
    assert sorted(row.id for row in table.collect()) == [0, 1, 7]
    again.discard()


def test_a_windowed_record_replaces_its_window_alone(target: JdbcTarget, spark: SparkSession) -> None:
    target.declare(overwrite_scope="window", window_column="at")
    hours = spark.sql(
        "select id, timestamp'2013-01-01 00:00:00' + make_interval(0,0,0,0,cast(id as int)) at from range(48)"
    )
    target.publish(hours, "run0", Window.parse("2013-01-01", "2013-01-02"))
    _, record = target.stage(hours.where("id = 30"), "run1", Window.parse("2013-01-02", "2013-01-02"))
    assert target.again(record).publish().rows == 1
    target.again(record).discard()
    assert [row[0] for row in target.rows()] == [*range(24), 30]


def test_a_table_that_was_made_and_not_filled_is_undone(target: JdbcTarget, spark: SparkSession) -> None:
    """As databases leave it that commit with every table made; PostgreSQL does not."""
    target.declare()
    _, record = target.stage(spark.range(3))
    ours = "replace(body, '\"is_target_ours\": false', '\"is_target_ours\": true')"
    target.server.execute(f"update _tauro set body = {ours} where id like 'stage %'")
    for rows, is_left in ((0, False), (1, True)):
        target.server.execute(f"create table {target.table} as select generate_series(1, {rows}) as id")
        assert target.again(record).undo() is True
        there = target.server.execute("select 1 from pg_tables where tablename = %s", (target.table,))
        assert (there != []) is is_left
    target.again(record).discard()


@pytest.mark.parametrize("mode", ["error", "ignore"])
def test_a_new_table_is_made_once_and_is_no_reason_to_refuse(
    target: JdbcTarget, spark: SparkSession, mode: str
) -> None:
    target.declare(write_mode=mode)
    frame = spark.sql("select cast(1 as int) as id, cast(2.5 as decimal(10,2)) as m, 'x' as s")
    _, record = target.stage(frame)
    assert [target.again(record).publish().rows for _ in range(2)] == [1, 1]
    target.again(record).discard()
    assert [(row[0], float(row[1]), row[2]) for row in target.rows()] == [(1, 2.5, "x")]
    types = "select data_type from information_schema.columns where table_name = %s order by ordinal_position"
    assert [one for (one,) in target.server.execute(types, (target.table,))] == ["integer", "numeric", "text"]


def test_a_table_that_somebody_made_meanwhile_is_left_alone(target: JdbcTarget, spark: SparkSession) -> None:
    records = []
    for mode in ("error", "ignore"):
        target.declare(write_mode=mode)
        records.append(target.stage(spark.range(2))[1])
    target.server.execute(f"create table {target.table} (id bigint)")
    with pytest.raises(WriteError, match="exists already"):
        target.again(records[0]).publish()
    assert [target.again(records[1]).publish().is_written for _ in range(2)] == [False, False]
    for record in records:
        target.again(record).discard()
    assert target.rows() == target.staged() == target.notes() == []


@pytest.mark.parametrize("step", ["jdbc.move", "jdbc.publish"])
def test_publishing_that_is_killed_is_done_by_the_next_process(
    filled: JdbcTarget, spark: SparkSession, step: str
) -> None:
    _, record = filled.stage(spark.range(3))
    task = {"do": "publish", "record": record, "options": filled.options}
    in_second_python(spark, task, killed_at=step)
    filled.server.end_other_connections()  # as the end of its JVM does
    assert filled.rows() == [(7,)]
    assert filled.again(record).undo() is True
    found = in_second_python(spark, task)
    assert (found["rows"], found["is_written"]) == (3, True)
    assert filled.rows() == [(0,), (1,), (2,)]
    assert filled.again(record).publish().rows == 3
    in_second_python(spark, {**task, "do": "discard"})
    assert filled.staged() == filled.notes() == []


@pytest.mark.parametrize("step", ["jdbc.drop", "jdbc.forget"])
def test_dropping_that_is_killed_is_done_by_the_next_process(
    filled: JdbcTarget, spark: SparkSession, step: str
) -> None:
    staged, record = filled.stage(spark.range(3))
    staged.publish()
    task = {"do": "discard", "record": record, "options": filled.options}
    in_second_python(spark, task, killed_at=step)
    assert filled.notes() != []
    assert filled.again(record).publish().rows == 3
    in_second_python(spark, task)
    assert filled.staged() == filled.notes() == []
    assert filled.rows() == [(0,), (1,), (2,)]


@pytest.mark.parametrize(("step", "notes", "tables"), [("jdbc.pointer", 0, 0), ("jdbc.stage", 1, 0)])
def test_what_was_staged_without_being_recorded_is_found(
    filled: JdbcTarget, spark: SparkSession, step: str, notes: int, tables: int
) -> None:
    entry = {"format": "jdbc", "options": filled.options}
    task = {"do": "stage", "entry": entry, "sql": "select * from range(3)"}
    in_second_python(spark, task, killed_at=step)
    left = left_stages(spark, filled.options, filled.table)
    assert (len(left), len(filled.staged())) == (notes, tables)
    for one in left:
        assert (one.run_id, one.node, one.output, one.target) == ("killed", "node", "t", filled.table)
        assert (one.home, one.is_published) == ("/home", False)
        drop_stage(spark, filled.options, filled.table, one.stage)
    assert filled.staged() == filled.notes() == []


def test_a_staged_table_that_nobody_knows_is_told_and_dropped(filled: JdbcTarget, spark: SparkSession) -> None:
    assert left_stages(spark, filled.options, f"information_schema.{filled.table}") == []
    entry = {"format": "jdbc", "options": filled.options}
    in_second_python(spark, {"do": "stage", "entry": entry, "sql": "select * from range(3)"})
    (one,) = left_stages(spark, filled.options, filled.table)
    assert filled.staged() == [(one.stage,)]
    for _ in range(2):
        drop_stage(spark, filled.options, filled.table, one.stage)
    assert filled.staged() == filled.notes() == []


def test_two_that_publish_at_once_publish_once(filled: JdbcTarget, spark: SparkSession) -> None:
    filled.declare(write_mode="append")
    _, record = filled.stage(spark.range(3))
    with ThreadPoolExecutor(4) as threads:
        results = [*threads.map(lambda _: filled.again(record).publish(), range(4))]
    assert [(one.rows, one.is_written) for one in results] == [(3, True)] * 4
    assert len(filled.rows()) == 4
    filled.again(record).discard()


def test_a_connection_lost_before_the_end_changes_nothing(filled: JdbcTarget, spark: SparkSession) -> None:
    _, record = filled.stage(spark.range(3))
    for step in ("jdbc.move", "jdbc.publish"):
        watch(lambda name, step=step: filled.server.end_other_connections() if name == step else None)
        with pytest.raises(WriteError, match="could not publish"):
            filled.again(record).publish()
        assert filled.rows() == [(7,)]
    watch(lambda name: filled.server.end_other_connections() if name == "jdbc.drop" else None)
    with pytest.raises(WriteError, match="could not drop"):
        filled.again(record).discard()
    watch(None)
    assert filled.again(record).publish().rows == 3
    filled.again(record).discard()
    assert filled.staged() == filled.notes() == []


def test_the_answer_to_a_commit_may_be_lost(filled: JdbcTarget, spark: SparkSession) -> None:
    """The database has done it, and could not say so: here another process has, while this one was cut off."""
    filled.declare(write_mode="append")
    _, record = filled.stage(spark.range(3))

    def cut_off(name: str) -> None:
        if name == "jdbc.publish":
            watch(None)
            filled.server.end_other_connections()
            filled.again(record).publish()

    watch(cut_off)
    assert filled.again(record).publish().rows == 3
    assert len(filled.rows()) == 4
    filled.again(record).discard()


@pytest.mark.parametrize(
    "table", ['{schema}."Odd.Name"', '"{schema}"."UPPER"', "{schema}.MiXed", '{schema}."per cent%"']
)
def test_tables_of_any_name_are_staged_beside_themselves(target: JdbcTarget, spark: SparkSession, table: str) -> None:
    schema = f"s_{uuid.uuid4().hex[:8]}"
    target.server.execute(f"create schema {schema}")
    target.table = table.format(schema=schema)
    target.declare(write_mode="append")
    _, record = target.stage(spark.range(3))
    (left,) = left_stages(spark, target.options, target.table)
    beside = "select tablename from pg_tables where schemaname = %s"
    assert {(left.stage,), ("_tauro",)} == {*target.server.execute(beside, (schema,))}
    assert target.again(record).publish().rows == 3
    target.again(record).discard()
    assert target.rows() == [(0,), (1,), (2,)]
    assert left_stages(spark, target.options, target.table) == []
    target.server.execute(f"drop schema {schema} cascade")


def test_appends_that_an_earlier_version_has_noted_count(target: JdbcTarget, spark: SparkSession) -> None:
    target.declare(write_mode="append")
    target.publish(spark.range(2), "run1")
    (id,) = target.server.execute(
        "select id from _tauro where id like 'append %%' and body like %s", (f"%{target.table}%",)
    )
    columns = "id char(64) primary key, target varchar(255), run_id varchar(255), added timestamp"
    target.server.execute(f"create table tauro_appends ({columns})")
    target.server.execute("insert into tauro_appends values (%s)", (id[0].removeprefix("append "),))
    target.server.execute("delete from _tauro where id = %s", id)
    results = [target.publish(spark.range(2), run) for run in ("run1", "run2", "run2")]
    assert [(one.rows, one.is_written) for one in results] == [(0, False), (2, True), (0, False)]
    target.server.execute("drop table tauro_appends")


def test_a_project_without_the_login_says_whose_it_is(filled: JdbcTarget, spark: SparkSession) -> None:
    url = f"{filled.server.jdbc_url}?user={filled.server.user}&password={filled.server.password}"
    filled.project.with_output("t", format="jdbc", options={"url": url, "dbtable": filled.table})
    staged, record = filled.stage(spark.range(3))
    stranger = staged_from(record, lambda: spark, {})
    for act in (stranger.publish, stranger.undo, stranger.discard):
        with pytest.raises(WriteError, match=r"login of the database jdbc:postgresql:.* is not known here") as caught:
            act()
        assert filled.server.password not in str(caught.value)
        assert "tauro recover" in (caught.value.fix or "")
    staged.discard()


def test_derby_publishes_once_too(tmp_path: Path, spark: SparkSession) -> None:
    """A database that quotes, locks and stores names in other ways than PostgreSQL."""
    options = {"url": f"jdbc:derby:{tmp_path}/base;create=true", "dbtable": "events"}
    options["driver"] = "org.apache.derby.iapi.jdbc.AutoloadedDriver"
    project = IoProject(tmp_path, spark).with_output("t", format="jdbc", options=options, write_mode="append")
    request = WriteRequest("pipe", "node", "t", output_spec_for(project, "t"), None, "run1")
    staged = OutputManager(project).stage(request, spark.range(3))
    record = as_record(request, staged)
    assert record is not None
    assert [staged_from(record, lambda: spark, options).publish().rows for _ in range(2)] == [3, 3]
    staged.discard()
    assert left_stages(spark, options, "events") == []
    assert spark.read.format("jdbc").options(**options).load().count() == 3
