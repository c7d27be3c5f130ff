"""Delta outputs between staging and publishing: what is seen, who wins, and what a second attempt does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import ConflictError, WindowError, WriteError
from tauro.io import delta_commit
from tauro.io.delta_commit import StagedCommit
from tauro.io.delta_direct import StagedDirect
from tauro.io.delta_log import Transaction
from tauro.io.delta_new import StagedNew
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import Staged, WriteRequest
from tauro.model import Window
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
JANUARY = Window.parse("2013-01-01", "2013-01-31")
BEFORE = [(1, "2013-01-01", "old"), (2, "2013-01-02", "old"), (3, "2013-02-01", "old")]
COLUMNS = "id int, day string, v string"
MODES: dict[str, dict[str, Any]] = {
    "append": {"write_mode": "append"},
    "overwrite": {},
    "window on a partition": {"overwrite_scope": "window", "window_column": "day", "partition_by": ["day"]},
    "window on data": {"overwrite_scope": "window", "window_column": "day"},
    "partitions": {"overwrite_scope": "partitions", "partition_by": ["day"]},
    "merge": {"write_mode": "merge", "keys": ["id"]},
}
NEW = [(1, "2013-01-01", "new"), (9, "2013-01-09", "new")]
AFTER = {
    "append": [*BEFORE, *NEW],
    "overwrite": NEW,
    "window on a partition": [NEW[0], BEFORE[2], NEW[1]],
    "window on data": [NEW[0], BEFORE[2], NEW[1]],
    "partitions": [NEW[0], BEFORE[1], BEFORE[2], NEW[1]],
    "merge": [NEW[0], BEFORE[1], BEFORE[2], NEW[1]],
}


class Place:
    """One Delta table, and outputs to it."""

    def __init__(self, project: IoProject, spark: SparkSession) -> None:
        self.project = project
        self.spark = spark
        self.path = project.root / "t"
        self.sql_name = f"delta.`{self.path}`"

    def made(self, partition_by: tuple[str, ...] = (), **properties: str) -> Place:
        """Holds `BEFORE`, written past Tauro."""
        writer = self.frame(BEFORE).write.format("delta").options(**properties)
        writer.partitionBy(*partition_by).save(str(self.path))
        return self

    def frame(self, rows: list[tuple[Any, ...]], columns: str = COLUMNS) -> DataFrame:
        return self.spark.createDataFrame(rows, columns).coalesce(1)

    def stage(self, frame: DataFrame, window: Window | None = JANUARY, run_id: str = "run", **fields: Any) -> Staged:
        self.project.with_output("t", format="delta", path="t", **fields)
        request = WriteRequest("pipe", "node", "t", output_spec_for(self.project, "t"), window, run_id)
        return OutputManager(self.project).stage(request, frame)

    def write(self, frame: DataFrame, window: Window | None = JANUARY, **fields: Any) -> int | None:
        staged = self.stage(frame, window, **fields)
        try:
            return staged.publish().rows
        finally:
            staged.discard()

    def intrude(self, rows: list[tuple[Any, ...]], columns: str = COLUMNS) -> None:
        """Somebody else's append."""
        self.frame(rows, columns).write.format("delta").mode("append").save(str(self.path))

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted_rows(self.spark.read.format("delta").load(str(self.path)))

    def leftovers(self) -> list[str]:
        return [path.name for path in self.project.root.rglob("_tauro")]

    def versions(self) -> list[str]:
        history = self.spark.sql(f"DESCRIBE HISTORY {self.sql_name}").orderBy("version").collect()
        return [row["operation"] for row in history]


@pytest.fixture
def place(tmp_path: Path, spark: SparkSession) -> Place:
    return Place(IoProject(tmp_path, spark), spark)


def sorted_rows(frame: DataFrame | None) -> list[tuple[Any, ...]]:
    assert frame is not None
    return sorted((tuple(row) for row in frame.collect()), key=repr)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_staged_is_seen_only_once_it_is_published_and_can_be_taken_back(place: Place, mode: str) -> None:
    fields = MODES[mode]
    place.made(fields.get("partition_by", ()))
    staged = place.stage(place.frame(NEW), **fields)
    assert isinstance(staged, StagedCommit)
    assert place.rows() == sorted(BEFORE)
    assert sorted_rows(staged.table()) == sorted(AFTER[mode])
    assert sorted_rows(staged.rows()) == sorted(NEW)
    result = staged.publish()
    assert place.rows() == sorted(AFTER[mode])
    assert result.rows == 2
    assert staged.undo()
    assert staged.undo()
    assert place.rows() == sorted(BEFORE)
    staged.discard()
    assert place.versions() == ["WRITE", "MERGE" if mode == "merge" else "WRITE", "RESTORE"]
    assert not place.leftovers()


