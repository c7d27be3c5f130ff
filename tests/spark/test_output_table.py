"""Catalog tables as outputs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.errors import WriteError
from tauro.io import OutputManager
from tauro.io.catalog.staging import TableStaged
from tauro.io.delta.direct import StagedDirect
from tauro.io.formats import FORMATS
from tauro.io.locations import output_spec_for
from tauro.io.ports import Staged, WriteRequest
from tests.support.io_project import IoProject
from tests.support.stopping import in_single_steps

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> IoProject:
    return IoProject(tmp_path, spark)


@pytest.fixture
def name(spark: SparkSession) -> Iterator[str]:
    table = f"tauro_{uuid.uuid4().hex[:8]}"
    yield table
    spark.sql(f"DROP TABLE IF EXISTS {table}")


def test_sql_sees_the_new_rows_at_once(project: IoProject, spark: SparkSession, name: str) -> None:
    project.write(spark.range(3), table=name)
    assert spark.sql(f"select count(*) from {name}").first() == (3,)
    project.write(spark.range(5), table=name)
    assert spark.sql(f"select count(*) from {name}").first() == (5,)


def test_partitions_come_and_go_in_the_catalog(project: IoProject, spark: SparkSession, name: str) -> None:
    frame = spark.sql("select id, concat('a/', id) as part from range(3)")
    project.write(frame, table=name, partition_by=["part"], overwrite_scope="partitions")
    project.write(frame.where("id = 1").selectExpr("id + 10 as id", "part"))
    assert sorted(row[0] for row in spark.sql(f"select id from {name}").collect()) == [0, 2, 11]
    project.write(frame.where("id = 2"), table=name, partition_by=["part"])
    assert [row[0] for row in spark.sql(f"select id from {name}").collect()] == [2]
    assert spark.sql(f"show partitions {name}").count() == 1


def test_a_managed_table_of_somebody_else_is_kept_and_filled(
    project: IoProject, spark: SparkSession, name: str
) -> None:
    spark.sql(f"create table {name} (id bigint, part string) using orc partitioned by (part)")
    spark.sql(f"insert into {name} values (1, '01'), (2, '02')")
    frame = spark.sql("select '03' as part, 3L as id")
    project.write(frame, table=name, partition_by=["part"], write_mode="append")
    assert project.rows() == [(1, "01"), (2, "02"), (3, "03")]
    with pytest.raises(WriteError, match="partitioned by part, the output by nothing"):
        project.write(frame, table=name, write_mode="append")
    with pytest.raises(WriteError, match="the catalog manages it"):
        project.write(frame, table=name, partition_by=["part"], schema_evolution=True)
    project.write(frame, table=name, partition_by=["part"])
    assert project.rows() == [(3, "03")]


def test_a_declared_table_without_rows_has_columns_to_fit(project: IoProject, spark: SparkSession, name: str) -> None:
    spark.sql(f"create table {name} (id bigint, v string) using parquet")
    with pytest.raises(WriteError, match="missing: v"):
        project.write(spark.range(1), table=name)
    project.write(spark.sql("select 'x' as v, 1L as id"), table=name)
    assert spark.sql(f"select id, v from {name}").collect() == [(1, "x")]


def test_a_delta_table_is_merged_by_its_name(project: IoProject, spark: SparkSession, name: str) -> None:
    project.write(spark.range(3), table=name, write_mode="merge", keys=["id"], options={"provider": "delta"})
    assert project.write(spark.range(2, 5)).rows == 3
    assert spark.sql(f"select count(*) from {name}").first() == (5,)
    project.with_input("old", table=name, options={"versionAsOf": 0})
    assert len(project.rows("old")) == 3


def request_for(project: IoProject, **fields: object) -> WriteRequest:
    return WriteRequest("pipe", "node", "t", output_spec_for(project.with_output("t", **fields), "t"), None, "run")


def staged_for(project: IoProject, frame: DataFrame, **fields: object) -> Staged:
    return OutputManager(project).stage(request_for(project, **fields), frame)


def recalled_of(staged: Staged, project: IoProject, **fields: object) -> Callable[[], Staged]:
    """Finds what is staged as other processes would."""
    record = json.loads(json.dumps(staged.record()))
    return lambda: FORMATS["table"].staged_from(lambda: project.spark, request_for(project, **fields), record)


def test_undoing_the_write_that_made_a_table_takes_it_out_of_the_catalog(
    project: IoProject, spark: SparkSession, name: str
) -> None:
    staged = staged_for(project, spark.sql("select 'p' as part, 1L as id"), table=name, partition_by=["part"])
    for read in (staged.table(), staged.rows()):
        assert read is not None
        assert (read.columns, read.collect()) == (["id", "part"], [(1, "p")])
    for _ in range(2):
        assert [staged.publish().rows, staged.publish().rows] == [1, 1]
        assert spark.table(name).collect() == [(1, "p")]
        assert [staged.undo(), staged.undo()] == [True, True]
        assert not spark.catalog.tableExists(name)
    staged.discard()
    project.write(spark.range(1), table=name)
    assert spark.table(name).columns == ["id"]


def test_a_table_that_the_catalog_refuses_leaves_no_data(
    project: IoProject, spark: SparkSession, name: str, tmp_path: Path
) -> None:
    staged = staged_for(project, spark.range(3), table=name)
    spark.sql(f"create table {name} (other string) using parquet location '{tmp_path / 'elsewhere'}'")
    with pytest.raises(WriteError, match="the catalog does not take the table"):
        staged.publish()
    staged.discard()
    assert spark.table(name).columns == ["other"]
    warehouse = spark.sql("describe database extended default").where("info_name = 'Location'").first()
    assert warehouse is not None
    assert not Path(warehouse["info_value"].removeprefix("file:"), name).exists()


def test_undoing_puts_rows_and_columns_back(project: IoProject, spark: SparkSession, name: str) -> None:
    project.write(spark.sql("select 1L as id, 'a' as part"), table=name, partition_by=["part"])
    wider = spark.sql("select 2L as id, 'more' as extra, 'b' as part")
    staged = staged_for(project, wider, table=name, partition_by=["part"], schema_evolution=True)
    staged.publish()
    assert spark.table(name).columns == ["id", "extra", "part"]
    assert staged.undo()
    assert spark.sql(f"select * from {name}").collect() == [(1, "a")]
    assert spark.sql(f"show partitions {name}").collect() == [("part=a",)]
    staged.discard()


def test_an_append_to_a_table_replaces_its_own(project: IoProject, spark: SparkSession, name: str) -> None:
    for start in (0, 5):
        window = ("2013-01-01", "2013-01-01")
        project.write(spark.range(start, start + 2), table=name, write_mode="append", window=window)
    assert sorted(spark.table(name).collect()) == [(5,), (6,)]


def test_a_table_is_published_and_taken_back_by_processes_that_each_die_after_one_step(
    project: IoProject, spark: SparkSession, name: str
) -> None:
    fields = {"table": name, "partition_by": ["part"], "schema_evolution": True}
    staged = staged_for(project, spark.sql("select 1L as id, 'a' as part"), **fields)
    recalled = recalled_of(staged, project, **fields)
    assert staged.is_durable
    assert recalled().is_durable
    for _ in range(2):
        read = recalled().table()
        assert read is not None
        assert read.collect() == [(1, "a")]
        result, steps = in_single_steps(lambda: recalled().publish())
        assert steps[-2:] == ["catalog.create", "catalog.repair"]
        assert result == recalled().publish() == staged.publish()
        assert spark.table(name).collect() == [(1, "a")]
        assert in_single_steps(lambda: recalled().undo())[0]
        assert recalled().undo()
        assert not spark.catalog.tableExists(name)
    recalled().publish()
    spark.sql(f"drop table {name}")
    recalled().publish()
    recalled().discard()
    wider = staged_for(project, spark.sql("select 2L as id, 'more' as extra, 'b' as part"), **fields)
    again = recalled_of(wider, project, **fields)
    for _ in range(2):
        in_single_steps(lambda: again().publish())
        assert spark.sql(f"select id, extra, part from {name}").collect() == [(2, "more", "b")]
        assert in_single_steps(lambda: again().undo())[0]
        assert spark.sql(f"select * from {name}").collect() == [(1, "a")]
    again().discard()


def test_a_process_that_finds_a_foreign_table_of_the_name_lets_it_be(
    project: IoProject, spark: SparkSession, name: str, tmp_path: Path
) -> None:
    fields = {"table": name, "write_mode": "error"}
    recalled = recalled_of(staged_for(project, spark.range(3), **fields), project, **fields)
    spark.sql(f"create table {name} (other string) using parquet location '{tmp_path / 'elsewhere'}'")
    with pytest.raises(WriteError, match="exists by now"):
        recalled().publish()
    assert recalled().undo()
    recalled().discard()
    assert spark.table(name).columns == ["other"]


def test_a_delta_table_that_was_written_but_not_told_to_the_catalog_is_told(
    project: IoProject, spark: SparkSession, name: str
) -> None:
    fields = {"table": name, "options": {"provider": "delta"}}
    staged = staged_for(project, spark.range(3), **fields)
    recalled = recalled_of(staged, project, **fields)
    assert not staged.is_durable
    assert recalled().undo()
    with pytest.raises(WriteError, match="only in the process that died"):
        recalled().publish()
    assert isinstance(staged, TableStaged)
    direct = staged.inner
    assert isinstance(direct, StagedDirect)
    direct.place = replace(direct.place, new_table=None)  # Delta writes the log first
    direct.publish()
    assert not spark.catalog.tableExists(name)
    result, steps = in_single_steps(lambda: recalled().publish())
    assert (result.rows, result.table, steps) == (3, name, ["catalog.create"])
    assert recalled().publish() == result
    assert spark.table(name).count() == 3
    assert not recalled().undo()
