"""What a recovery makes of a journal, whatever its nodes are called, and of a run that goes on after all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import pytest

from tauro.errors import JournalError, LeaseLostError, OutputHeldError
from tauro.io.ports import Staged
from tauro.launch.processes import Process
from tauro.model import OutputResult
from tauro.publish.journal import About, CommitRecord, CommitState, Journal, NodeNote, OutputNote
from tauro.publish.lease_file import LeaseFile
from tauro.publish.leases import Leases
from tauro.publish.liveness import Watch
from tauro.publish.recovery import Ending, Recovery
from tauro.publish.targets import Target
from tests.unit.publish.conftest import HERE, holder, span

NOBODY = Process(pid=2**22 + 1, started=1)


@dataclass
class Output:
    """A staged output that does as it is told."""

    id: str
    log: list[str]
    is_undone: bool = True
    error: OSError | None = None

    def publish(self) -> OutputResult:
        self.log.append(f"publish {self.id}")
        return OutputResult(self.id, "parquet")

    def undo(self) -> bool:
        self.log.append(f"undo {self.id}")
        if self.error is not None:
            raise self.error
        return self.is_undone

    def discard(self) -> None:
        self.log.append(f"discard {self.id}")


@dataclass
class Run:
    """A run's journal beside one output."""

    folder: Path
    publish: str = "run"
    log: list[str] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)

    def __post_init__(self) -> None:
        base = self.folder / "_tauro"
        self.target = Target("gold", str(self.folder / "gold"), LeaseFile(base / "leases" / "gold.json", base), None)
        self.journal = Journal(base / "runs" / "first")

    def begin(self, *nodes: str) -> None:
        self.journal.begin(
            About(
                run_id="first",
                pipeline="p",
                publish=self.publish,
                project="",
                host="",
                started_at="",
                leases=(dict(self.target.place.address),),
            )
        )
        for node in nodes:
            self.journal.note(NodeNote(node=node, code="", configuration="", outputs=(self.note(node),)))

    def note(self, node: str) -> OutputNote:
        return OutputNote(node=node, id=node, location="/out", can_undo=True, is_durable=True, record={})

    def decide(self, group: str, *nodes: str, state: CommitState = CommitState.PUBLISH) -> None:
        self.journal.decide(group, CommitRecord(state=state, outputs=tuple(map(self.note, nodes))))

    def leases(self) -> Leases:
        return Leases("first", "p", home=self.journal.home, jvm=lambda: None)

    def recovery(self) -> Recovery:
        run = self

        class Known(Recovery):
            def staged(self, note: OutputNote) -> Staged:
                return run.outputs.setdefault(note.id, Output(note.id, run.log))  # type: ignore[return-value]  # all that is asked of it

        return Known(_no_session, lambda *_: {})


def _no_session() -> NoReturn:
    raise AssertionError("nothing here needs a session")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.parametrize("node", ["load größe", "a/b", "100%", "...", "run"])
def test_a_node_of_any_name_is_published_once_and_no_other_counts_as_published(tmp_path: Path, node: str) -> None:
    run = Run(tmp_path, publish="node")
    run.begin(node, "other")
    run.decide(node, node)
    ended = run.recovery().recover(run.journal)
    assert ended is not None
    assert (ended.ending, ended.outputs) == (Ending.PUBLISHED, (node,))
    assert run.journal.commits() == {}
    assert {name: note.is_published for name, note in run.journal.nodes().items()} == {node: True, "other": False}
    run.recovery().recover(run.journal)
    assert run.log == [f"publish {node}", f"discard {node}"]
    run.recovery().drop(run.journal)
    assert not run.journal.home.exists()


