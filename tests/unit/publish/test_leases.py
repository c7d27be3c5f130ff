"""Leases: taken all or none, kept, lost, taken over and given back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Thread

import pytest

from tauro.errors import LeaseLostError, OutputHeldError, RunInterruptedError, WriteError
from tauro.exec.failures import kind_of
from tauro.launch.processes import Process, is_running, this_host
from tauro.model.outcome import FailureKind
from tauro.publish.holder import Span
from tauro.publish.leases import Leases
from tauro.publish.liveness import TTL_S, Watch
from tauro.storage.place import put_whole
from tests.support.stores import real
from tests.unit.publish.conftest import ELSEWHERE, World, holder, span

WAIT_S = 10


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def in_background(work: Callable[[], object]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def ends_by_a_stop(work: Callable[[], object]) -> None:
    with pytest.raises(RunInterruptedError):
        work()


class TestTaking:
    def test_a_run_holds_its_outputs_until_it_ends_and_leaves_nothing_behind(self, world: World) -> None:
        target = world.target()
        with world.leases() as leases:
            leases.acquire([target, world.target("more")])
            (found,) = target.place.holders()
            assert (found.run_id, found.pipeline, found.host, found.span) == ("mine", "daily", "here", None)
            leases.check()
        assert not list(world.folder.rglob("*"))

    def test_what_another_run_holds_is_refused_by_name_time_and_host(self, world: World) -> None:
        target = world.target()
        world.running = {4321}
        world.write(target, holder("2013-x"))
        with world.leases() as leases, pytest.raises(OutputHeldError) as caught:
            leases.acquire([target])
        error = caught.value
        assert (error.exit_code, error.output, error.location) == (5, "gold.events", str(world.folder / "events"))
        assert str(error) == (
            f"output 'gold.events' ({world.folder}/events) is held by run 2013-x of pipeline 'daily' on here "
            "(process 4321) since 2013-01-01 12:00:00+00:00\n  fix: wait for it with --wait 10m, or stop that run"
        )
        assert target.place.holders() == (holder("2013-x"),)

    def test_all_are_taken_or_none(self, world: World) -> None:
        free, held = world.target("a"), world.target("b")
        world.running = {4321}
        world.write(held, holder())
        with world.leases() as leases, pytest.raises(OutputHeldError, match=r"gold\.b"):
            leases.acquire([free, held])
        assert free.place.holders() == ()
        assert sorted(path.name for path in world.folder.rglob("*.*")) == ["b.json"]

    @pytest.mark.parametrize(
        ("one", "other", "fits"),
        [
            (span(1, 8), span(8, 15), True),
            (span(1, 8), span(7, 15), False),
            (span(1, 8), None, False),
            (None, span(1, 8), False),
        ],
    )
    def test_windows_of_one_output_go_side_by_side_unless_they_overlap(
        self, world: World, one: Span | None, other: Span | None, fits: bool
    ) -> None:
        world.running = {os.getpid()}
        with world.leases("first") as first, world.leases("second") as second:
            first.acquire([world.target(part=one)])
            if fits:
                second.acquire([world.target(part=other)])
                assert {found.run_id for found in world.target().place.holders()} == {"first", "second"}
                second.check()
            else:
                with pytest.raises(OutputHeldError, match="run first"):
                    second.acquire([world.target(part=other)])
            first.check()
        assert not list(world.folder.rglob("*"))

    def test_of_many_at_once_exactly_one_gets_it(self, world: World) -> None:
        world.running = {os.getpid()}
        runs = [world.leases(str(number)) for number in range(8)]
        got: list[int] = []

        def take(number: int) -> None:
            try:
                runs[number].acquire([world.target("a"), world.target("b")])
            except OutputHeldError:
                return
            got.append(number)

        threads = [in_background(lambda at=at: take(at)) for at in range(8)]  # type: ignore[misc]
        for thread in threads:
            thread.join(WAIT_S)
        assert len(got) == 1
        assert [one.run_id for one in world.target("b").place.holders()] == [str(got[0])]
        runs[got[0]].release()

    def test_a_file_that_is_no_lease_holds_nobody_off_and_is_told(self, world: World, told: list[str]) -> None:
        target = world.target()
        for rubbish in ("", "{", '{"holders": [{"run_id": "x"}]}', "[]"):
            world.write(target)
            real(target.place.path).write_text(rubbish)
            with world.leases() as leases:
                leases.acquire([target])
                assert [one.run_id for one in target.place.holders()] == ["mine"]
            assert "is no lease that can be read" in told[-1]

    def test_where_nothing_can_be_written_the_error_says_so(self, world: World) -> None:
        world.folder.parent.mkdir(exist_ok=True)
        world.folder.write_text("a file where a folder should be")
        with world.leases() as leases, pytest.raises(WriteError, match=r"gold\.events.*can't take the lease") as caught:
            leases.acquire([world.target()])
        assert "let this user write to" in (caught.value.fix or "")

    def test_without_outputs_there_is_nothing_to_hold(self, world: World) -> None:
        with world.leases() as leases:
            leases.acquire([])
            leases.check()
        assert not world.folder.exists()


class TestWaiting:
    def test_a_run_waits_until_the_output_is_given_back(self, world: World, told: list[str]) -> None:
        world.running = {os.getpid()}
        first, second = world.leases("first"), world.leases("second")
        first.acquire([world.target()])
        thread = in_background(lambda: second.acquire([world.target()], wait_s=600))
        until(lambda: told)
        assert thread.is_alive()
        first.release()
        thread.join(WAIT_S)
        assert not thread.is_alive()
        second.check()
        second.release()
        assert len([line for line in told if "waiting for at most 600 s" in line]) == 1

    def test_who_waits_for_one_output_keeps_nobody_off_the_others(self, world: World, told: list[str]) -> None:
        world.running = {os.getpid(), 4321}
        world.write(world.target("b"), holder())
        waiting, third = world.leases("waiting"), world.leases("third")
        reasons: list[str | None] = [None]
        thread = in_background(
            lambda: ends_by_a_stop(
                lambda: waiting.acquire([world.target("a"), world.target("b")], wait_s=600, stopped=lambda: reasons[0])
            )
        )
        until(lambda: told)
        for _ in range(50):
            third = world.leases("third")
            third.acquire([world.target("a")])
            third.release()
        reasons[0] = "enough"
        thread.join(WAIT_S)
        assert not thread.is_alive()

    def test_waiting_ends_when_its_time_is_up(self, world: World) -> None:
        world.running = {4321}
        world.write(world.target(), holder())
        leases = Leases("mine", watch=Watch(holder().machine, lambda process: True), jvm=lambda: None)
        began = time.monotonic()
        with pytest.raises(OutputHeldError, match=r"is held after 0\.3 s of waiting by run other"):
            leases.acquire([world.target()], wait_s=0.3)
        assert 0.3 <= time.monotonic() - began < 5

    def test_a_stop_ends_waiting_at_once(self, world: World) -> None:
        world.running = {4321}
        world.write(world.target(), holder())
        reasons: list[str | None] = [None]
        errors: list[BaseException] = []

        def wait() -> None:
            try:
                world.leases().acquire([world.target()], wait_s=600, stopped=lambda: reasons[0])
            except RunInterruptedError as error:
                errors.append(error)

        thread = in_background(wait)
        time.sleep(1.2)  # by now it pauses for longer
        reasons[0] = "interrupted by SIGINT"
        began = time.monotonic()
        thread.join(WAIT_S)
        assert time.monotonic() - began < 1
        assert "interrupted by SIGINT" in str(errors[0])


class TestDeadRuns:
    def test_the_lease_of_a_dead_run_is_taken_over_and_told(self, world: World, told: list[str]) -> None:
        target = world.target()
        world.write(target, holder())
        with world.leases() as leases:
            leases.acquire([target])
            assert [one.run_id for one in target.place.holders()] == ["mine"]
        assert told == [
            "WARNING output 'gold.events': took over the lease of run other of pipeline 'daily' on here (process "
            "4321) since 2013-01-01 12:00:00+00:00, which is dead"
        ]

    def test_another_window_of_a_dead_run_here_is_cleared_too_and_one_elsewhere_left_alone(self, world: World) -> None:
        away = holder("away", ELSEWHERE, span=span(20, 25))
        world.write(world.target(), holder(span=span(8, 15)), away)
        with world.leases() as leases:
            leases.acquire([world.target(part=span(1, 8))])
            assert [one.run_id for one in world.target().place.holders()] == ["away", "mine"]
        assert world.target().place.holders() == (away,)

    def test_a_run_elsewhere_is_watched_and_taken_over_when_its_heart_stands_still(
        self, world: World, told: list[str]
    ) -> None:
        world.write(world.target(), holder(machine=ELSEWHERE, beat=3))
        leases = world.leases()
        thread = in_background(lambda: leases.acquire([world.target()]))
        until(lambda: told)
        assert "watching for at most 15 s whether that run lives" in told[0]
        assert thread.is_alive()
        world.clock.now += TTL_S
        thread.join(WAIT_S)
        leases.check()
        leases.release()

    def test_a_run_elsewhere_that_shows_a_heartbeat_is_refused(self, world: World, told: list[str]) -> None:
        world.write(world.target(), holder(machine=ELSEWHERE, beat=3))
        errors: list[OutputHeldError] = []

        def take() -> None:
            try:
                world.leases().acquire([world.target()])
            except OutputHeldError as error:
                errors.append(error)

        thread = in_background(take)
        until(lambda: told)
        draft = world.folder / "draft"
        draft.write_text(real(world.target().place.path).read_text().replace('"beat":3', '"beat":4'))
        draft.replace(real(world.target().place.path))
        thread.join(WAIT_S)
        assert "run other of pipeline 'daily' on elsewhere" in str(errors[0])

    def test_the_jvm_that_outlived_a_dead_run_is_ended_first(self, world: World, told: list[str]) -> None:
        here = this_host()
        with subprocess.Popen(["sleep", "60"]) as jvm:
            stat = Path(f"/proc/{jvm.pid}/stat").read_text().rpartition(")")[2].split()
            process = Process(pid=jvm.pid, started=int(stat[19]))
            world.write(world.target(), holder(machine=here, pid=2**22 + 1, jvm=process))
            with Leases("mine", jvm=lambda: None) as leases:
                leases.acquire([world.target()])
                assert is_running(process) is False
            assert jvm.wait(WAIT_S) == -9
        assert told[0].endswith("which is dead; its work in Spark has ended")

    def test_a_process_that_only_bears_the_id_of_that_jvm_is_spared(self, world: World) -> None:
        with subprocess.Popen(["sleep", "60"]) as stranger:
            world.write(
                world.target(),
                holder(machine=this_host(), pid=2**22 + 1, jvm=Process(pid=stranger.pid, started=1)),
            )
            with Leases("mine", jvm=lambda: None) as leases:
                leases.acquire([world.target()])
            assert stranger.poll() is None
            stranger.kill()

    def test_a_jvm_that_cannot_be_ended_keeps_the_output_closed(self, world: World) -> None:
        with subprocess.Popen(["sleep", "60"]) as jvm:
            world.write(
                world.target(), holder(machine=this_host(), pid=2**22 + 1, jvm=Process(pid=jvm.pid))
            )  # nothing tells whether it is the one
            with Leases("mine") as leases, pytest.raises(OutputHeldError, match="still runs, and can't be ended"):
                leases.acquire([world.target()])
            assert [one.run_id for one in world.target().place.holders()] == ["other"]
            jvm.kill()


class TestHeartbeat:
    def test_each_beat_shows_in_every_file(self, world: World) -> None:
        targets = [world.target("a"), world.target("b")]
        with world.leases() as leases:
            leases.acquire(targets)
            leases.renew()
            leases.renew()
            assert [target.place.holders()[0].beat for target in targets] == [2, 2]

    def test_the_heart_beats_by_itself(self, world: World) -> None:
        watch = Watch(ttl_s=0.06)
        with Leases("mine", watch=watch, jvm=lambda: None) as leases:
            leases.acquire([world.target()])
            until(lambda: world.target().place.holders()[0].beat >= 3)

    def test_a_run_whose_lease_was_taken_over_publishes_nothing(self, world: World) -> None:
        target = world.target()
        asleep, other = world.leases("asleep", ELSEWHERE), world.leases("other")
        asleep.acquire([target])
        thread = in_background(lambda: other.acquire([target]))
        while thread.is_alive():
            world.clock.now += 1
            time.sleep(0.01)
        with pytest.raises(LeaseLostError, match=r"has lost its lease of output 'gold\.events'") as caught:
            asleep.check()
        assert kind_of(caught.value) is FailureKind.TRANSIENT
        other.check()
        asleep.release()
        other.check()
        other.release()

    def test_a_lost_lease_stays_lost(self, world: World) -> None:
        target = world.target()
        with world.leases() as leases:
            leases.acquire([target])
            kept = target.place.path.read_bytes()
            target.place.path.unlink()
            leases.renew()
            put_whole(target.place.path, kept)
            with pytest.raises(LeaseLostError):
                leases.check()

    def test_others_learn_of_the_jvm_once_there_is_one(self, world: World) -> None:
        jvms: list[Process | None] = [None]
        with Leases("mine", watch=world.watch(), jvm=lambda: jvms[0]) as leases:
            leases.acquire([world.target()])
            leases.note_session(None)
            assert world.target().place.holders()[0].beat == 0
            jvms[0] = Process(pid=99, started=5)
            leases.note_session(None)
            leases.note_session(None)
            (found,) = world.target().place.holders()
            assert (found.jvm, found.beat) == (Process(pid=99, started=5), 1)

    def test_a_clock_that_jumps_changes_nothing(self, world: World) -> None:
        world.running = {4321}
        world.write(world.target(), holder(since=datetime(2099, 1, 1)))
        with world.leases() as leases, pytest.raises(OutputHeldError, match="since 2099-01-01"):
            leases.acquire([world.target()])
