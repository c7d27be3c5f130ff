"""The start of a JVM is called off, and the end of one that is dead is quiet; a shell stands in for the JVM."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark import SparkContext

from tauro.errors import RunInterruptedError, SessionError
from tauro.launch import early
from tauro.launch.jvm_start import StartingJvm
from tauro.spark import classic, gateway
from tauro.spark.gateway import Jvm
from tauro.spark.session import how_the_jvm_died
from tauro.spark.stops import called_off_by
from tests.support.standin import Standin

SOON_S = 5.0
JAVA = {"JAVA_HOME": "/java"}
Starts = Callable[[str], list[Popen[bytes]]]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Has a script run in place of the JVM; returns the processes that come of it."""

    def put(script: str) -> list[Popen[bytes]]:
        noted: list[Popen[bytes]] = []
        start = gateway.start_process

        def noting(command: Any, environment: Any, printed: Any, note: Any) -> Any:
            return start(
                command, environment, printed, lambda starting: (note(starting), noted.append(starting.process))
            )

        monkeypatch.setattr(gateway, "spark_submit", lambda settings, environment: ["sh", "-c", script])
        monkeypatch.setattr(gateway, "start_process", noting)
        return noted

    return put


def test_a_start_that_is_called_off_ends_its_process_at_once(starts: Starts) -> None:
    noted = starts("exec sleep 60")
    began = time.monotonic()
    with (
        called_off_by(lambda: "interrupted by SIGINT" if noted else None),
        pytest.raises(RunInterruptedError, match="interrupted by SIGINT while Spark was starting"),
    ):
        Jvm({}, {}, is_quiet=True)
    assert time.monotonic() - began < SOON_S
    assert noted[0].returncode is not None


def test_nothing_is_started_for_a_run_that_was_stopped_before(starts: Starts) -> None:
    noted = starts("exec sleep 60")
    with called_off_by(lambda: "interrupted"), pytest.raises(RunInterruptedError):
        Jvm({}, {}, is_quiet=True)
    assert noted == []


def test_a_jvm_that_got_the_signal_first_was_interrupted_as_well(starts: Starts) -> None:
    noted = starts("kill -TERM $$")
    died_at: list[float] = []

    def stopped() -> str | None:
        if noted and noted[0].poll() is not None and not died_at:
            died_at.append(time.monotonic())
        return "interrupted by SIGTERM" if died_at and time.monotonic() > died_at[0] + 0.3 else None

    with called_off_by(stopped), pytest.raises(RunInterruptedError, match="SIGTERM"):
        Jvm({}, {}, is_quiet=True)


def test_a_jvm_that_ends_by_itself_did_not_start(starts: Starts) -> None:
    starts("echo no room for the heap; exit 1")
    with called_off_by(lambda: None), pytest.raises(SessionError) as caught:
        Jvm({}, {}, is_quiet=True)
    assert "Spark did not start: its JVM ended before it was up, exit code 1" in caught.value.message
    assert "no room for the heap" in caught.value.message


def test_a_signal_to_the_jvm_alone_is_no_interrupt(starts: Starts) -> None:
    starts("kill -TERM $$")
    with pytest.raises(SessionError, match="killed by SIGTERM"):
        Jvm({}, {}, is_quiet=True)


def test_ctrl_c_in_a_program_of_the_users_own_leaves_no_process(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts("read line")
    noted: list[Popen[bytes]] = []

    def interrupted(self: Jvm, starting: StartingJvm) -> None:
        self._process = starting.process
        noted.append(starting.process)
        raise KeyboardInterrupt

    monkeypatch.setattr(Jvm, "_note", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Jvm({}, {}, is_quiet=True)
    assert noted[0].returncode is not None


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Jvm:
    """A JVM that was killed while its session was open."""

    def refuse() -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    for name in ("_active_spark_context", "_gateway", "_jvm"):
        monkeypatch.setattr(SparkContext, name, SimpleNamespace())
    jvm = Jvm.__new__(Jvm)
    jvm._process = Popen(["sh", "-c", "kill -KILL $$"])
    jvm._process.wait()
    jvm._gateway, jvm._log = SimpleNamespace(shutdown=refuse), None
    return jvm


def test_ending_a_jvm_that_is_dead_is_quiet_and_makes_room_for_the_next(dead: Jvm) -> None:
    dead.end()
    dead.end()
    assert SparkContext._active_spark_context is None
    assert SparkContext._gateway is None


def test_it_is_told_how_the_jvm_of_the_session_died(dead: Jvm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classic, "_own", None)
    assert how_the_jvm_died() is None
    monkeypatch.setattr(classic, "_own", SimpleNamespace(jvm=dead))
    assert how_the_jvm_died() == "killed by SIGKILL"


@pytest.fixture
def early_jvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Standin]]:
    """Has a script be started early, as it was the last time."""

    def put(before: str) -> Standin:
        standin = Standin(tmp_path / "spark", before)
        monkeypatch.setattr(gateway, "spark_submit", lambda settings, environment: standin.command())
        early.begin(tmp_path, None, None)
        variables = {"PYSPARK_PYTHON": sys.executable, **os.environ, **JAVA}
        early.remember(standin.command(), variables, str)
        early.begin(tmp_path, None, None)
        return standin

    yield put
    early.close()


def test_a_jvm_that_was_started_early_is_the_sessions(early_jvm: Callable[[str], Standin]) -> None:
    standin = early_jvm("echo taken; sleep 0.5; exit 1")
    while not standin.pids():
        time.sleep(0.01)
    with pytest.raises(SessionError, match="exit code 1\n  taken"):
        Jvm({}, JAVA, is_quiet=True)
    assert len(standin.pids()) == 1


def test_one_that_was_started_early_for_another_session_is_not(early_jvm: Callable[[str], Standin]) -> None:
    standin = early_jvm("exec sleep 60")
    while not standin.pids():
        time.sleep(0.01)
    with (
        called_off_by(lambda: "interrupted" if len(standin.pids()) == 2 else None),
        pytest.raises(RunInterruptedError),
    ):
        Jvm({}, {**JAVA, "OTHER": "1"}, is_quiet=True)
    assert len(standin.pids()) == 2


def test_a_start_that_is_called_off_ends_the_jvm_that_was_started_early(early_jvm: Callable[[str], Standin]) -> None:
    standin = early_jvm("exec sleep 60")
    while not standin.pids():
        time.sleep(0.01)
    began = time.monotonic()
    with (
        called_off_by(lambda: "interrupted" if time.monotonic() > began + 0.3 else None),
        pytest.raises(RunInterruptedError),
    ):
        Jvm({}, JAVA, is_quiet=True)
    assert time.monotonic() - began < SOON_S
    assert not Path(f"/proc/{standin.pids()[0]}").exists()
