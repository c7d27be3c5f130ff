"""The fault suite's own judgement: what it takes for a point, and what it finds wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.cases import Attempt, Case, Verdict
from tests.faults.orders import Order
from tests.faults.plans import random_cases
from tests.faults.points import Scenario, points_of
from tests.faults.report import summary
from tests.faults.state import State
from tests.faults.tables import DeltaLog, Table

RIGHT = Table(("1", "1", "2"), "columns", 1)


def names(scenario: Scenario, steps: str) -> list[str]:
    return [f"{point.step} {point.at}" for point in points_of(scenario, steps.split())]


def test_points_are_the_first_and_the_last_occurrence_of_each_step() -> None:
    assert names(Scenario("run"), "a b b a c a") == ["a 1", "a 3", "b 1", "b 2", "c 1"]


def test_points_of_a_recovery_come_before_new_work() -> None:
    assert names(Scenario("recovery", is_recovery=True), "a b files.write b c") == ["a 1", "b 1"]


def test_points_of_an_undoing_come_after_what_failed() -> None:
    failing = Scenario("undone", orders=(Order("b", 2, "fail"),))
    assert names(failing, "a b c b a d") == ["a 2", "d 1"]


def test_what_time_has_a_part_in_is_aimed_at_once_in_a_process() -> None:
    assert names(Scenario("run"), "history.write a history.write") == ["history.write 1", "a 1"]
    failing = Scenario("undone", orders=(Order("a", 1, "fail"),))
    assert names(failing, "history.write a history.write b") == ["b 1"]


def test_a_point_counts_as_reached_only_if_the_kill_came() -> None:
    (point,) = points_of(Scenario("undone", orders=(Order("a", 1, "fail"),)), ["a", "b"])
    name = point.case().name
    assert point.was_reached(name, ["a 1", "b 1"])
    assert not point.was_reached(name, ["a 1"])


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (Table(("1", "2"), "columns", 1), "missing 1"),
        (Table(("1", "1", "2", "2"), "columns", 1), "too many 2"),
        (Table(("1", "1", "2"), "others", 1), "schema wrong"),
        (Table(("1", "1", "2"), "columns", 2), "2 live files"),
    ],
)
def test_tables_differ_in_rows_schema_and_files(table: Table, complaint: str) -> None:
    (found,) = table.differences(RIGHT)
    assert complaint in found
    assert RIGHT.differences(RIGHT) == []


def test_a_delta_log_that_lacks_a_commit_is_no_table(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    about = {"schemaString": "{}", "partitionColumns": [], "configuration": {}}
    (log / f"{0:020}.json").write_text(json.dumps({"metaData": about}) + "\n")
    add = {"add": {"path": "a%20b.parquet", "partitionValues": {}}}
    (log / f"{1:020}.json").write_text(json.dumps(add) + "\n")
    assert set(DeltaLog.read(tmp_path).live) == {"a b.parquet"}
    (log / f"{3:020}.json").write_text(json.dumps(add) + "\n")
    with pytest.raises(ValueError, match="unbroken"):
        DeltaLog.read(tmp_path)


def test_the_suite_goes_on_where_it_stopped_and_tries_again_what_was_wrong(tmp_path: Path) -> None:
    file = tmp_path / "state.jsonl"
    first = State(file)
    first.add(Verdict("good", kills=1))
    first.add(Verdict("bad", wrong=["t: rows wrong"]))
    second = State(file)
    assert (second.is_done("good"), second.is_done("bad"), second.is_done("new")) == (True, False, False)
    second.add(Verdict("bad"))
    assert State(file).is_done("bad")
    assert not State(file, is_fresh=True).is_done("good")


def test_the_report_counts_what_is_wrong_and_which_points_were_reached() -> None:
    points = points_of(Scenario("run"), ["a", "b"])
    case = Case((Attempt((Order("a"),)),))
    verdict = Verdict(case.name, kills=1, reached=["a 1"], wrong=["t: rows wrong"], left=["folder x"], look_at="there")
    lines = " ".join(summary([verdict], points, []).split())
    assert "points covered 1 of 2 kills 1 tables wrong 1 leftovers 1" in lines
    assert "not covered: run: b 1" in lines
    assert "look at there" in lines


def test_random_instants_are_the_same_for_the_same_seed() -> None:
    some = [case.name for case in random_cases(20, can_resume=True)]
    assert some == [case.name for case in random_cases(20, can_resume=True)]
    assert len(set(some)) == 20
    assert some != [case.name for case in random_cases(20, can_resume=True, seed=1)]
