"""A JVM's process is started, watched, ended and judged; a shell stands in for the JVM."""

from __future__ import annotations

import os
import time
from subprocess import DEVNULL, PIPE, Popen

import pytest

from tauro.launch.installed import installed_spark
from tauro.launch.jvm_start import Address, StartingJvm
from tauro.spark.jvm_process import (
    did_not_start,
    end_process,
    ended_once,
    how_it_ended,
    spark_submit,
    start_process,
    was_asked_to_end,
)

SOON_S = 5.0


def shell(script: str) -> Popen[bytes]:
    return Popen(["sh", "-c", script], stdin=PIPE, stdout=PIPE)


def started(script: str) -> tuple[Address | None, Popen[bytes]]:
    noted: list[StartingJvm] = []
    address = start_process(["sh", "-c", script], os.environ, DEVNULL, noted.append)
    return address, noted[0].process


def test_a_process_tells_where_it_listens() -> None:
    tells = r"""printf '\0\0\1\2\0\0\0\3key' > "$_PYSPARK_DRIVER_CONN_INFO_PATH.new" """
    moves = 'mv "$_PYSPARK_DRIVER_CONN_INFO_PATH.new" "$_PYSPARK_DRIVER_CONN_INFO_PATH"'
    address, process = started(f"{tells}; {moves}; read line")
    assert address == Address(258, "key")
    assert process.poll() is None
    end_process(process)  # the end of its input ends it
    assert process.returncode == 1


def test_a_process_that_ends_before_it_listens_has_no_address() -> None:
    address, process = started("exit 3")
    assert address is None
    assert how_it_ended(process) == "exit code 3"


def test_ctrl_c_is_none_of_its_business() -> None:
    address, process = started("kill -INT $$; exit 7")
    assert address is None
    assert process.returncode == 7


def test_the_command_has_all_settings_and_the_callers_options(monkeypatch: pytest.MonkeyPatch) -> None:
    command = spark_submit({"spark.a": "1 2"}, {"PYSPARK_SUBMIT_ARGS": "--name 'my app' pyspark-shell"})
    assert command[0].endswith("/bin/spark-submit")
    assert command[1:] == ["--conf", "spark.a=1 2", "--name", "my app", "pyspark-shell"]
    assert spark_submit({}, {})[1:] == ["pyspark-shell"]


@pytest.mark.parametrize(
    ("script", "end"),
    [("exec sleep 60", "killed by SIGTERM"), ("trap '' TERM; echo; while :; do sleep 0.1; done", "killed by SIGKILL")],
)
def test_a_process_is_ended_once_that_is_asked_for(script: str, end: str) -> None:
    process = shell(f"echo; {script}")
    assert process.stdout is not None
    process.stdout.readline()
    if "trap" in script:
        process.stdout.readline()
    began = time.monotonic()
    with ended_once(lambda: "Ctrl-C", lambda: process):
        process.wait(SOON_S)
    assert how_it_ended(process) == end
    assert time.monotonic() - began < SOON_S


def test_a_process_that_nobody_stops_outlives_the_watch() -> None:
    process = shell("exec sleep 60")
    with ended_once(lambda: None, lambda: process):
        time.sleep(0.2)
    assert how_it_ended(process) is None
    process.kill()
    assert how_it_ended(process, SOON_S) == "killed by SIGKILL"


@pytest.mark.parametrize(
    ("script", "words", "was_asked"),
    [
        ("kill -TERM $$", "killed by SIGTERM", True),
        ("exit 143", "killed by SIGTERM", True),  # a JVM that was asked to end
        ("kill -KILL $$", "killed by SIGKILL", False),
        ("exit 1", "exit code 1", False),
        ("exit 255", "exit code 255", False),
    ],
)
def test_the_end_of_a_process_is_told_in_words(script: str, words: str, was_asked: bool) -> None:
    process = shell(script)
    assert how_it_ended(process, SOON_S) == words
    assert was_asked_to_end(process) is was_asked


def test_a_process_that_runs_was_not_asked_to_end() -> None:
    process = shell("exec sleep 60")
    assert not was_asked_to_end(process)
    process.kill()
    process.wait()


def test_a_jvm_that_did_not_start_is_quoted_without_its_stack() -> None:
    printed = b"older\n" * 20 + b"Caused by: no room\n\tat a.B.c(B.java:1)\n  \nlast \xff\n"
    lines = str(did_not_start("exit code 1", printed)).splitlines()
    assert lines[0] == "Spark did not start: exit code 1"
    assert lines[1:13] == ["  older"] * 10 + ["  Caused by: no room", "  last \ufffd"]


def test_a_master_that_does_not_answer_may_run_another_spark() -> None:
    printed = b"ERROR StandaloneSchedulerBackend: Application was killed. All masters are unresponsive! Giving up.\n"
    error = did_not_start("Spark context stopped while waiting for backend", printed)
    assert error.fix is not None
    assert f"runs Spark {installed_spark().version}" in error.fix
    assert "show settings" in str(did_not_start("no", b"something else"))
