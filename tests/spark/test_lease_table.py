"""Leases in a database: one holder at a time whoever asks, on a real PostgreSQL and on Derby."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import LeaseLostError, OutputHeldError
from tauro.io.jdbc.database import connected
from tauro.io.jdbc.notes import Notes
from tauro.io.output import OutputManager
from tauro.io.ports import WriteRequest
from tauro.launch.processes import Process
from tauro.publish.holder import Holder
from tauro.publish.lease_table import LeaseTable
from tauro.publish.leases import Leases
from tauro.publish.liveness import Watch
from tauro.publish.places import place_at
from tauro.publish.targets import Target
from tests.support.io_project import IoProject
from tests.support.jdbc_target import left_stages
from tests.support.second_python import in_second_python

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


class World:
    """A schema of the server's own for each test, with the table `events` in it."""

    def __init__(self, session: SparkSession, server: Any) -> None:
        self.session = session
        self.server = server
        self.schema = f"s_{uuid.uuid4().hex[:8]}"
        self.table = f"{self.schema}.events"
        self.options = {"url": server.jdbc_url, "user": server.user, "password": server.password}
        self.options["driver"] = "org.postgresql.Driver"
        server.execute(f"create schema {self.schema}")

    def place(self, table: str | None = None, **options: str) -> LeaseTable:
        return LeaseTable(lambda: self.session, {**self.options, **options}, table or self.table)

    def target(self) -> Target:
        return Target("events", self.table, self.place(), None)

    def notes(self) -> dict[str, Any]:
        """What stands in the table, as PostgreSQL has it."""
        return {id: json.loads(body) for id, body in self.server.execute(f"select id, body from {self.schema}._tauro")}


@pytest.fixture
def world(spark: SparkSession, postgres: Any) -> Iterator[World]:
    made = World(spark, postgres)
    yield made
    postgres.execute(f"drop schema {made.schema} cascade")


def holder(name: str, pid: int = 1) -> Holder:
    process = Process(pid=pid, started=7)
    return Holder(token=name, run_id=name, host="elsewhere", process=process, since=datetime(2013, 1, 1, tzinfo=UTC))


def taken(place: LeaseTable, *holders: Holder) -> LeaseTable:
    with place.changing():
        place.put(holders)
    return place


def failing(place: LeaseTable, *holders: Holder) -> None:
    with place.changing():
        place.put(holders)
        raise KeyError("after all")


def test_what_one_has_put_others_read_until_it_is_taken_away(world: World) -> None:
    assert world.place().holders() == ()
    taken(world.place(), holder("é"))
    for table in (world.table, f'{world.schema}."events"', world.table.upper()):
        assert world.place(table).holders() == (holder("é"),)
    assert [*world.notes()] == ["lease events"]
    taken(world.place())
    assert world.place().holders() == ()
    assert world.notes() == {}


def test_an_address_leads_back_with_the_login_of_the_project(world: World) -> None:
    place = LeaseTable(lambda: world.session, world.options, world.table, output="t", location="there")
    taken(place, holder("a"))
    assert world.server.password not in json.dumps(place.address)
    known = {"there": {"dbtable": world.table, **world.options}}
    again = place_at(place.address, lambda: world.session, lambda location: known[location])
    assert again.holders() == (holder("a"),)
    unknown = place_at(place.address, lambda: world.session, lambda location: {})
    with pytest.raises(OSError, match=r"login of the database of .*events .* is not known"):
        unknown.holders()


def test_many_that_begin_at_once_all_leave_their_mark(world: World) -> None:
    """None of them finds the table; each adds itself to whoever is there."""
    gate = threading.Barrier(6)

    def add(name: str) -> None:
        place = world.place()
        gate.wait()
        for _ in range(3):
            with place.changing():
                there = {one.run_id: one for one in place.holders()}
                mine = there.pop(name, holder(name))
                place.put([*there.values(), mine.model_copy(update={"beat": mine.beat + 1})])

    with ThreadPoolExecutor(6) as threads:
        assert [*threads.map(add, (f"run{at}" for at in range(6)))] == [None] * 6
    assert {one.run_id: one.beat for one in world.place().holders()} == {f"run{at}": 3 for at in range(6)}


