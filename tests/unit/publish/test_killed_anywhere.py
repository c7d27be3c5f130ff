"""A run, and then its recovery, killed at every step that outlives them: all tables are new, or all are old."""

from __future__ import annotations

import errno
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.errors import ConflictError, PublishError
from tauro.io.files.appended import Append
from tauro.io.files.marker import Marker
from tauro.io.files.staging import StagedFiles
from tauro.io.files.swaps import swap_for
from tauro.io.files.table import file_table_at
from tauro.io.files.write import FileWrite, shape_of
from tauro.io.partitions import data_files
from tauro.io.ports import WriteRequest
from tauro.io.recorded import as_record
from tauro.model import OutputResult, OutputSpec, OverwriteScope, Window, WriteMode
from tauro.publish.journal import About, Journal, NodeNote, home_of
from tauro.publish.lease_file import LeaseFile
from tauro.publish.leases import Leases
from tauro.publish.recovery import Ending, Recovered, Recovery, sweep
from tauro.publish.targets import Target
from tauro.publish.together import StagedOutput, publish_together
from tauro.storage import steps
from tauro.storage.place import Place
from tests.support.stores import STORE, place_in, real

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WINDOW = Window("2013-01-02", "2013-01-02")
TABLES = {
    "whole": (WriteMode.OVERWRITE, OverwriteScope.TABLE),
    "parts": (WriteMode.OVERWRITE, OverwriteScope.PARTITIONS),
    "added": (WriteMode.APPEND, OverwriteScope.TABLE),
}
OLD, KEPT, NEW = "day=2013-01-02/old", "day=2013-01-01/kept", "day=2013-01-02/new"
BEFORE = {name: {OLD, KEPT} for name in TABLES}
AFTER = {"whole": {NEW}, "parts": {KEPT, NEW}, "added": {OLD, KEPT, NEW}}


@dataclass
class World:
    """Three tables of files in two folders."""

    root: Path
    scheme: str = ""
    """That of the file system on which they lie; empty for this machine's own."""

    def folder(self, name: str) -> Place:
        return place_in(self.scheme, self.root / ("there" if name == "added" else "here") / name)

    def target(self, name: str) -> Target:
        base = self.folder(name).parent / "_tauro"
        return Target(name, str(self.folder(name)), LeaseFile(base / "leases" / f"{name}.json", base), None)

    def stage(self, name: str, run: str, *files: str) -> StagedOutput:
        mode, scope = TABLES[name]
        folder, write_id = self.folder(name), f"{run}-{name}"
        marker = Marker(run, f"make_{name}", name, "parquet", "{}", ("day",), {}, write_id=write_id)
        there = file_table_at(folder, "here")
        append = Append("p", f"make_{name}", name, None if run == "first" else WINDOW, run, write_id, files)
        write = FileWrite(
            path=str(folder),
            where="here",
            mode=mode,
            scope=scope,
            marker=marker,
            expected=shape_of(there.marker if there else marker),
            types={"day": "date"},
            append=append if mode is WriteMode.APPEND else None,
        )
        swap = swap_for(folder, folder.parent / "_tauro" / run / f"make_{name}" / name, write)
        for file in files:
            real(swap.data / file).parent.mkdir(parents=True, exist_ok=True)
            real(swap.data / file).write_text(f"{run} {file}")
        marker.write(swap.data)
        staged = StagedFiles(swap, OutputResult(name, "parquet", path=str(folder), rows=1), _no_session)
        spec = OutputSpec.parse(name, {"format": "parquet", "path": str(folder)})
        request = WriteRequest("p", f"make_{name}", name, spec, WINDOW, run)
        return StagedOutput(f"make_{name}", name, str(folder), staged, can_undo=True, record=as_record(request, staged))

    def begin(self) -> None:
        """The tables as they were before the run."""
        for name in TABLES:
            staged = self.stage(name, "first", OLD, KEPT).staged
            staged.publish()
            staged.discard()

    def run(self, conflict: str | None = None) -> None:
        """What a run does, from its leases to their end."""
        targets = [self.target(name) for name in TABLES]
        workshops = sorted({self.folder(name).parent / "_tauro" for name in TABLES}, key=str)
        journal = Journal(home_of("second", workshops, self.root))
        with Leases("second", "p", home=journal.home) as leases:
            leases.acquire(targets)
            journal.begin(
                About(
                    run_id="second",
                    pipeline="p",
                    publish="run",
                    project=str(self.root),
                    host="here",
                    started_at="",
                    workshops=tuple(map(str, workshops)),
                    leases=tuple(dict(target.place.address) for target in targets),
                )
            )
            staged = [self.stage(name, "second", NEW) for name in TABLES]
            for one in staged:
                note = one.note
                assert note is not None
                journal.note(NodeNote(node=one.node, code="", configuration="", outputs=(note,)))
            if conflict is not None:
                real(self.folder(conflict) / "_tauro.json").unlink(missing_ok=True)
            publish_together(staged, lambda *_: None, journal=journal, before=leases.check)
            for one in staged:
                one.staged.discard()
            sweep(journal.about(), [target.place for target in targets], _no_session)
            journal.remove()

    def recover(self) -> list[Recovered]:
        """What another run does that is to write one of the tables."""
        told: list[Recovered] = []
        recovery = Recovery(_no_session, lambda *_: {}, told.append)
        with Leases("third", "p", settle=recovery.settle) as leases:
            leases.acquire([self.target("added")])
        with Leases("fourth", "p", settle=recovery.settle) as leases:
            leases.acquire([self.target(name) for name in TABLES])
        return told

    def files(self) -> dict[str, set[str]]:
        return {name: {path.as_posix() for path in data_files(self.folder(name))} for name in TABLES}

    def leftovers(self) -> list[str]:
        return [str(path) for path in self.root.rglob("*_tauro/**/*")] + [str(p) for p in self.root.rglob("*.lock")]


