"""Which commands have a JVM start while they read the project, and that none is left; a script stands in for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tauro.launch import early
from tests.support.standin import Standin

SOON_S = 10.0
DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")


@pytest.fixture
def jvm(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """What the last run of the project has started."""
    for name in ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", "TAURO_VERBOSE", "TAURO_WARM", early.SWITCH):
        monkeypatch.delenv(name, raising=False)
    standin = Standin(tmp_path / "spark")
    early.begin(project, None, None)
    early.remember(standin.command(), {**os.environ, "JAVA_HOME": "/java"}, str)
    early.close()
    return standin


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_gone(jvm: Standin) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in jvm.pids())


@pytest.mark.parametrize(
    "words",
    [
        ("validate",),
        ("plan", "-p", "adhoc", *DAYS),
        ("run", "-p", "adhoc", *DAYS, "--dry-run"),
        ("run", "--help"),
        ("run", "--quiet", "--verbose"),
        ("run", "--no-such-option"),
        ("run", "--verbose", "-p", "nothing"),
        ("show", "settings"),
        ("runs",),
    ],
)
def test_what_runs_nothing_starts_nothing(jvm: Standin, tauro, words: tuple[str, ...]) -> None:
    tauro(*words)
    time.sleep(0.2)
    assert jvm.pids() == []


def test_a_run_that_ends_before_it_has_a_session_leaves_nothing(jvm: Standin, tauro, monkeypatch) -> None:
    from tauro.cli import project

    def slow(*_args: object) -> str:
        until(lambda: len(jvm.pids()) == 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(project, "pipeline_of", slow)
    assert tauro("run", "-p", "adhoc", *DAYS).code == 130
    until(lambda: is_gone(jvm))


@pytest.mark.parametrize("words", [("run", "-p", "nothing", *DAYS), ("resume",)])
def test_a_mistake_is_told_all_the_same(jvm: Standin, tauro, words: tuple[str, ...]) -> None:
    called = tauro(*words)
    assert called.code == 2
    until(lambda: is_gone(jvm))


HANGS = """
import sys, time
from tauro.cli import main, project
project.pipeline_of = lambda *_: time.sleep(60)
main.main(sys.argv[1:])
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_command_leaves_nothing(jvm: Standin, project: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS, "run", "-p", "adhoc", *DAYS], cwd=project, stderr=subprocess.DEVNULL
    )
    until(lambda: len(jvm.pids()) == 1)
    process.send_signal(number)
    assert process.wait(SOON_S) in (-number, 130)
    until(lambda: is_gone(jvm))
