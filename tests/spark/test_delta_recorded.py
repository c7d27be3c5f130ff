"""Delta outputs that one process stages, and others publish, take back or drop from the record of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import ConflictError, WriteError
from tauro.io.delta.commit import StagedCommit
from tauro.io.delta.direct import StagedDirect
from tauro.io.delta.new import StagedNew
from tauro.io.formats import FORMATS
from tests.support.delta_process import TABLES
from tests.support.delta_table import AFTER, BEFORE, COLUMNS, MODES, NEW, DeltaTable, delta_table, sorted_rows
from tests.support.second_python import in_second_python
from tests.support.stopping import in_single_steps

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
AGAIN = "append again"
STEPWISE = {kind: MODES[kind] for kind in ("window on a partition", "merge")} | {AGAIN: MODES["append"]}
"""One of each way to commit; the others are tried in one piece."""


@pytest.fixture
def table(tmp_path: Path, spark: SparkSession) -> DeltaTable:
    return delta_table(tmp_path, spark)


@pytest.mark.parametrize("kind", STEPWISE)
def test_a_late_commit_is_published_and_taken_back_by_processes_that_each_die_after_one_step(
    table: DeltaTable, kind: str
) -> None:
    fields = STEPWISE[kind]
    partition_by = fields.get("partition_by", ())
    table.made(partition_by)
    before, after = sorted(BEFORE), sorted(AFTER["append" if kind == AGAIN else kind])
    if kind == AGAIN:
        earlier = (5, "2013-01-05", "earlier")
        table.write(table.frame([earlier]), **fields)
        before = sorted([*BEFORE, earlier])
    files = table.data_files()
    staged = table.stage(table.frame(NEW), **fields)
    assert isinstance(staged, StagedCommit)
    record = staged.record()
    staged.release()

    def recalled() -> StagedCommit:
        found = table.recalled(record, **fields)
        assert isinstance(found, StagedCommit)
        return found

    def check_staged() -> None:
        """What was staged can be read, and nobody else sees it."""
        found = recalled()
        assert table.rows() == before
        assert sorted_rows(found.table()) == after
        if kind == "merge":
            assert found.rows() is None
        else:
            assert sorted_rows(found.rows()) == sorted(NEW)

    assert staged.is_durable
    assert recalled().is_durable
    check_staged()
    with pytest.raises(SystemExit):
        _publish_until("delta.commit", recalled())
    assert table.data_files() != files
    assert in_single_steps(lambda: recalled().undo())[0]
    assert table.data_files() == files
    result, steps = in_single_steps(lambda: recalled().publish())
    assert result == recalled().publish() == staged.publish()
    assert (result.rows, result.schema, set(steps)) == (2, record["schema"], {"delta.move", "delta.commit"})
    assert table.rows() == after
    assert in_single_steps(lambda: recalled().undo()) == (True, ["delta.undo"])
    assert recalled().undo()
    assert table.rows() == before
    assert sorted_rows(recalled().table()) == after
    assert recalled().publish() == result
    assert table.rows() == after
    table.intrude([(7, "2013-01-07", "theirs")])
    assert not recalled().undo()
    in_single_steps(lambda: _without_session(table, record, fields).discard())
    recalled().discard()
    assert len(table.rows()) == len(after) + 1
    assert not table.leftovers()
    operation = "MERGE" if kind == "merge" else "WRITE"
    *_, (published, note), (taken_back, _), (again, _), _ = table.history()
    assert [published, taken_back, again] == [operation, "RESTORE", operation]
    assert (note["tauro_run_id"], note["pipeline"], note["node"], note["output"]) == ("run", "pipe", "node", "t")
    assert note["write"] == record["write"]


@pytest.mark.parametrize("kind", sorted(MODES.keys() - STEPWISE.keys() - {"append"}))
def test_a_late_commit_is_read_published_and_taken_back_from_its_record(table: DeltaTable, kind: str) -> None:
    fields = MODES[kind]
    table.made(fields.get("partition_by", ()))
    record = table.stage(table.frame(NEW), **fields).record() or {}
    found = table.recalled(record, **fields)
    assert (sorted_rows(found.table()), sorted_rows(found.rows())) == (sorted(AFTER[kind]), sorted(NEW))
    assert table.rows() == sorted(BEFORE)
    result = found.publish()
    assert result == table.recalled(record, **fields).publish()
    assert result.rows == 2
    assert table.rows() == sorted(AFTER[kind])
    assert table.recalled(record, **fields).undo()
    assert table.rows() == sorted(BEFORE)
    found.discard()
    assert not table.leftovers()


def _without_session(table: DeltaTable, record: Any, fields: Any) -> Any:
    def session() -> SparkSession:
        raise AssertionError("no Spark is needed")

    return FORMATS["delta"].staged_from(session, table.request(**fields), record)


def _publish_until(name: str, staged: StagedCommit) -> None:
    from tauro.storage.steps import watch

    def stop(step: str) -> None:
        if step == name:
            raise SystemExit

    watch(stop)
    try:
        staged.publish()
    finally:
        watch(None)


def test_a_new_table_is_put_and_taken_away_by_others(table: DeltaTable) -> None:
    staged = table.stage(table.frame(NEW), partition_by=["day"])
    assert isinstance(staged, StagedNew)
    assert not table.path.exists()
    record = staged.record()

    def recalled() -> Any:
        return table.recalled(record, partition_by=["day"])

    assert recalled().undo()
    for _ in range(2):
        found = recalled()
        assert sorted_rows(found.table()) == sorted_rows(found.rows()) == sorted(NEW)
        result, steps = in_single_steps(lambda: recalled().publish())
        assert steps == ["delta.put"]
        assert result == recalled().publish() == staged.publish()
        assert result.rows == 2
        assert table.rows() == sorted(NEW)
        assert in_single_steps(lambda: recalled().undo()) == (True, ["delta.undo"])
        assert recalled().undo()
        assert not table.path.exists()
    recalled().publish()
    table.intrude([(7, "2013-01-07", "theirs")])
    assert not recalled().undo()
    assert len(table.rows()) == 3
    _without_session(table, record, {"partition_by": ["day"]}).discard()
    assert not table.leftovers()


def test_of_two_that_make_a_table_the_second_is_refused(table: DeltaTable) -> None:
    staged = table.stage(table.frame(NEW))
    table.made()
    with pytest.raises(ConflictError, match="made by somebody else"):
        staged.publish()
    assert table.recalled(staged.record() or {}).undo()
    in_single_steps(lambda: table.recalled(staged.record() or {}).discard())
    with pytest.raises(ConflictError, match="made by somebody else"):
        staged.publish()
    assert table.rows() == sorted(BEFORE)
    assert not table.leftovers()


def test_what_was_dropped_is_not_published_nor_is_anything_to_another_table(table: DeltaTable) -> None:
    staged = table.stage(table.frame(NEW))
    staged.discard()
    with pytest.raises(WriteError, match="is gone"):
        staged.publish()
    table.made()
    late = table.stage(table.frame(NEW), **MODES["merge"])
    late.discard()
    with pytest.raises(WriteError, match="is gone"):
        table.recalled(late.record() or {}, **MODES["merge"]).publish()
    other = table.stage(table.frame(NEW), **MODES["append"])
    shutil.rmtree(table.path)
    table.forget().made()
    with pytest.raises(ConflictError):
        table.recalled(other.record() or {}, **MODES["append"]).publish()
    other.discard()
    assert table.rows() == sorted(BEFORE)
    assert not table.leftovers()


def test_what_is_written_directly_is_told_by_its_note(table: DeltaTable) -> None:
    table.spark.sql(f"CREATE TABLE {table.sql_name} ({COLUMNS}) USING delta CLUSTER BY (id)")
    staged = table.stage(table.frame(NEW))
    assert isinstance(staged, StagedDirect)
    assert not staged.is_durable
    record = staged.record()
    recalled = table.recalled(record)
    assert recalled.rows() is None
    assert recalled.undo()
    for read in (recalled.publish, recalled.table):
        with pytest.raises(WriteError, match="only in the process that died"):
            read()
    result = staged.publish()
    assert result.rows == 2
    assert result == table.recalled(record).publish() == staged.publish()
    assert table.rows() == sorted(NEW)
    assert in_single_steps(lambda: table.recalled(record).undo()) == (True, ["delta.restore"])
    assert table.recalled(record).undo()
    assert table.rows() == []
    with pytest.raises(WriteError, match="only in the process that died"):
        table.recalled(record).publish()
    assert staged.publish() == result
    table.intrude(BEFORE)
    assert not table.recalled(record).undo()
    assert len(table.rows()) == 5
    assert not table.leftovers()


def test_an_append_that_was_written_directly_and_taken_back_is_appended_again(table: DeltaTable) -> None:
    table.spark.sql(f"CREATE TABLE {table.sql_name} ({COLUMNS}) USING delta CLUSTER BY (id)")
    first = table.stage(table.frame(BEFORE), **MODES["append"])
    assert first.publish().rows == 3
    assert first.undo()
    again = table.stage(table.frame(NEW), run_id="again", **MODES["append"])
    assert again.publish().rows == 2
    assert table.rows() == sorted(NEW)
    third = table.stage(table.frame(NEW), run_id="third", **MODES["append"])
    assert third.publish().is_written is False
    found = table.recalled(third.record() or {}, run_id="third", **MODES["append"])
    assert found.publish() == third.publish()
    assert table.rows() == sorted(NEW)


@pytest.mark.parametrize(("step", "times"), [("delta.commit", 3), ("delta.undo", 2)])
def test_what_a_killed_process_has_begun_is_ended_by_the_next(
    tmp_path: Path, spark: SparkSession, step: str, times: int
) -> None:
    tables = {name: delta_table(tmp_path, spark, name) for name in TABLES}
    for name, mode in list(TABLES.items())[1:]:
        tables[name].made(MODES[mode].get("partition_by", ()))
    in_second_python(spark, {"do": "publish and undo", "root": str(tmp_path)}, killed_at=step, times=times)
    tables["made"].forget()
    records = json.loads((tmp_path / "records.json").read_text())
    found = {name: tables[name].recalled(records[name], **MODES[mode]) for name, mode in TABLES.items()}
    if step == "delta.commit":
        assert {name: one.publish().rows for name, one in found.items()} == dict.fromkeys(TABLES, 2)
        assert {name: tables[name].rows() for name in TABLES} == {n: sorted(AFTER[m]) for n, m in TABLES.items()}
    else:
        assert all(one.undo() for one in reversed(found.values()))
        assert not tables["made"].path.exists()
        assert all(tables[name].rows() == sorted(BEFORE) for name in list(TABLES)[1:])
    for one in found.values():
        one.discard()
    assert not list(tmp_path.rglob("_tauro"))
