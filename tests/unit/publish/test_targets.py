"""Where the lease of each output lies, and how much of it a run needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.model.plan import Plan
from tauro.model.window import Window
from tauro.publish.holder import Span
from tauro.publish.targets import Target, remote_workshops, session_targets_of, targets_of
from tauro.storage.place import no_session

WEEK = Window.parse("2013-01-01", "2013-01-07")


def plan(root: Path, outputs: Mapping[str, Mapping[str, Any]], window: Window | None = WEEK) -> Plan:
    """A node for each output."""
    nodes = {f"n{at}": {"function": "builtins.print", "output": [name]} for at, name in enumerate(outputs)}
    context = Context(
        {"output_path": "out"}, {"p": {"nodes": [*nodes], "requires_dates": False}}, nodes, {}, dict(outputs), root=root
    )
    return make_plan(context, "p", window)


def targets(root: Path, outputs: Mapping[str, Mapping[str, Any]], window: Window | None = WEEK) -> dict[str, Target]:
    """The targets of a node that writes all outputs, in their order."""
    return {one.output: one for one in targets_of(plan(root, outputs, window))}


def test_the_lease_of_a_folder_lies_beside_it(tmp_path: Path) -> None:
    found = targets(tmp_path, {"gold.daily": {}, "d": {"format": "delta", "path": f"file:{tmp_path}/deep/d e"}})
    assert found["gold.daily"].place.path == tmp_path / "out/gold/_tauro/leases/daily.json"
    assert found["d"].place.path == tmp_path / "deep/_tauro/leases/d%20e.json"


def test_two_ways_to_one_folder_lead_to_one_lease(tmp_path: Path) -> None:
    (tmp_path / "real" / "t").mkdir(parents=True)
    (tmp_path / "way").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "alias").symlink_to(tmp_path / "real" / "t")
    for path in ("real/t", "way/t", "way/alias"):
        assert targets(tmp_path, {"t": {"path": path}})["t"].place.path == tmp_path / "real/_tauro/leases/t.json"


REMOTE = {
    "c": {"format": "parquet", "path": "s3a://bucket/x/c"},
    "d": {"format": "delta", "path": "s3a://bucket/" + "long" * 100},
}


def test_the_lease_of_a_remote_folder_lies_beside_it_once_there_is_a_session(tmp_path: Path) -> None:
    assert targets(tmp_path, REMOTE) == {}
    session: Any = object.__new__(SparkSession)  # which nobody asks yet
    found = {one.output: one.place for one in session_targets_of(plan(tmp_path, REMOTE), session, tmp_path)}
    assert found["c"].name == "s3a://bucket/x/_tauro/leases/c.json"
    assert found["d"].name.startswith("s3a://bucket/_tauro/leases/long")
    assert len(found["d"].name) < 280


def test_over_connect_the_lease_of_a_remote_folder_lies_in_the_project(tmp_path: Path) -> None:
    other: Any = object()  # no classic session
    found = {one.output: one.place for one in session_targets_of(plan(tmp_path, REMOTE), other, tmp_path)}
    assert found["c"].name == str(tmp_path / ".tauro/leases/s3a%3A%2F%2Fbucket%2Fx%2Fc.json")
    assert len(Path(found["d"].name).name) < 220


def test_a_journal_lies_beside_the_remote_outputs_of_a_run(tmp_path: Path) -> None:
    found = remote_workshops(plan(tmp_path, {**REMOTE, "f": {}}), no_session)
    assert sorted(map(str, found)) == ["s3a://bucket/_tauro", "s3a://bucket/x/_tauro"]


def test_a_session_is_asked_for_tables_alone(tmp_path: Path) -> None:
    jdbc = {"url": "jdbc:postgresql://db/x?user=me&password=secret", "dbtable": "Public.T"}
    outputs = {"f": {}, "m": {"format": "memory"}, "b": {"format": "jdbc", "options": jdbc}}
    assert [*targets(tmp_path, outputs)] == ["f"]
    nobody: Any = None  # a database is not asked before its lease is taken
    (found,) = session_targets_of(plan(tmp_path, outputs), nobody, tmp_path)
    assert found.output == "b"
    assert found.place.name == "jdbc:postgresql://db/x?user=me&password=***#public.t"
    assert found.place.address["table"] == "Public.T"
    assert "secret" not in f"{found.place.address} {found.place.home}"
    assert found.span is None


def test_what_stays_in_memory_needs_none(tmp_path: Path) -> None:
    assert targets(tmp_path, {"m": {"format": "memory"}}) == {}


def test_all_runs_take_them_in_one_order(tmp_path: Path) -> None:
    outputs = {"z": {}, "a": {"path": "b/a"}, "k": {"path": "b/k"}, "c": {}}
    order = [one.place.path for one in targets(tmp_path, outputs).values()]
    backwards = [one.place.path for one in targets(tmp_path, dict(reversed(outputs.items()))).values()]
    assert order == backwards == sorted(order)


@pytest.mark.parametrize(
    ("entry", "is_part"),
    [
        ({}, False),
        ({"overwrite_scope": "window", "window_column": "day", "partition_by": ["day"]}, True),
        ({"overwrite_scope": "partitions", "partition_by": ["day"]}, False),
        ({"write_mode": "append"}, True),
        ({"write_mode": "merge", "keys": ["id"], "format": "delta"}, False),
        ({"write_mode": "error"}, False),
    ],
)
def test_a_windowed_write_needs_its_window_and_any_other_the_whole(
    tmp_path: Path, entry: Mapping[str, Any], is_part: bool
) -> None:
    part = Span(lower=datetime(2013, 1, 1), upper=datetime(2013, 1, 8))
    assert targets(tmp_path, {"t": entry})["t"].span == (part if is_part else None)
    if "window_column" not in entry:
        assert targets(tmp_path, {"t": entry}, window=None)["t"].span is None


def test_a_window_may_end_with_the_calendar(tmp_path: Path) -> None:
    window = Window.parse("2013-01-01", "9999-12-31")
    found = targets(tmp_path, {"t": {"write_mode": "append"}}, window)["t"].span
    assert found == Span(lower=datetime(2013, 1, 1), upper=datetime.max)