@pytest.mark.parametrize(("days", "is_dropped"), [((8, 15), False), ((14, 20), True), (None, True)])
def test_what_a_dead_run_has_staged_is_dropped_by_runs_for_the_same_window_alone(
    run: Run, days: tuple[int, int] | None, is_dropped: bool
) -> None:
    dead = holder(home=str(run.journal.home), run_id="first", span=span(15, 20), process=NOBODY)
    with run.target.place.changing():
        run.target.place.put([dead])
    run.begin("a")
    wanted = replace(run.target, span=span(*days) if days else None)
    with Leases("second", "p", settle=run.recovery().settle, watch=Watch(HERE, lambda _: False)) as leases:
        leases.acquire([wanted])
        leases.check()
    assert run.journal.exists is not is_dropped
    assert run.log == (["discard a"] if is_dropped else [])
    assert [(one.run_id, one.is_abandoned) for one in run.target.place.holders()] == (
        [] if is_dropped else [("first", True)]
    )


def test_what_cannot_be_put_back_is_named(run: Run) -> None:
    run.begin("a", "b")
    run.decide("run", "a", "b", state=CommitState.UNDO)
    run.outputs["b"] = Output("b", run.log, is_undone=False)
    ended = run.recovery().recover(run.journal)
    assert ended is not None
    assert str(ended) == (
        "run first of pipeline 'p' could not publish: as they were before it: a; could not be put back: b"
    )
    assert run.journal.commits() == {}


def test_what_cannot_be_put_back_yet_is_put_back_by_the_next_recovery(run: Run) -> None:
    run.begin("a", "b")
    run.decide("run", "a", "b", state=CommitState.UNDO)
    run.outputs["b"] = Output("b", run.log, error=OSError("read-only file system"))
    with pytest.raises(JournalError, match=r"output 'b' at /out can't be put back yet: read-only .*"):
        run.recovery().recover(run.journal)
    assert run.log == ["undo b", "undo a"]
    run.outputs["b"].error = None
    ended = run.recovery().recover(run.journal)
    assert ended is not None
    assert (ended.ending, ended.left) == (Ending.UNDONE, ())


def test_a_record_that_nobody_can_read_says_so(run: Run) -> None:
    run.begin("a")
    run.decide("run", "a")
    with pytest.raises(JournalError, match="output 'a' at /out can't be read: KeyError"):
        Recovery(_no_session, lambda *_: {}).recover(run.journal)
    assert run.journal.commits()["run"].state is CommitState.PUBLISH


def test_a_run_that_somebody_carries_on_with_meanwhile_is_neither_recovered_nor_dropped(run: Run) -> None:
    with run.leases() as leases:
        leases.acquire([run.target])
        run.begin("a")
        for act in (run.recovery().recover, run.recovery().drop):
            with pytest.raises(OutputHeldError, match=r"run first of pipeline 'p' .* is being carried on with"):
                act(run.journal)
        leases.check()
    assert run.journal.exists
    assert run.log == []


def test_a_run_whose_lease_was_marked_as_abandoned_publishes_nothing(run: Run) -> None:
    with run.leases() as leases:
        leases.acquire([run.target])
        run.begin("a")
        place = run.target.place
        (own,) = place.holders()
        dead = own.model_copy(update={"process": NOBODY})  # as a machine elsewhere sees it
        with place.changing():
            place.put([dead])
        run.recovery().recover(run.journal)
        with pytest.raises(LeaseLostError):
            leases.check()
        leases.renew()
        with pytest.raises(LeaseLostError):
            leases.check()


@pytest.mark.parametrize(
    ("state", "text"),
    [(CommitState.PUBLISH, "published: a, b"), (CommitState.DONE, "everything was published already")],
)
def test_what_is_published_is_named_whenever_it_was(run: Run, state: CommitState, text: str) -> None:
    run.begin("a", "b")
    run.decide("run", "a", "b", state=state)
    dead = holder(home=str(run.journal.home), run_id="first", process=NOBODY)
    told: list[str] = []
    recovery = run.recovery()
    recovery._told = lambda one: told.append(str(one))
    assert recovery.settle(dead)
    assert told == [f"run first of pipeline 'p' died while it was publishing; {text}"]


def test_only_a_run_that_has_done_something_can_be_carried_on(run: Run) -> None:
    run.begin()
    ended = run.recovery().recover(run.journal)
    assert ended is not None
    assert (ended.ending, ended.is_resumable) == (Ending.ABANDONED, False)
    run.begin("a")
    ended = run.recovery().recover(run.journal)
    assert ended is not None
    assert ended.is_resumable