def test_a_new_table_appears_whole_and_is_taken_away_again(place: Place) -> None:
    staged = place.stage(place.frame(NEW), partition_by=["day"])
    assert isinstance(staged, StagedNew)
    assert not place.path.exists()
    assert sorted_rows(staged.table()) == sorted_rows(staged.rows()) == sorted(NEW)
    assert staged.publish().rows == 2
    assert staged.publish().rows == 2
    assert place.rows() == sorted(NEW)
    assert staged.undo()
    assert not place.path.exists()
    staged.discard()
    assert not place.leftovers()
    assert place.write(place.frame(BEFORE)) == 3
    assert place.rows() == sorted(BEFORE)


def test_of_two_that_make_a_table_the_second_is_refused(place: Place) -> None:
    staged = place.stage(place.frame(NEW))
    place.made()
    with pytest.raises(ConflictError, match="made by somebody else"):
        staged.publish()
    staged.discard()
    assert place.rows() == sorted(BEFORE)
    assert not place.leftovers()


def test_what_somebody_committed_since_is_not_taken_back(place: Place) -> None:
    place.made()
    staged = place.stage(place.frame(NEW))
    staged.publish()
    place.intrude([(7, "2013-01-07", "theirs")])
    assert not staged.undo()
    staged.discard()
    assert len(place.rows()) == 3


@pytest.mark.parametrize("mode", ["overwrite", "merge", "partitions", "window on a partition"])
def test_another_writer_in_between_wins(place: Place, mode: str) -> None:
    place.made(MODES[mode].get("partition_by", ()))
    staged = place.stage(place.frame(NEW), **MODES[mode])
    theirs = (7, "2013-01-07", "theirs")
    place.intrude([theirs])
    with pytest.raises(ConflictError, match=r"to version 0 of it: version 1 \(WRITE\)"):
        staged.publish()
    staged.discard()
    assert place.rows() == sorted([*BEFORE, theirs])
    assert not place.leftovers()


def test_another_window_of_a_partitioned_table_is_no_conflict(place: Place) -> None:
    place.made(("day",))
    staged = place.stage(place.frame(NEW), **MODES["window on a partition"])
    theirs = (7, "2013-03-07", "theirs")
    place.intrude([theirs])
    staged.publish()
    staged.discard()
    assert place.rows() == sorted([NEW[0], BEFORE[2], NEW[1], theirs])


def test_appends_go_side_by_side_and_the_columns_may_not_change_meanwhile(place: Place) -> None:
    place.made()
    staged = place.stage(place.frame(NEW), write_mode="append")
    place.intrude([(7, "2013-01-07", "theirs")])
    assert staged.publish().rows == 2
    staged.discard()
    assert len(place.rows()) == 6
    late = place.stage(place.frame(NEW), run_id="other", window=None, write_mode="append")
    place.spark.sql(f"ALTER TABLE {place.sql_name} ADD COLUMN more int")
    with pytest.raises(ConflictError, match="ADD COLUMNS"):
        late.publish()
    late.discard()