def _no_session() -> SparkSession:
    raise AssertionError("files need no session")


@pytest.fixture
def worlds(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], World]:
    """Makes worlds; the parameter is their scheme."""
    count = iter(range(10_000))

    def make() -> World:
        world = World(tmp_path / str(next(count)), getattr(request, "param", ""))
        world.begin()
        return world

    return make


def names_of(action: Callable[[], object]) -> list[str]:
    """The steps that an action takes, in a process of its own."""
    reader, writer = os.pipe()
    _in_child(action, lambda name: os.write(writer, f"{name}\n".encode()))
    os.close(writer)
    with os.fdopen(reader) as lines:
        return lines.read().split()


def killed_at(number: int, action: Callable[[], object]) -> bool:
    """Kills a process of its own right before the action's step of that number; False if it takes no such step."""
    left = [number]

    def watch(name: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return _in_child(action, watch)


def _in_child(action: Callable[[], object], watch: Callable[[str], object]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            steps.watch(watch)
            action()
        except BaseException:  # noqa: BLE001 - it must not get into pytest's own frames
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child has failed"
    return os.WIFSIGNALED(status)


def each_kill(make: Callable[[], World], action: Callable[[World], object]) -> Iterator[World]:
    """Worlds in which the action was killed, one for each of its steps."""
    for number in range(10_000):
        world = make()
        if not killed_at(number, lambda world=world: action(world)):  # type: ignore[misc]  # a default binds it
            return
        yield world


def test_a_run_takes_every_step_that_this_is_about(worlds: Callable[[], World]) -> None:
    world = worlds()
    names = set(names_of(world.run))
    assert {"lease.take", "journal.begin", "journal.note", "journal.publish", "publish.output", "journal.done"} < names
    assert {"journal.sweep", "journal.remove", "lease.release"} & names >= {"journal.remove", "lease.release"}
    assert world.files() == AFTER
    assert world.leftovers() == []


@pytest.mark.parametrize("worlds", ["", STORE], indirect=True)
def test_wherever_a_run_is_killed_the_next_finds_all_or_nothing_and_leaves_nothing(
    worlds: Callable[[], World],
) -> None:
    seen = set()
    for world in each_kill(worlds, World.run):
        told = world.recover()
        files = world.files()
        assert files in (BEFORE, AFTER)
        assert world.leftovers() == []
        assert len(told) <= 1
        seen.add((files == AFTER, told[0].ending if told else None))
    assert seen == {
        (False, None),  # before anything was staged
        (False, Ending.DROPPED),
        (True, Ending.PUBLISHED),
        (True, None),  # when all was done but for tidying up
    }


def test_a_recovery_that_is_killed_anywhere_is_done_by_the_next(worlds: Callable[[], World]) -> None:
    taken = names_of(worlds().run)
    decided = taken.index("journal.publish") + 1
    for number in (decided, decided + 4, taken.index("journal.done") + 1):

        def dead(number: int = number) -> World:
            world = worlds()
            assert killed_at(number, world.run)
            return world

        for world in each_kill(dead, World.recover):
            world.recover()
            assert world.files() == AFTER
            assert world.leftovers() == []


@pytest.mark.parametrize("worlds", ["", STORE], indirect=True)
def test_a_publishing_that_meets_somebody_elses_write_and_is_killed_while_it_puts_back_is_undone(
    worlds: Callable[[], World],
) -> None:
    def run(world: World) -> None:
        with pytest.raises(PublishError) as caught:
            world.run(conflict="added")
        assert isinstance(caught.value.__cause__, ConflictError)

    count = 0
    for world in each_kill(worlds, run):
        world.recover()
        files = world.files()
        assert files["whole"] == BEFORE["whole"]
        assert files["parts"] == BEFORE["parts"]
        assert files["added"] == BEFORE["added"]
        count += 1
    assert count > 20


def test_a_decision_that_cannot_be_put_down_publishes_nothing(
    worlds: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds()

    def fill(name: str) -> None:
        if name == "journal.publish":
            steps.watch(None)
            monkeypatch.setattr(Path, "write_bytes", _no_space)

    steps.watch(fill)
    with pytest.raises(PublishError, match=r"nothing is published: .* No space left"):
        world.run()
    monkeypatch.undo()
    assert world.files() == BEFORE


def test_a_publishing_that_fills_the_disk_is_undone_all_the_same(
    worlds: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = worlds(), []

    def fill(name: str) -> None:
        seen.append(name)
        if seen.count("publish.output") == 2:
            steps.watch(None)
            monkeypatch.setattr(Path, "write_bytes", _no_space)

    steps.watch(fill)
    with pytest.raises(PublishError, match="No space left"):
        world.run()
    monkeypatch.undo()
    assert world.files() == BEFORE


def test_a_folder_that_can_no_longer_be_written_fails_the_publishing_and_hides_no_cause(
    worlds: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = worlds(), []

    def close(name: str) -> None:
        seen.append(name)
        if seen.count("publish.output") == 2:
            steps.watch(None)
            monkeypatch.setattr(Path, "write_bytes", _no_space)
            monkeypatch.setattr(Journal, "settle", _no_space)

    steps.watch(close)
    with pytest.raises(PublishError, match="No space left"):
        world.run()


def _no_space(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
