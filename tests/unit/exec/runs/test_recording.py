"""What a recovery tells the history of a run that was killed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.exec.runs.recording import note_recovered
from tauro.history.reading import History, WholeRun
from tauro.history.records import duration_of, seconds_of, stamp
from tauro.history.stores import open_store
from tauro.model.events import Event, NodeEnded, OutputPublished, RunEnded, RunStarted
from tauro.model.outcome import NodeResult, OutputResult, RunResult, Status
from tauro.model.plan import Plan
from tauro.publish.recovery import Ending, Recovered
from tests.unit.history.conftest import T0, events_of, rows, write

GONE = replace(rows()._process, pid=2**22 + 1)
PUBLISHED = OutputResult("t", "parquet", "/out/t", rows=7)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return _context(tmp_path, "run")


def _context(root: Path, publish: str) -> Context:
    return Context(
        {"output_path": "out", "publish": publish},
        {"daily": {"nodes": ["a", "b"], "requires_dates": False}},
        {"a": {"function": "jobs.a"}, "b": {"function": "jobs.b", "dependencies": "a", "output": "t", "retry": 1}},
        root=root,
    )


def killed(context: Context, events: Sequence[Event]) -> None:
    """Has the history know so much of a run whose process is gone, the events a second after another."""
    taken = rows()
    taken._process = GONE
    for number, event in enumerate(events):
        taken.add(event, T0 + number)
    with closing(_store(context, is_reader=False)) as store:
        store.write(taken.records(T0 + len(events)))


def _store(context: Context, *, is_reader: bool = True):
    return open_store(f"sqlite:{context.root}/.tauro/history.db", is_reader=is_reader)


def whole(context: Context) -> WholeRun:
    with History(_store(context)) as history:
        return history.whole("r-1")


def before(events: Sequence[Event], kind: type[Event]) -> list[Event]:
    """The events up to the last of a kind."""
    last = max(number for number, event in enumerate(events) if isinstance(event, kind))
    return list(events[:last])


@pytest.mark.parametrize("results", [(("b", PUBLISHED),), ()], ids=["published by the recovery", "published before"])
def test_a_node_whose_end_was_not_written_is_completed_once_its_run_is_published(context, results):
    killed(context, before(events_of(make_plan(context, "daily")), NodeEnded))
    assert whole(context).attempts[-1].status == "died"
    note_recovered(context, Recovered("r-1", "daily", Ending.PUBLISHED, results=results))
    known = whole(context)
    assert (known.run.status, known.run.nodes_done, known.run.nodes) == ("completed", 2, 2)
    assert {one.node: (one.status, one.attempts) for one in known.nodes} == {
        "a": ("completed", 1),
        "b": ("completed", 2),
    }
    assert [one.status for one in known.attempts] == ["completed", "failed", "completed"]
    (output,) = known.outputs
    (planned,) = make_plan(context, "daily").nodes["b"].outputs
    place = "/out/t" if results else str(context.root / "out/t")
    assert (output.node, output.output, output.format) == ("b", "t", "parquet" if results else planned.spec.format_name)
    assert (output.path, output.rows) == (place, 7 if results else None)
    assert output.published_at == known.run.ended_at


def test_what_was_published_is_kept_as_it_was_written_down(context):
    events = events_of(make_plan(context, "daily"))
    killed(context, before(events, RunEnded))
    note_recovered(
        context, Recovered("r-1", "daily", Ending.PUBLISHED, results=(("b", replace(PUBLISHED, rows=None)),))
    )
    (output,) = whole(context).outputs
    assert (output.rows, output.published_at) == (7, stamp(T0 + 7))


def test_a_node_that_was_published_alone_does_not_complete_its_run(tmp_path):
    context = _context(tmp_path, "node")
    killed(context, events_of(make_plan(context, "daily"))[:2])
    note_recovered(context, Recovered("r-1", "daily", Ending.PUBLISHED, results=(("a", replace(PUBLISHED, id="x")),)))
    known = whole(context)
    assert (known.run.status, known.run.nodes_done, known.run.ended_at) == ("died", 1, None)
    assert [(one.node, one.status) for one in known.nodes] == [("a", "completed")]
    assert [one.output for one in known.outputs] == ["x"]


def test_what_was_put_back_is_not_published(context):
    killed(context, before(events_of(make_plan(context, "daily")), RunEnded))
    note_recovered(context, Recovered("r-1", "daily", Ending.UNDONE, outputs=("t",)))
    (output,) = whole(context).outputs
    assert output.published_at is None
    assert [one.note for one in whole(context).notes] == [
        "run r-1 of pipeline 'daily' could not publish: as they were before it: t"
    ]


def test_of_a_run_that_the_history_does_not_know_nothing_is_written(context):
    killed(context, events_of(make_plan(context, "daily")))
    note_recovered(context, Recovered("r-2", "daily", Ending.PUBLISHED))
    with closing(_store(context)) as store:
        assert store.run_ids("") == ["r-1"]


def test_a_run_that_is_carried_on_keeps_the_nodes_it_has_done(context):
    plan = make_plan(context, "daily")
    killed(context, events_of(plan)[:3])
    _carried_on(context, plan, [])
    assert (whole(context).run.nodes_done, whole(context).run.nodes) == (1, 2)
    _carried_on(context, plan, [NodeEnded(NodeResult("a", Status.SKIPPED))])
    assert whole(context).run.nodes_done == 1
    _carried_on(context, plan, [NodeEnded(NodeResult("a", Status.FAILED, 1))])
    assert whole(context).run.nodes_done == 0


def _carried_on(context: Context, plan: Plan, events: Sequence[Event]) -> None:
    """Another process of the run, with the recorder that every run has."""
    from tauro.exec.runs.recording import recorded

    with recorded(context, ()) as observers:
        for event in (RunStarted("r-1", plan), *events):
            observers[0](event)


def test_a_run_takes_as_long_as_from_its_first_start_to_its_last_end(context):
    plan = make_plan(context, "daily")
    killed(context, events_of(plan)[:3])
    assert duration_of(whole(context).run) == 3.0
    with closing(_store(context, is_reader=False)) as store:
        write(
            store, [RunStarted("r-1", plan), RunEnded(RunResult("r-1", "daily", None, Status.FAILED, 1.0, ()))], T0 + 99
        )
    run = whole(context).run
    assert duration_of(run) == 100.0 == seconds_of(str(run.ended_at)) - T0


def test_what_was_staged_and_dropped_is_marked_until_it_is_written_again(context):
    events = before(events_of(make_plan(context, "daily")), OutputPublished)
    killed(context, events)
    note_recovered(context, Recovered("r-1", "daily", Ending.DROPPED, outputs=("t",)), "run r-2")
    known = whole(context)
    assert [one.dropped_at for one in known.outputs] == [known.notes[0].at]
    assert known.notes[0].note.endswith("what it had staged is dropped: t (by run r-2)")
    killed(context, events)
    assert [one.dropped_at for one in whole(context).outputs] == [None]
