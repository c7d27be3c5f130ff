"""Delta outputs between staging and publishing: who wins, and which tables and values they can be written to.

What a late commit holds, and how it is taken back, is held in `test_delta_recorded.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.errors import ConflictError, WindowError, WriteError
from tauro.io.delta.commit import StagedCommit
from tauro.io.delta.direct import StagedDirect
from tauro.io.delta.log import DeltaLog, is_conflict
from tauro.io.delta.stand_in import StandIn
from tauro.io.writing import spark_errors
from tauro.model import Window
from tests.support.delta_table import AFTER, BEFORE, COLUMNS, MODES, NEW, DeltaTable, delta_table, sorted_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture
def table(tmp_path: Path, spark: SparkSession) -> DeltaTable:
    return delta_table(tmp_path, spark)


def days(first: int, last: int) -> Window:
    return Window.parse(f"2013-01-{first:02}", f"2013-01-{last:02}")


def test_another_writer_in_between_wins(table: DeltaTable) -> None:
    table.made(("day",))
    whole = {mode: {"partition_by": ["day"], **MODES[mode]} for mode in ("overwrite", "merge")}
    modes = {**whole, **{mode: MODES[mode] for mode in ("partitions", "window on a partition")}}
    staged = [table.stage(table.frame(NEW), run_id=mode, **fields) for mode, fields in modes.items()]
    files = table.data_files()
    table.intrude([(7, "2013-01-07", "theirs")])
    theirs = table.rows()
    for one in staged:
        with pytest.raises(ConflictError, match=r"to version 0 of it: version 1 \(WRITE\)"):
            one.publish()
        assert one.undo()
        one.discard()
    assert table.rows() == theirs == sorted([*BEFORE, (7, "2013-01-07", "theirs")])
    assert len(table.data_files()) == len(files) + 1
    assert not table.leftovers()


def test_another_window_of_a_partitioned_table_and_another_append_are_no_conflict(table: DeltaTable) -> None:
    table.made(("day",))
    staged = table.stage(table.frame(NEW), **MODES["window on a partition"])
    append = table.stage(
        table.frame([(4, "2013-04-01", "new")]), run_id="append", write_mode="append", partition_by=["day"]
    )
    table.intrude([(7, "2013-03-07", "theirs")])
    assert [staged.publish().rows, append.publish().rows] == [2, 1]
    late = table.stage(table.frame(NEW), None, "other", write_mode="append", partition_by=["day"])
    table.spark.sql(f"ALTER TABLE {table.sql_name} ADD COLUMN more int")
    with pytest.raises(ConflictError, match="ADD COLUMNS"):
        late.publish()
    for one in (staged, append, late):
        one.discard()
    rows = [NEW[0], BEFORE[2], NEW[1], (7, "2013-03-07", "theirs"), (4, "2013-04-01", "new")]
    assert table.rows() == sorted((*row, None) for row in rows)


def test_a_commit_of_the_same_application_meanwhile_is_refused_and_another_is_not(table: DeltaTable) -> None:
    log = DeltaLog(table.spark, table.made().path)

    def commit_beside(application: str) -> int:
        txn = log.begin(log.latest().version)
        txn.read_application("ours")
        options = {"txnAppId": application, "txnVersion": "1"}
        table.frame(NEW).write.format("delta").mode("append").options(**options).save(str(table.path))
        noted = {"txn": {"appId": "ours", "version": 2, "lastUpdated": 0}}
        return txn.commit([], [noted], log.write_operation("Append", (), None, "note"), {})

    with pytest.raises(spark_errors()) as refused:
        commit_beside("ours")
    assert is_conflict(refused.value)
    assert commit_beside("an other, -> one") == 3
    for _ in range(2):
        assert log.latest().transactions == {"ours": 2, "an other, -> one": 1}
        (table.path / "_delta_log" / f"{3:020}.crc").unlink(missing_ok=True)
        table.forget()
        log = DeltaLog(table.spark, table.path)


def test_an_append_replaces_its_window_and_those_inside(table: DeltaTable) -> None:
    def append(ids: range, window: Window) -> int | None:
        frame = table.spark.range(ids.start, ids.stop).coalesce(1)
        return table.write(frame, window, write_mode="append", options={"delta.checkpointInterval": "1"})

    assert append(range(3), days(1, 3)) == 3
    table.spark.range(100, 101).write.format("delta").mode("append").save(str(table.path))
    append(range(10, 12), days(4, 6))
    log = table.path / "_delta_log"
    assert list(log.glob("*1.checkpoint*"))
    (log / f"{0:020}.json").unlink()  # its appends are known by the checkpoint alone
    table.forget()
    append(range(5), days(1, 3))
    assert sorted(row[0] for row in table.rows()) == [0, 1, 2, 3, 4, 10, 11, 100]
    with pytest.raises(WriteError, match=r"cuts through the window 2013-01-01 .. 2013-01-03"):
        append(range(1), days(2, 4))
    append(range(20, 21), days(1, 6))
    assert table.rows() == [(100,), (20,)]
    assert {operation for operation, _ in table.history()} == {"WRITE"}
    assert not table.leftovers()


def test_an_append_whose_rows_were_rewritten_is_refused(table: DeltaTable) -> None:
    options = {"delta.checkpointInterval": "2", "delta.enableDeletionVectors": "true"}
    changes = {
        0: ["UPDATE {} SET id = 7 WHERE id = 1"],
        10: ["ALTER TABLE {} SET TBLPROPERTIES (delta.enableDeletionVectors = false)", "DELETE FROM {} WHERE id = 11"],
        20: ["OPTIMIZE {}"],
    }
    frames = {start: table.spark.range(start, start + 4, 1, 2) for start in changes}
    windows = {start: days(start + 1, start + 2) for start in changes}
    for start, frame in frames.items():
        table.write(frame, windows[start], write_mode="append", options=options)
    for start, statements in changes.items():
        table.stage(frames[start], windows[start], write_mode="append").discard()
        for statement in statements:
            table.spark.sql(statement.format(table.sql_name))
        with pytest.raises(WriteError, match=r"appended before, and version 3 \(UPDATE\) has changed rows"):
            table.stage(frames[start], windows[start], write_mode="append")
    assert not table.leftovers()


def test_a_window_is_checked_while_nobody_sees_it(table: DeltaTable) -> None:
    table.made(("day",))
    for fields in (MODES["window on a partition"], MODES["window on data"] | {"partition_by": ["day"]}):
        with pytest.raises(WindowError, match="outside the window"):
            table.stage(table.frame([(1, "2014-01-01", "new")]), **fields)
    assert not table.leftovers()
    assert table.rows() == sorted(BEFORE)


SPECIAL: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "deletion vectors, change feed, in-commit timestamps": (
        {
            "delta.enableDeletionVectors": "true",
            "delta.enableChangeDataFeed": "true",
            "delta.enableInCommitTimestamps": "true",
        },
        ("append", "window on a partition", "merge"),
    ),
    "change feed without deletion vectors": (
        {"delta.enableChangeDataFeed": "true", "delta.enableDeletionVectors": "false"},
        ("merge",),
    ),
    "column mapping, optimised writes": (
        {
            "delta.columnMapping.mode": "name",
            "delta.autoOptimize.autoCompact": "true",
            "delta.autoOptimize.optimizeWrite": "true",
        },
        ("window on a partition",),
    ),
    "row tracking": ({"delta.enableRowTracking": "true"}, ("append", "overwrite")),
}
"""Properties, and what is done to a table that has them."""


def is_checksum_right(spark: SparkSession, folder: Path) -> bool:
    """Whether the checksum of a table's first version says what Delta computes."""
    first = DeltaLog(spark, folder).at(0).java
    return bool(first.validateChecksum(getattr(first, "validateChecksum$default$1")()))


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_tables_hold_the_right_rows(table: DeltaTable, kind: str) -> None:
    properties, modes = SPECIAL[kind]
    frame = table.frame([*BEFORE, (0, "2013-01-01", "struck")])
    frame.write.format("delta").options(**properties).partitionBy("day").save(str(table.path))
    table.spark.sql(f"DELETE FROM {table.sql_name} WHERE id = 0")
    table.spark.sql(f"ALTER TABLE {table.sql_name} ADD CONSTRAINT positive CHECK (id >= 0)")
    for mode in modes:
        staged = table.stage(table.frame(NEW), **{"partition_by": ["day"], **MODES[mode]})
        assert isinstance(staged, StagedDirect) == (kind == "row tracking" and mode != "append")
        if isinstance(staged, StagedCommit) and staged.kind is StandIn.TWIN:
            assert is_checksum_right(table.spark, staged.work)
        expected = sorted_rows(staged.table())
        assert sorted_rows(staged.rows()) == sorted(NEW)
        assert staged.publish().rows == 2
        assert expected == table.rows() == sorted(AFTER[mode]), mode
        if mode == "merge":
            version = len(table.history()) - 1
            feed = table.spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", version)
            kinds = [row["_change_type"] for row in feed.load(str(table.path)).collect()]
            assert sorted(kinds) == ["insert", "update_postimage", "update_preimage"]
        assert staged.undo(), mode
        staged.discard()
    assert table.rows() == sorted(BEFORE)
    with pytest.raises(WriteError, match="positive"):
        table.write(table.frame([(-1, "2013-01-01", "new")]), partition_by=["day"])
    assert not table.leftovers()


