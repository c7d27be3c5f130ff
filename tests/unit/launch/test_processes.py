"""Which process it is, and whether it still runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tauro.launch.processes import Host, Process, end, is_running, jvm_of_this_process, this_host, this_process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process's start")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def named(process: subprocess.Popen[bytes]) -> Process:
    with open(f"/proc/{process.pid}/stat") as file:
        return Process(pid=process.pid, started=int(file.read().rpartition(")")[2].split()[19]))


def test_this_process_runs_and_one_that_bears_its_id_later_does_not() -> None:
    here = this_process()
    assert here.pid == os.getpid()
    assert here.started is not None
    assert is_running(here) is True
    assert is_running(Process(pid=here.pid, started=here.started - 1)) is False
    assert is_running(Process(pid=here.pid)) is None


def test_a_process_that_was_killed_is_gone_before_its_parent_has_noticed(sleeper: subprocess.Popen[bytes]) -> None:
    process = named(sleeper)
    assert is_running(process) is True
    sleeper.kill()
    deadline = time.monotonic() + 10
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_running(process) is False  # a zombie: nobody has waited for it
    sleeper.wait()
    assert is_running(process) is False


def test_ending_waits_until_it_is_gone_and_spares_whoever_bears_the_id_now(sleeper: subprocess.Popen[bytes]) -> None:
    process = named(sleeper)
    assert process.started is not None
    assert end(Process(pid=process.pid, started=process.started - 1), timeout_s=1)  # that one is gone
    assert is_running(process) is True
    assert not end(Process(pid=process.pid), timeout_s=1)  # it may be another one
    assert is_running(process) is True
    assert end(process, timeout_s=10)
    assert is_running(process) is False


def test_ids_mean_the_same_only_within_one_boot_and_container() -> None:
    here = this_host()
    assert here.shares_processes_with(here)
    for other in (
        Host("elsewhere", here.boot, here.namespace),
        Host(here.host, "another", here.namespace),
        Host(here.host, here.boot, "another"),
    ):
        assert not here.shares_processes_with(other)
    unknown = Host(here.host, None, None)
    assert not unknown.shares_processes_with(unknown)


def test_without_a_spark_session_there_is_no_jvm() -> None:
    code = "from tauro.launch.processes import jvm_of_this_process as jvm; import pyspark; print(jvm())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "None"


def test_the_jvm_is_the_process_that_the_gateway_was_launched_with(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    context = SimpleNamespace(_gateway=SimpleNamespace(proc=sleeper))
    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace(SparkContext=context))
    assert jvm_of_this_process() == named(sleeper)
    sleeper.kill()
    sleeper.wait()
    assert jvm_of_this_process() is None
    context._gateway = SimpleNamespace()  # of a JVM that others have launched
    assert jvm_of_this_process() is None


CHILD = """\
import sys
from types import ModuleType

sys.modules["pyspark"] = ModuleType("pyspark")
sys.modules["pyspark"].SparkContext = type("SparkContext", (), {})
from tauro.launch.processes import jvm_of_this_process

jvm = jvm_of_this_process()
print(jvm.pid if jvm else None)
"""
PARENT = (
    "import os, subprocess, sys; print(os.getpid(), flush=True); subprocess.run([sys.executable, '-c', sys.argv[2]])"
)


@pytest.mark.parametrize(("main", "is_jvm"), [("org.apache.spark.deploy.SparkSubmit", True), ("org.other.Main", False)])
def test_the_jvm_of_a_submitted_driver_is_its_parent(main: str, is_jvm: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, main, CHILD],
        env={**os.environ, "PYSPARK_GATEWAY_PORT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    parent, found = done.stdout.splitlines()
    assert found == (parent if is_jvm else "None")