def test_a_change_that_fails_changes_nothing_and_frees_the_lease(world: World) -> None:
    place = taken(world.place(), holder("a"))
    with pytest.raises(KeyError):
        failing(place, holder("b"))
    assert place.holders() == (holder("a"),)
    taken(place, holder("c"))
    assert place.holders() == (holder("c"),)


def test_a_change_waits_for_another_and_no_longer_than_it_may(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauro.publish.lease_table.LOCK_TIMEOUT_S", 1)
    mine, other = world.place(), world.place()
    with ThreadPoolExecutor(1) as thread, mine.changing():
        assert other.holders() == ()  # reading waits for nobody
        began = time.monotonic()
        waiting = thread.submit(taken, other, holder("b"))
        with pytest.raises(TimeoutError):
            waiting.result()
        assert 0.9 < time.monotonic() - began < 10
        mine.put([holder("a")])
    assert taken(other, holder("b")).holders() == (holder("b"),)


def test_a_lost_connection_is_an_error_of_the_system_and_the_lease_is_as_it_was(world: World) -> None:
    place = taken(world.place(), holder("a"))

    def cut_off() -> None:
        with place.changing():
            place.put([holder("b")])
            world.server.end_other_connections()

    with pytest.raises(OSError, match=r"_tauro of jdbc:postgresql"):
        cut_off()
    assert place.holders() == (holder("a"),)


def test_what_is_no_lease_is_told_as_such(world: World) -> None:
    taken(world.place(), holder("a"))
    world.server.execute(f"update {world.schema}._tauro set body = 'rubbish'")
    with pytest.raises(ValueError):
        world.place().holders()
    assert taken(world.place(), holder("b")).holders() == (holder("b"),)


def test_a_run_that_lives_keeps_others_out_and_a_dead_one_does_not(world: World) -> None:
    dead = Holder(
        token="t",
        run_id="dead",
        host=Watch().here.host,
        boot=Watch().here.boot,
        namespace=Watch().here.namespace,
        process=Process(pid=2**22 + 1, started=1),
        since=datetime.now(UTC),
    )
    taken(world.place(), dead)
    with Leases("first", jvm=lambda: None) as first:
        first.acquire([world.target()])
        assert [one.run_id for one in world.place().holders()] == ["first"]
        with Leases("second", jvm=lambda: None) as second, pytest.raises(OutputHeldError, match="held by run first"):
            second.acquire([world.target()])
        first.renew()
        assert [one.beat for one in world.place().holders()] == [1]
        first.check()
        taken(world.place(), holder("thief"))
        with pytest.raises(LeaseLostError):
            first.check()
    assert [one.run_id for one in world.place().holders()] == ["thief"]


def test_another_process_is_kept_out_and_let_in_again(world: World) -> None:
    task = {"do": "hold", "options": world.options, "table": world.table}
    with Leases("first", jvm=lambda: None) as first:
        first.acquire([world.target()])
        assert in_second_python(world.session, task) == "held by first"
        first.check()
    assert in_second_python(world.session, task) == "taken"
    assert world.notes() == {}


@pytest.mark.parametrize("step", ["lease.commit", "test.held"])
def test_the_lease_of_a_process_that_was_killed_is_taken_over(world: World, step: str) -> None:
    task = {"do": "hold", "options": world.options, "table": world.table}
    in_second_python(world.session, task, killed_at=step)
    assert [one.run_id for one in world.place().holders()] == (["second"] if step == "test.held" else [])
    world.server.end_other_connections()  # as the end of its JVM does
    with Leases("first", jvm=lambda: None) as first:
        first.acquire([world.target()])
        assert [one.run_id for one in world.place().holders()] == ["first"]


def test_a_process_that_falls_asleep_over_a_change_loses_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does whose Python was killed, as long as its JVM goes on."""
    monkeypatch.setattr("tauro.io.jdbc.database.IDLE_TIMEOUT_S", 1)
    sleeper = taken(world.place(), holder("a"))

    def sleep() -> None:
        with sleeper.changing():
            sleeper.put([holder("sleeper")])
            taken(world.place(), holder("b"))  # waits until the server has lost its patience

    with pytest.raises(OSError, match="_tauro of"):
        sleep()
    assert world.place().holders() == (holder("b"),)


def test_what_a_run_has_staged_in_the_schema_is_dropped_with_it(world: World) -> None:
    world.place().sweep("mine")
    options = {**world.options, "dbtable": world.table}
    project = IoProject(Path(), world.session).with_output("t", format="jdbc", options=options)
    for run in ("mine", "other", "mine"):
        request = WriteRequest("p", "n", "t", project.outputs["t"], None, run)
        OutputManager(project).stage(request, world.session.range(2))
    world.server.execute(f"insert into {world.schema}._tauro values ('stage x', 0, 'rubbish')")
    for _ in range(2):
        world.place(f"{world.schema}.another").sweep("mine")
    tables = world.server.execute("select tablename from pg_tables where schemaname = %s", (world.schema,))
    (left,) = left_stages(world.session, world.options, world.table)
    assert left.run_id == "other"
    assert {name for (name,) in tables} == {"_tauro", left.stage}


def test_derby_keeps_leases_as_postgresql_does(spark: SparkSession, tmp_path: Path) -> None:
    options = {
        "url": f"jdbc:derby:{tmp_path}/base;create=true",
        "driver": "org.apache.derby.iapi.jdbc.AutoloadedDriver",
    }
    place = LeaseTable(lambda: spark, options, "events")
    assert place.holders() == ()
    taken(place, holder("a"), holder("b"))
    with pytest.raises(KeyError):
        failing(place)
    assert LeaseTable(lambda: spark, options, "EVENTS").holders() == (holder("a"), holder("b"))
    taken(place)
    assert place.holders() == ()


@pytest.mark.parametrize(
    ("url", "statement"),
    [
        ("jdbc:postgresql://h/d", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" TEXT)'),
        ("jdbc:mysql://h/d", 'CREATE TABLE "S".`_tauro` (`id` VARCHAR(255) ..., `turn` ..., `body` LONGTEXT)'),
        ("jdbc:mariadb://h/d", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" TEXT)'),
        ("jdbc:sqlserver://h", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" NVARCHAR(MAX))'),
        ("jdbc:oracle:thin:@h", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" CLOB)'),
        ("jdbc:db2://h/d", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" CLOB)'),
        ("jdbc:h2:mem:d", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" CLOB)'),
        ("jdbc:sqlite:d", 'CREATE TABLE "S"."_tauro" ("id" VARCHAR(255) ..., "turn" ..., "body" TEXT)'),
    ],
)
def test_every_database_gets_its_own_type_for_long_text(spark: SparkSession, url: str, statement: str) -> None:
    from tauro.io.jdbc.database import Database

    jvm: Any = spark._jvm
    database = Database(jvm, None, jvm.org.apache.spark.sql.jdbc.JdbcDialects.get(url), None)
    made = Notes(database, '"S"."T"').statement
    assert made.replace("NOT NULL PRIMARY KEY", "...").replace("INTEGER NOT NULL", "...") == statement


def test_one_that_finds_the_table_being_made_waits_and_uses_it(world: World) -> None:
    with (
        ThreadPoolExecutor(1) as thread,
        connected(world.session, world.options, world.table) as one,
        connected(world.session, world.options, world.table) as other,
    ):
        with one.transaction():
            one.run(Notes(one, world.table).statement)  # seen by nobody yet
            making = thread.submit(Notes(other, world.table).make)
            with pytest.raises(TimeoutError):
                making.result(0.5)
        making.result(30)
        assert Notes(one, world.table).is_there