def test_generated_columns_are_checked_as_they_are_staged_and_numbers_go_on(table: DeltaTable) -> None:
    columns = "id INT, twice INT GENERATED ALWAYS AS (id * 2), number BIGINT GENERATED BY DEFAULT AS IDENTITY"
    table.spark.sql(f"CREATE TABLE {table.sql_name} ({columns}) USING delta")
    given = "id int, twice int, number bigint"
    with pytest.raises(WriteError):
        table.stage(table.frame([(1, 3, 7)], given))
    table.write(table.frame([(1, 2, 7)], given))
    table.intrude([(2, 4)], "id int, twice int")
    assert table.rows() == [(1, 2, 7), (2, 4, 1)]


def test_odd_partition_values_survive(table: DeltaTable) -> None:
    values = [None, "a/b", "a%2Fb", "a=b", "é ü", "a b", "x:y", "{}[]*?", "'\"", "."]
    rows = [(n, value, "v") for n, value in enumerate(values)]
    for _ in range(2):
        table.write(table.frame(rows), partition_by=["day"])
    assert table.rows() == sorted(rows, key=repr)
    merge = table.stage(table.frame(rows), write_mode="merge", keys=["id"], partition_by=["day"])
    merge.publish()
    assert table.rows() == sorted(rows, key=repr)
    assert merge.undo()
    merge.discard()
    table.write(table.frame(rows[:5]), overwrite_scope="partitions", partition_by=["day"])
    assert table.rows() == sorted(rows, key=repr)


def test_new_columns_come_and_go_with_the_commit(table: DeltaTable) -> None:
    table.made(properties={"delta.columnMapping.mode": "name"})
    more = table.frame([(1, "2013-01-01", "new", 5)], COLUMNS + ", more int")
    for fields in (MODES["append"], MODES["merge"], MODES["overwrite"]):
        staged = table.stage(more, schema_evolution=True, **fields)
        expected = sorted_rows(staged.table())
        for _ in range(2 if fields == MODES["merge"] else 1):
            staged.publish()
            assert table.rows() == expected
            assert staged.undo()
            assert table.rows() == sorted(BEFORE)
        staged.discard()
