"""Stores of both kinds, and the events of a run that never was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.history.events import Rows
from tauro.history.ports import HistoryStore
from tauro.history.process import this_process
from tauro.history.records import NodeRecord
from tauro.history.stores import open_store
from tauro.model.events import Event, NodeEnded, NodeRetrying, NodeStarted, OutputPublished, RunEnded, RunStarted
from tauro.model.outcome import ErrorInfo, FailureKind, NodeResult, OutputResult, ReadVersion, RunResult, Status
from tauro.model.plan import Plan

Open = Callable[..., HistoryStore]
ERROR = ErrorInfo("ValueError", "no good", "b", 1, FailureKind.OTHER, "Traceback\nValueError: no good")
T0 = 1_700_000_000.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty store is."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / '.tauro' / 'history.db'}"
        return
    server = request.getfixturevalue("postgres")
    server.execute("create schema history_test")
    yield f"{server.dsn}?options=-csearch_path%3Dhistory_test"
    server.execute("drop schema history_test cascade")


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    """Opens the store; what was opened is closed afterwards."""
    stores: list[HistoryStore] = []

    def open_it(*, is_reader: bool = False) -> HistoryStore:
        stores.append(open_store(url, is_reader=is_reader))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A pipeline of two nodes, the second with an output."""
    context = Context(
        {"output_path": "out"},
        {"daily": {"nodes": ["a", "b"], "requires_dates": False}},
        {
            "a": {"function": "jobs.a"},
            "b": {"function": "jobs.b", "dependencies": "a", "output": "t", "retry": 1},
        },
        root=tmp_path,
    )
    return make_plan(context, "daily")


def rows(redact: Callable[[str], str] = str) -> Rows:
    return Rows("shop", "prod", this_process(), "9.9", redact)


def events_of(plan: Plan, run_id: str = "r-1", *, to: Status = Status.COMPLETED) -> list[Event]:
    """A run whose second node needs two attempts; it is published, fails for good, or has no end if still running."""
    output = OutputResult("t", "parquet", "/out/t", rows=7, schema='{"fields":[]}', is_published=False)
    events: list[Event] = [
        RunStarted(run_id, plan),
        NodeStarted("a", 1),
        NodeEnded(NodeResult("a", Status.COMPLETED, 1, 0.5)),
        NodeStarted("b", 1),
        NodeRetrying("b", 1, ERROR, 2.0),
        NodeStarted("b", 2),
    ]
    if to is Status.RUNNING:
        return events
    is_failed = to is Status.FAILED
    reads = (ReadVersion("raw", "/data/raw", "12", "delta:12:ab"), ReadVersion("codes", "jdbc:x#codes"))
    b = NodeResult("b", to, 2, 3.0, ERROR if is_failed else None, () if is_failed else (output,), reads=reads)
    published = OutputResult("t", "parquet", "/out/t", rows=7, schema='{"fields":[]}')
    events.append(NodeEnded(b))
    if not is_failed:
        events.append(OutputPublished("b", published))
    nodes = (NodeResult("a", Status.COMPLETED, 1, 0.5), b)
    events.append(RunEnded(RunResult(run_id, "daily", plan.window, to, 4.0, nodes, ERROR if is_failed else None)))
    return events


def write(store: HistoryStore, events: list[Event], at_s: float = T0) -> None:
    """Has a store keep events that happened a second after another, as the recorder does."""
    taken = rows()
    for number, event in enumerate(events):
        taken.add(event, at_s + number)
    taken.take_over(store.records(NodeRecord, taken.run_id or ""))
    store.write(taken.records(at_s + len(events)))
