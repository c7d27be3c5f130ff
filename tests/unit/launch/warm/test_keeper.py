"""A keeper ends its JVM when nobody needs it, never outlives it, and is never one of two."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tauro.errors import SessionError
from tauro.launch.processes import is_running
from tauro.launch.warm.jvm import TakenError, end_kept, fitting, start, stop, take_lock
from tauro.launch.warm.keeper import IS_KEPT_ALREADY, KeeperOrder, order_text
from tauro.launch.warm.place import is_supported
from tauro.launch.warm.state import Phase, death_of, note_visitor, read_state, read_visitor
from tests.support.warm import is_free, wait_for_end
from tests.support.warm_standin import Standin, standin

pytestmark = pytest.mark.skipif(not is_supported(), reason="warm JVMs are kept on Linux")


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Standin]:
    with standin(tmp_path) as one:
        yield one


def eventually(is_so: Callable[[], bool], within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_jvm_stays_and_fits_whoever_wants_the_same(one: Standin) -> None:
    state = one.start()
    assert fitting(one.place, one.wanted()) == (state, [])
    assert state.is_alive
    assert (one.place.state.stat().st_mode & 0o777, one.place.log.stat().st_mode & 0o777) == (0o600, 0o600)


def test_a_jvm_for_something_else_does_not_fit_and_is_ended_for_the_next(one: Standin) -> None:
    first = one.start()
    other = one.wanted(environment={"OWN": "1"})
    assert fitting(one.place, other) == (None, ["the variable OWN"])
    second = one.start(other)
    assert second.jvm != first.jvm
    assert is_running(first.jvm) is False
    assert is_running(first.keeper) is False


def test_it_ends_when_it_is_idle_for_too_long(one: Standin) -> None:
    state = one.start(one.wanted(idle_s=0.5))
    wait_for_end(state.jvm)
    wait_for_end(state.keeper)
    assert read_state(one.place) is None


def test_it_is_not_idle_while_a_run_is_in_it(one: Standin) -> None:
    state = one.start(one.wanted(idle_s=0.2), Phase.RUNNING)
    time.sleep(2.5)
    assert state.is_alive
    note_visitor(one.place, Phase.DONE, state.jvm)
    wait_for_end(state.jvm)


def test_it_ends_when_its_memory_grows_past_the_bound(one: Standin) -> None:
    wait_for_end(one.start(one.wanted(limit=1)).jvm)


def test_it_ends_when_the_projects_folder_is_gone(one: Standin) -> None:
    state = one.start()
    one.root.rmdir()
    wait_for_end(state.jvm)
    wait_for_end(state.keeper)


def test_it_ends_when_its_own_folder_is_gone(one: Standin) -> None:
    state = one.start()
    shutil.rmtree(one.place.folder)
    wait_for_end(state.jvm)
    wait_for_end(state.keeper)


def test_a_keeper_that_is_killed_takes_its_jvm_along(one: Standin) -> None:
    state = one.start()
    os.kill(state.keeper.pid, signal.SIGKILL)
    wait_for_end(state.jvm)
    assert fitting(one.place, one.wanted()) == (None, [])
    assert one.start().jvm != state.jvm


def test_a_jvm_that_is_killed_while_idle_is_noticed_and_started_again(one: Standin) -> None:
    state = one.start()
    os.kill(state.jvm.pid, signal.SIGKILL)
    wait_for_end(state.keeper)
    assert death_of(one.place, state.jvm) == "killed by SIGKILL"
    assert read_state(one.place) is None
    assert one.start().is_alive


def test_a_state_that_is_damaged_is_written_again(one: Standin) -> None:
    state = one.start()
    one.place.state.write_text('{"version": 1, "root"')
    assert fitting(one.place, one.wanted()) == (state, [])
    one.place.state.unlink()
    eventually(lambda: read_state(one.place) == state)


def test_a_state_that_others_could_read_is_not_believed(one: Standin) -> None:
    state = one.start()
    os.kill(state.keeper.pid, signal.SIGSTOP)
    try:
        one.place.state.chmod(0o644)
        assert read_state(one.place) is None
    finally:
        os.kill(state.keeper.pid, signal.SIGCONT)


def test_a_second_keeper_ends_at_once_and_leaves_the_first_alone(one: Standin) -> None:
    state = one.start()
    wanted = one.wanted()
    order = KeeperOrder(str(one.root), wanted.command, dict(wanted.environment), wanted.key_with(None), 60, 1 << 40, [])
    second = subprocess.run(
        [sys.executable, "-m", "tauro.launch.warm.keeper", str(one.place.folder)],
        input=order_text(order).encode(),
        check=False,
    )
    assert second.returncode == IS_KEPT_ALREADY
    assert read_state(one.place) == state
    assert state.is_alive


def test_of_two_that_start_at_once_one_waits_or_goes_elsewhere(one: Standin) -> None:
    def begin() -> int | None:
        code = (
            "import sys; from pathlib import Path; from tests.support.warm_standin import Standin\n"
            "from tauro.launch.warm.jvm import *; from tauro.launch.warm.state import *\n"
            f"one = Standin.__new__(Standin); one.root = Path({str(one.root)!r})\n"
            f"one.place = WarmPlace(Path({str(one.place.folder)!r})); one._program = Path({str(one._program)!r})\n"
            "try: lock = take_lock(one.place)\n"
            "except TakenError: sys.exit(9)\n"
            "note_visitor(one.place, Phase.TAKING, None)\n"
            "state, _ = fitting(one.place, one.wanted())\n"
            "state = state or start(one.place, one.wanted(), lambda: None)\n"
            "note_visitor(one.place, Phase.DONE, state.jvm); print(state.jvm.pid); lock.release()\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 9), done.stderr
        return int(done.stdout) if done.returncode == 0 else None

    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(begin) for _ in range(4)]]
    assert len({pid for pid in found if pid is not None}) == 1


def test_a_jvm_that_does_not_start_is_told_with_what_it_said(one: Standin) -> None:
    with pytest.raises(SessionError):
        one.start(one.wanted("5"))
    assert one.place.log.read_text().splitlines() == ["the JVM says something"]
    assert is_free(one.place)


def test_a_start_that_is_called_off_leaves_nothing(one: Standin) -> None:
    lock = take_lock(one.place)
    assert start(one.place, one.wanted(), lambda: "SIGTERM") is None
    lock.release()
    eventually(lambda: is_free(one.place))
    assert read_state(one.place) is None


def test_stop_ends_it_at_once_and_after_the_run_that_is_in_it(one: Standin) -> None:
    state = one.start()
    assert stop(one.place) is True
    assert is_running(state.jvm) is False
    state = one.start(phase=Phase.RUNNING)
    lock = take_lock(one.place)
    assert stop(one.place) is False
    time.sleep(1.5)
    assert state.is_alive
    note_visitor(one.place, Phase.DONE, state.jvm)
    lock.release()
    wait_for_end(state.jvm)
    assert stop(one.place) is True


def test_a_lock_is_not_given_to_a_second_while_a_run_is_inside(one: Standin) -> None:
    lock = take_lock(one.place)
    note_visitor(one.place, Phase.RUNNING, None)
    with pytest.raises(TakenError):
        take_lock(one.place)
    lock.release()
    take_lock(one.place).release()


def test_what_a_dead_run_left_is_cleared_away_or_the_jvm_is_ended(one: Standin) -> None:
    state = one.start()
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    visitor = json.loads(one.place.visitor.read_text())
    visitor |= {"phase": "running", "process": {"pid": dead.pid, "started": 1}}
    one.place.visitor.write_text(json.dumps(visitor))
    wait_for_end(state.jvm)  # it can't be asked to clear up: it is no JVM
    found = read_visitor(one.place)
    assert found is not None
    assert found.phase is not Phase.DONE


def test_ending_what_is_not_there_is_no_error(one: Standin) -> None:
    end_kept(one.place)
    assert is_free(one.place)