class Stopped(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("mode", ["append", "overwrite", "merge"])
@pytest.mark.parametrize("step", ["while moving", "before the commit", "after the commit"])
def test_a_publish_that_was_stopped_is_done_again_without_doubling_rows(
    place: Place, mode: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = MODES[mode]
    place.made(fields.get("partition_by", ()))
    staged = place.stage(place.frame(NEW), **fields)
    with monkeypatch.context() as patch:
        _stop(patch, step)
        with pytest.raises(Stopped):
            staged.publish()
    assert [staged.publish().rows for _ in range(2)] == [2, 2]
    assert len(place.versions()) == 2
    assert place.rows() == sorted(AFTER[mode])
    staged.discard()


def _stop(patch: pytest.MonkeyPatch, step: str) -> None:
    if step == "while moving":

        def stop(change: Any, target: Path) -> None:
            change.adds, left = change.adds[:1], change.adds[1:]
            move(change, target)
            change.adds += left
            raise Stopped

        move = delta_commit.move_new_files
        patch.setattr(delta_commit, "move_new_files", stop)
        return

    def commit(self: Transaction, *args: Any, **named: Any) -> int:
        if step == "after the commit":
            real(self, *args, **named)
        raise Stopped

    real: Callable[..., int] = Transaction.commit
    patch.setattr(Transaction, "commit", commit)


def test_an_append_replaces_its_window_and_those_inside(place: Place) -> None:
    def days(first: int, last: int) -> Window:
        return Window.parse(f"2013-01-{first:02}", f"2013-01-{last:02}")

    def append(ids: range, window: Window) -> int | None:
        return place.write(place.spark.range(ids.start, ids.stop), window, write_mode="append")

    assert append(range(3), days(1, 3)) == 3
    place.spark.range(100, 101).write.format("delta").mode("append").save(str(place.path))
    append(range(10, 12), days(4, 6))
    append(range(5), days(1, 3))
    assert sorted(row[0] for row in place.rows()) == [0, 1, 2, 3, 4, 10, 11, 100]
    with pytest.raises(WriteError, match=r"cuts through the window 2013-01-01 .. 2013-01-03"):
        append(range(1), days(2, 4))
    append(range(20, 21), days(1, 6))
    assert place.rows() == [(100,), (20,)]
    assert set(place.versions()) == {"WRITE"}
    assert not place.leftovers()


@pytest.mark.parametrize(
    ("change", "vectors"),
    [("OPTIMIZE {}", "false"), ("DELETE FROM {} WHERE id = 1", "false"), ("UPDATE {} SET id = 7 WHERE id = 1", "true")],
)
def test_an_append_whose_rows_were_rewritten_is_refused(place: Place, change: str, vectors: str) -> None:
    options = {"delta.enableDeletionVectors": vectors, "delta.checkpointInterval": "2"}
    frame = place.spark.range(0, 4, 1, 2)
    place.write(frame, write_mode="append", options=options)
    for _ in range(2):
        place.write(frame, write_mode="append")
    assert len(place.rows()) == 4
    place.spark.sql(change.format(place.sql_name))
    with pytest.raises(WriteError, match=rf"appended before, and version 3 \({change.split()[0]}\) has changed rows"):
        place.stage(frame, write_mode="append")
    assert not place.leftovers()


def test_appends_are_known_by_the_checkpoint_alone(place: Place) -> None:
    place.write(place.spark.range(3), write_mode="append", options={"delta.checkpointInterval": "1"})
    place.spark.range(50, 51).write.format("delta").mode("append").save(str(place.path))
    log = place.path / "_delta_log"
    assert list(log.glob("*1.checkpoint*"))
    (log / f"{0:020}.json").unlink()
    place.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    place.write(place.spark.range(7, 8), write_mode="append")
    assert place.rows() == [(50,), (7,)]


def test_a_window_is_checked_while_nobody_sees_it(place: Place) -> None:
    place.made(("day",))
    for fields in (MODES["window on a partition"], MODES["window on data"] | {"partition_by": ["day"]}):
        with pytest.raises(WindowError, match="outside the window"):
            place.stage(place.frame([(1, "2014-01-01", "new")]), **fields)
    assert not place.leftovers()
    assert place.rows() == sorted(BEFORE)


SPECIAL: dict[str, tuple[dict[str, str], list[str]]] = {
    "deletion vectors": ({"delta.enableDeletionVectors": "true"}, ["DELETE FROM {} WHERE id = 0"]),
    "column mapping": ({"delta.columnMapping.mode": "name"}, []),
    "change data feed": ({"delta.enableChangeDataFeed": "true"}, []),
    "change data feed with deletion vectors": (
        {"delta.enableChangeDataFeed": "true", "delta.enableDeletionVectors": "true"},
        ["DELETE FROM {} WHERE id = 0"],
    ),
    "check constraint": ({}, ["ALTER TABLE {} ADD CONSTRAINT positive CHECK (id >= 0)"]),
    "in-commit timestamps": ({"delta.enableInCommitTimestamps": "true"}, []),
    "row tracking": ({"delta.enableRowTracking": "true"}, []),
    "optimised writes": ({"delta.autoOptimize.autoCompact": "true", "delta.autoOptimize.optimizeWrite": "true"}, []),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_tables_hold_the_right_rows(place: Place, kind: str) -> None:
    properties, statements = SPECIAL[kind]
    frame = place.frame([*BEFORE, (0, "2013-01-01", "struck")]) if "vectors" in kind else place.frame(BEFORE)
    frame.write.format("delta").options(**properties).partitionBy("day").save(str(place.path))
    for statement in statements:
        place.spark.sql(statement.format(place.sql_name))
    before = place.rows()
    for mode in ("append", "overwrite", "window on a partition", "merge"):
        fields = MODES[mode]
        staged = place.stage(
            place.frame(NEW), **fields, **({} if "partition_by" in fields else {"partition_by": ["day"]})
        )
        assert isinstance(staged, StagedDirect) == (kind == "row tracking" and mode != "append")
        expected = sorted_rows(staged.table())
        assert sorted_rows(staged.rows()) == sorted(NEW)
        assert staged.publish().rows == 2
        assert expected == place.rows() == sorted(AFTER[mode]), mode
        assert staged.undo(), mode
        staged.discard()
        assert place.rows() == before
    if kind == "check constraint":
        with pytest.raises(WriteError, match="positive"):
            place.stage(place.frame([(-1, "2013-01-01", "new")]), partition_by=["day"])
    assert not place.leftovers()


def test_the_change_feed_tells_what_a_late_merge_did(place: Place) -> None:
    place.made(**{"delta.enableChangeDataFeed": "true"})
    place.write(place.frame(NEW), **MODES["merge"])
    feed = place.spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1)
    kinds = [row["_change_type"] for row in feed.load(str(place.path)).collect()]
    assert sorted(kinds) == ["insert", "update_postimage", "update_preimage"]


def test_generated_columns_are_checked_as_they_are_staged(place: Place) -> None:
    place.spark.sql(f"CREATE TABLE {place.sql_name} (id INT, twice INT GENERATED ALWAYS AS (id * 2)) USING delta")
    with pytest.raises(WriteError):
        place.stage(place.frame([(1, 3)], "id int, twice int"))
    place.write(place.frame([(1, 2)], "id int, twice int"))
    assert place.rows() == [(1, 2)]


def test_a_clustered_table_is_written_directly(place: Place) -> None:
    place.spark.sql(f"CREATE TABLE {place.sql_name} ({COLUMNS}) USING delta CLUSTER BY (id)")
    staged = place.stage(place.frame(NEW))
    assert isinstance(staged, StagedDirect)
    assert staged.publish().rows == 2
    assert place.rows() == sorted(NEW)
    assert staged.undo()
    assert place.rows() == []


def test_odd_partition_values_survive(place: Place) -> None:
    values = [None, "a/b", "a%2Fb", "a=b", "é ü", "a b", "x:y", "{}[]*?", "'\"", "."]
    rows = [(n, value, "v") for n, value in enumerate(values)]
    for _ in range(2):
        place.write(place.frame(rows), partition_by=["day"])
        assert place.rows() == sorted(rows, key=repr)
    place.write(place.frame(rows), write_mode="merge", keys=["id"], partition_by=["day"])
    place.write(place.frame(rows[:5]), overwrite_scope="partitions", partition_by=["day"])
    assert place.rows() == sorted(rows, key=repr)


def test_new_columns_come_with_the_commit(place: Place) -> None:
    place.made()
    more = place.frame([(1, "2013-01-01", "new", 5)], COLUMNS + ", more int")
    for fields in ({"write_mode": "append"}, {"write_mode": "merge", "keys": ["id"]}, {}):
        staged = place.stage(more, schema_evolution=True, **fields)
        if fields.get("write_mode") == "append":
            assert [len(row) for row in place.rows()] == [3, 3, 3]
            staged.publish()
            place.spark.sql(f"DELETE FROM {place.sql_name} WHERE more = 5")
        else:
            expected = sorted_rows(staged.table())
            staged.publish()
            assert place.rows() == expected
        staged.discard()
    assert place.rows() == [(1, "2013-01-01", "new", 5)]


def test_commits_bear_the_runs_note(place: Place) -> None:
    place.made()
    for mode in ("append", "merge", "overwrite"):
        place.write(place.frame(NEW), **MODES[mode])
    history = place.spark.sql(f"DESCRIBE HISTORY {place.sql_name}").orderBy("version").collect()
    notes = [json.loads(row["userMetadata"]) for row in history[1:]]
    assert [(n["tauro_run_id"], n["pipeline"], n["node"], n["output"]) for n in notes] == [
        ("run", "pipe", "node", "t")
    ] * 3
    assert len({n["write"] for n in notes}) == 3
