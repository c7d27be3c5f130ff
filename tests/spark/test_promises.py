"""What a plan says of a Delta output, without Spark, is what staging then does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.io.delta.direct import StagedDirect
from tauro.io.delta.features import LocalLog
from tauro.io.delta.log import DeltaLog
from tauro.io.promises import publishing_of
from tauro.model.plan import PublishWay
from tests.support.delta_table import MODES, NEW, DeltaTable, delta_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.matrix]

DIRECT, LATE = PublishWay.DIRECT_COMMIT, PublishWay.LATE_COMMIT


def features_by_delta(table: DeltaTable) -> set[str]:
    protocol = DeltaLog(table.spark, table.path).latest().protocol
    return {*(protocol.get("readerFeatures") or ()), *(protocol.get("writerFeatures") or ())}


def check(table: DeltaTable, way: PublishWay, **fields: Any) -> None:
    told = publishing_of(table.request(**fields).spec)
    staged = table.stage(table.frame(NEW), **fields)
    try:
        assert (told.way, isinstance(staged, StagedDirect)) == (way, way is DIRECT)
    finally:
        staged.discard()


def test_a_table_of_an_old_protocol_and_no_table_are_late(tmp_path: Path, spark: SparkSession) -> None:
    table = delta_table(tmp_path, spark)
    check(table, LATE)
    table.made()
    assert LocalLog(table.path).features == features_by_delta(table) == set()
    check(table, LATE, **MODES["append"])
    check(table, DIRECT, options={"dataChange": "false"}, **MODES["append"])


def test_features_are_read_as_delta_reads_them_and_decide_alike(tmp_path: Path, spark: SparkSession) -> None:
    vectors = delta_table(tmp_path, spark, "vectors").made(properties={"delta.enableDeletionVectors": "true"})
    tracked = delta_table(tmp_path, spark, "tracked").made(properties={"delta.enableRowTracking": "true"})
    clustered = delta_table(tmp_path, spark, "clustered")
    spark.sql(f"CREATE TABLE {clustered.sql_name} (id int, day string, v string) USING delta CLUSTER BY (id)")
    for table in (vectors, tracked, clustered):
        assert LocalLog(table.path).features == features_by_delta(table) != set()
    check(vectors, LATE)
    check(tracked, DIRECT)
    check(tracked, LATE, **MODES["append"])
    check(clustered, DIRECT, **MODES["append"])


def test_features_are_found_past_a_checkpoint(tmp_path: Path, spark: SparkSession) -> None:
    table = delta_table(tmp_path, spark).made(
        properties={"delta.enableDeletionVectors": "true", "delta.checkpointInterval": "2"}
    )
    for number in range(3):
        table.intrude([(number, "2013-01-01", "more")])
    assert (table.path / "_delta_log" / "_last_checkpoint").exists()
    assert LocalLog(table.path).features == features_by_delta(table) != set()
