"""What every history store does: SQLite, and a real PostgreSQL server."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tauro.errors import HistoryError, InvalidValueError, UnknownNameError
from tauro.history.layout import STEPS
from tauro.history.postgres import PostgresStore
from tauro.history.reading import History
from tauro.history.records import DIED, AttemptRecord, NodeRecord, OutputRecord, ReadRecord, RunQuery, RunRecord, stamp
from tauro.history.sqlite import SqliteStore
from tauro.history.stores import url_of
from tauro.model.events import NodeEnded, NodeStarted, RunStarted
from tauro.model.outcome import NodeResult, Status
from tauro.model.plan import Plan
from tests.unit.history.conftest import ERROR, T0, Open, events_of, rows, write


def store_class(url: str) -> type[SqliteStore] | type[PostgresStore]:
    return SqliteStore if url.startswith("sqlite:") else PostgresStore


def test_a_run_is_read_back_with_its_attempts_errors_rows_and_outputs(opened: Open, plan: Plan) -> None:
    write(opened(), events_of(plan))
    whole = History(opened(is_reader=True)).whole("r-1")
    run = whole.run
    assert (run.project, run.env, run.pipeline, run.status) == ("shop", "prod", "daily", "completed")
    assert (run.started_at, run.ended_at, run.duration_s) == (stamp(T0), stamp(T0 + 8), 4.0)
    assert (run.nodes, run.nodes_done, run.tauro_version) == (2, 2, "9.9")
    assert [(one.node, one.attempt, one.status, one.error_type, one.retry_delay_s) for one in whole.attempts] == [
        ("a", 1, "completed", None, None),
        ("b", 1, "failed", "ValueError", 2.0),
        ("b", 2, "completed", None, None),
    ]
    assert whole.attempts[1].error_cause == "Traceback\nValueError: no good"
    (output,) = whole.outputs
    assert (output.output, output.format, output.path, output.rows, output.is_written) == (
        "t",
        "parquet",
        "/out/t",
        7,
        1,
    )
    assert (output.columns_json, output.written_at, output.published_at) == (
        '{"fields":[]}',
        stamp(T0 + 6),
        stamp(T0 + 7),
    )
    assert [(one.node, one.input, one.location, one.version) for one in whole.reads] == [
        ("b", "codes", "jdbc:x#codes", None),
        ("b", "raw", "/data/raw", "12"),
    ]
    assert whole.plan is not None
    assert json.loads(whole.plan)["order"] == ["a", "b"]


def test_what_was_only_staged_has_no_time_of_publishing(opened: Open, plan: Plan) -> None:
    write(opened(), [event for event in events_of(plan) if type(event).__name__ != "OutputPublished"])
    (output,) = History(opened(is_reader=True)).whole("r-1").outputs
    assert output.published_at is None


def test_rows_written_in_two_batches_are_as_if_written_in_one(opened: Open, plan: Plan) -> None:
    events, taken, store = events_of(plan), rows(), opened()
    for number, event in enumerate(events):
        taken.add(event, T0 + number)
        store.write(taken.records(T0 + number))
        taken.written()
    by_one = History(opened(is_reader=True)).whole("r-1")
    History(store).remove([by_one.run])
    write(store, events)
    together = History(store).whole("r-1")
    assert by_one.run._replace(seen_at="") == together.run._replace(seen_at="")
    assert (by_one.attempts, by_one.nodes, by_one.outputs, by_one.reads) == (
        together.attempts,
        together.nodes,
        together.outputs,
        together.reads,
    )


def test_runs_are_found_by_pipeline_status_and_time_the_latest_first(opened: Open, plan: Plan) -> None:
    store = opened()
    for number, status in enumerate([Status.COMPLETED, Status.FAILED, Status.COMPLETED]):
        write(store, events_of(plan, f"r-{number}", to=status), T0 + 100 * number)
    history = History(store)

    def ids(query: RunQuery) -> list[str]:
        return [run.run_id for run in history.runs(query)]

    assert ids(RunQuery()) == ["r-2", "r-1", "r-0"]
    assert ids(RunQuery(limit=2)) == ["r-2", "r-1"]
    assert ids(RunQuery(statuses=("failed",))) == ["r-1"]
    assert ids(RunQuery(since=stamp(T0 + 100), until=stamp(T0 + 200))) == ["r-1"]
    assert ids(RunQuery(pipeline="weekly")) == []


def test_a_run_is_found_by_the_beginning_of_its_id_or_as_the_last(opened: Open, plan: Plan) -> None:
    store = opened()
    for number, name in enumerate(["ab-1", "ab-2", "b%c"]):
        write(store, events_of(plan, name), T0 + number)
    history = History(store)
    assert (history.find("ab-2"), history.find("b"), history.find("last")) == ("ab-2", "b%c", "b%c")
    with pytest.raises(InvalidValueError, match="2 runs begin with 'ab'"):
        history.find("ab")
    with pytest.raises(UnknownNameError, match="did you mean 'ab-1'"):
        history.find("ax-1")


def test_a_run_that_is_carried_on_keeps_its_first_attempts_and_what_was_done(opened: Open, plan: Plan) -> None:
    store = opened()
    write(store, events_of(plan, to=Status.RUNNING))
    write(store, events_of(plan), T0 + 1000)
    whole = History(store).whole("r-1")
    assert whole.run.started_at == stamp(T0)
    assert [one.status for one in whole.attempts] == ["completed", "failed", DIED, "completed", "failed", "completed"]


def test_removed_runs_leave_nothing_behind(opened: Open, plan: Plan) -> None:
    store = opened()
    write(store, events_of(plan, "old"))
    write(store, events_of(plan, "new"), T0 + 1000)
    history = History(store)
    old = history.old_runs(stamp(T0 + 500))
    assert [run.run_id for run in old] == ["old"]
    history.remove(old)
    assert store.run_ids("") == ["new"]
    for kind in [type(record) for record in rows_of(plan)]:
        assert store.records(kind, "old") == []
        assert store.records(kind, "new")


def rows_of(plan: Plan) -> list[object]:
    taken = rows()
    for event in events_of(plan):
        taken.add(event, T0)
    return list(taken.records(T0))


def test_a_run_that_goes_on_is_not_old(opened: Open, plan: Plan) -> None:
    store = opened()
    write(store, events_of(plan, to=Status.RUNNING))
    assert History(store).old_runs(stamp(T0 + 500)) == []


def test_text_that_a_database_does_not_take_is_spelled_out(opened: Open, plan: Plan) -> None:
    taken, store = rows(), opened()
    for event in events_of(plan, "r\0\ud800"):
        taken.add(event, T0)
    store.write(taken.records(T0))
    assert store.run_ids("") == ["r\\0\\ud800"]


def test_a_reader_finds_no_runs_where_there_is_no_history_and_makes_none(opened: Open, url: str) -> None:
    for _ in range(2):
        history = History(opened(is_reader=True))
        assert history.runs() == []
        with pytest.raises(UnknownNameError):
            history.find("last")
    assert url.startswith("postgresql") or not Path(url.removeprefix("sqlite:")).exists()


def test_a_history_of_version_1_is_brought_up_to_date_with_its_runs(url: str, opened: Open, plan: Plan) -> None:
    old = store_class(url)(url, is_reader=False, steps=STEPS[:1])
    columns = [name for name in RunRecord._fields if name != "user_name"]
    values = [dict.fromkeys(columns, "x") | {"run_id": "r-0", "pid": 1, "nodes": 2, "nodes_done": 0, "duration_s": 1.0}]
    text = f"insert into tauro_runs ({', '.join(columns)}) values ({', '.join('?' * len(columns))})"
    old._connection.execute(old._sql(text), tuple(values[0].values()))
    old.close()
    store = opened()
    write(store, events_of(plan))
    found = {run.run_id: run for run in store.runs(RunQuery())}
    assert (found["r-0"].pipeline, found["r-0"].user_name) == ("x", None)
    assert found["r-1"].user_name is not None


def test_a_history_of_version_2_has_runs_that_say_nothing_of_what_they_read(url: str, opened: Open, plan: Plan) -> None:
    old = store_class(url)(url, is_reader=False, steps=STEPS[:2])
    old.write([one for one in rows_of(plan) if not isinstance(one, ReadRecord | OutputRecord | NodeRecord)])
    old.close()
    store = opened(is_reader=True)
    assert History(store).whole("r-1").reads == []
    write(store, events_of(plan, "r-2"))
    assert [one.version for one in History(store).whole("r-2").reads] == [None, "12"]


def test_a_history_of_version_3_has_outputs_that_nobody_dropped(url: str, opened: Open, plan: Plan) -> None:
    old = store_class(url)(url, is_reader=False, steps=STEPS[:3])
    (row,) = [one for one in rows_of(plan) if isinstance(one, OutputRecord)]
    columns = [name for name in OutputRecord._fields if name != "dropped_at"]
    text = f"insert into tauro_outputs ({', '.join(columns)}) values ({', '.join('?' * len(columns))})"
    old._connection.execute(old._sql(text), tuple(row[: len(columns)]))
    old.close()
    assert opened(is_reader=True).records(OutputRecord, "r-1") == [row]


def test_a_history_of_version_4_keeps_each_attempt_in_a_row_of_its_own(url: str, opened: Open, plan: Plan) -> None:
    old = store_class(url)(url, is_reader=False, steps=STEPS[:4])
    attempt = AttemptRecord("r-1", "a", 1, stamp(T0), stamp(T0 + 1), "completed")
    old.write([rows_of(plan)[0], attempt])
    old._connection.execute(
        old._sql("insert into tauro_nodes values (?, ?, ?, ?, ?, ?, ?)"),
        ("r-1", "a", "completed", 1, stamp(T0 + 1), 1.0, None),
    )
    old.close()
    whole = History(opened(is_reader=True)).whole("r-1")
    assert (whole.attempts, whole.nodes[0].started_at) == ([attempt], None)


def test_a_node_that_is_done_again_keeps_the_attempt_that_had_completed_it(opened: Open, plan: Plan) -> None:
    store = opened()
    write(store, events_of(plan), T0)
    again = [NodeStarted("a", 1), NodeEnded(NodeResult("a", Status.FAILED, 1, 0.1, ERROR))]
    write(store, [RunStarted("r-1", plan), *again], T0 + 1000)
    of_a = [one for one in History(store).whole("r-1").attempts if one.node == "a"]
    assert [(one.started_at, one.status) for one in of_a] == [
        (stamp(T0 + 1), "completed"),
        (stamp(T0 + 1001), "failed"),
    ]


def test_a_secret_in_a_location_that_was_read_is_not_kept(opened: Open, plan: Plan) -> None:
    taken, store = rows(lambda text: text.replace("/data", "***")), opened()
    for event in events_of(plan):
        taken.add(event, T0)
    store.write(taken.records(T0))
    assert History(store).whole("r-1").reads[1].location == "***/raw"


def test_a_history_that_a_newer_tauro_made_is_left_alone(url: str, opened: Open) -> None:
    newer = (*STEPS, ("create table tauro_more (x integer)",))
    store_class(url)(url, is_reader=False, steps=newer).close()
    for is_reader in (True, False):
        with pytest.raises(HistoryError, match="newer Tauro") as caught:
            opened(is_reader=is_reader)
        assert caught.value.is_final


def test_writes_are_whole_or_not_at_all(opened: Open, plan: Plan) -> None:
    store = opened()
    records = rows_of(plan)
    broken = records[-1]._replace(run_id=None)  # type: ignore[attr-defined]  # a named tuple
    with pytest.raises(HistoryError):
        store.write([*records[:-1], broken])  # type: ignore[list-item]  # likewise
    assert store.run_ids("") == []
    write(store, events_of(plan))
    assert store.run_ids("") == ["r-1"]


def test_those_that_open_a_new_history_at_once_all_can(url: str, plan: Plan) -> None:
    start, failures = Barrier(4), []

    def open_and_write(number: int) -> None:
        try:
            start.wait(20)
            store = store_class(url)(url, is_reader=False)
            write(store, events_of(plan, f"r-{number}"))
            store.close()
        except HistoryError as error:
            failures.append(error)

    threads = [Thread(target=open_and_write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    store = store_class(url)(url, is_reader=True)
    assert sorted(store.run_ids("")) == ["r-0", "r-1", "r-2", "r-3"]
    store.close()


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("off", None),
        (".tauro/history.db", "sqlite:/shop/.tauro/history.db"),
        ("../h.db", "sqlite:/h.db"),
        ("/var/h.db", "sqlite:/var/h.db"),
        ("sqlite:///var/h.db", "sqlite:/var/h.db"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_the_setting_is_a_path_a_url_or_off(setting: str, url: str | None) -> None:
    assert url_of(setting, Path("/shop")) == url


class TestFile:
    def test_the_folder_is_kept_out_of_version_control(self, tmp_path: Path) -> None:
        SqliteStore(f"sqlite:{tmp_path}/.tauro/history.db", is_reader=False).close()
        assert (tmp_path / ".tauro" / ".gitignore").read_text() == "*\n"
        SqliteStore(f"sqlite:{tmp_path}/other/history.db", is_reader=False).close()
        assert not (tmp_path / "other" / ".gitignore").exists()

    def test_a_damaged_file_is_set_aside_and_a_new_one_begun(self, tmp_path: Path, plan: Plan) -> None:
        path = tmp_path / "history.db"
        path.write_bytes(b"no database" * 1000)
        store = SqliteStore(f"sqlite:{path}", is_reader=False)
        write(store, events_of(plan))
        assert store.run_ids("") == ["r-1"]
        store.close()
        (aside,) = tmp_path.glob("history.db.corrupt-*")
        assert aside.read_bytes().startswith(b"no database")

    def test_a_reader_says_that_a_file_is_damaged_and_leaves_it(self, tmp_path: Path) -> None:
        path = tmp_path / "history.db"
        path.write_bytes(b"no database" * 1000)
        with pytest.raises(HistoryError, match="damaged"):
            SqliteStore(f"sqlite:{path}", is_reader=True)
        assert path.read_bytes().startswith(b"no database")

    def test_another_kind_of_file_is_never_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "orders.csv"
        path.write_bytes(b"id,day\n" * 1000)
        with pytest.raises(HistoryError):
            SqliteStore(f"sqlite:{path}", is_reader=False)
        assert path.read_bytes() == b"id,day\n" * 1000

    def test_damage_that_a_write_finds_makes_the_next_store_a_new_one(self, tmp_path: Path, plan: Plan) -> None:
        path = tmp_path / "history.db"
        url = f"sqlite:{path}"
        first = SqliteStore(url, is_reader=False)
        write(first, events_of(plan))
        first.close()
        with sqlite3.connect(path) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
            (page,) = connection.execute("select rootpage from sqlite_master where name = 'tauro_attempts'").fetchone()
            (size,) = connection.execute("pragma page_size").fetchone()
        connection.close()
        content = bytearray(path.read_bytes())
        content[(page - 1) * size : page * size] = b"\xff" * size
        path.write_bytes(content)
        store = SqliteStore(url, is_reader=False)
        with pytest.raises(HistoryError, match="a new one is begun") as caught:
            write(store, events_of(plan, "r-2"))
        assert not caught.value.is_final
        again = SqliteStore(url, is_reader=False)
        write(again, events_of(plan, "r-2"))
        assert again.run_ids("") == ["r-2"]
        again.close()
        assert len(list(tmp_path.glob("history.db.corrupt-*"))) >= 1
