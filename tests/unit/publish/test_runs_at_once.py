"""Runs in processes of their own that want one output: who gets it, who waits, and what becomes of the dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tauro.publish.leases import Leases
from tauro.publish.liveness import Watch
from tests.unit.publish.holding import target_at

SCRIPTS = Path(__file__).parent
REPOSITORY = SCRIPTS.parents[2]
WAIT_S = 60
Start = Callable[..., "subprocess.Popen[str]"]

JOBS = """
import time
from pathlib import Path

here = Path(__file__).parent

def slow():
    (here / "running").touch()
    while not (here / "go").exists():
        time.sleep(0.02)
    return 1
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a script of this folder; its process group ends with the test."""
    processes: list[subprocess.Popen[str]] = []

    def call(script: str, *arguments: object) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [sys.executable, str(SCRIPTS / script), *map(str, arguments)],
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            **pipes,
        )
        processes.append(process)
        return process

    yield call
    for process in processes:
        process.kill()
        process.communicate(timeout=WAIT_S)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    documents = {
        "global_settings": {"output_path": "out"},
        "pipelines_config": {"daily": {"nodes": ["slow"], "requires_dates": False}},
        "nodes_config": {"slow": {"function": "jobs.slow", "output": ["gold"]}},
    }
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "tauro.yml").write_text(json.dumps(documents))
    (folder / "jobs.py").write_text(JOBS)
    return folder


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} never came: {seen}")


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


class TestCommand:
    def test_a_second_run_of_one_output_ends_with_5_and_names_the_first(self, project: Path, start: Start) -> None:
        first = start("held_run.py", "run", "--project", project)
        until((project / "running").exists)
        second = start("held_run.py", "run", "--project", project)
        out, err = second.communicate(timeout=WAIT_S)
        assert second.returncode == 5
        assert out == ""
        assert f"output 'gold' ({project}/out/gold) is held by run " in err
        assert f"of pipeline 'daily' on {os.uname().nodename} (process {first.pid}) since 20" in err
        third = start("held_run.py", "run", "--project", project, "--json")
        document = json.loads(third.communicate(timeout=WAIT_S)[0])
        assert (third.returncode, document["error"]["type"]) == (5, "OutputHeldError")
        (project / "go").touch()
        first.communicate(timeout=WAIT_S)
        assert first.returncode == 0
        assert not (project / "out" / "_tauro").exists()

    def test_looking_takes_no_lease(self, project: Path, start: Start) -> None:
        first = start("held_run.py", "run", "--project", project)
        until((project / "running").exists)
        for words in (("plan",), ("run", "--dry-run"), ("validate",)):
            process = start("held_run.py", *words, "--project", project)
            process.communicate(timeout=WAIT_S)
            assert process.returncode == 0
        (project / "go").touch()
        first.communicate(timeout=WAIT_S)

    def test_with_wait_the_second_run_follows_the_first(self, project: Path, start: Start) -> None:
        first = start("held_run.py", "run", "--project", project)
        until((project / "running").exists)
        second = start("held_run.py", "run", "--project", project, "--wait", "10m")
        read_until(second, "waiting for at most 600 s")
        (project / "running").unlink()
        (project / "go").touch()
        first.communicate(timeout=WAIT_S)
        second.communicate(timeout=WAIT_S)
        assert (first.returncode, second.returncode) == (0, 0)
        assert (project / "running").exists()  # it ran its node

    def test_an_interrupt_ends_waiting_with_130(self, project: Path, start: Start) -> None:
        first = start("held_run.py", "run", "--project", project)
        until((project / "running").exists)
        second = start("held_run.py", "run", "--project", project, "--wait", "10m")
        read_until(second, "waiting for at most 600 s")
        second.send_signal(signal.SIGINT)
        _, err = second.communicate(timeout=10)
        assert second.returncode == 130
        assert "while it waited for an output: interrupted by SIGINT" in err
        assert first.poll() is None

    def test_an_interrupted_run_gives_its_outputs_back(self, project: Path, start: Start) -> None:
        first = start("held_run.py", "run", "--project", project)
        until((project / "running").exists)
        first.send_signal(signal.SIGTERM)
        read_until(first, "stopping")
        (project / "go").touch()
        first.communicate(timeout=WAIT_S)
        assert first.returncode == 130
        assert not (project / "out" / "_tauro").exists()

    def test_a_killed_run_is_taken_over_at_once_and_nothing_is_left(self, project: Path, start: Start) -> None:
        first = start("held_run.py", "run", "--project", project)
        until((project / "running").exists)
        first.kill()
        (project / "go").touch()
        second = start("held_run.py", "run", "--project", project)
        _, err = second.communicate(timeout=WAIT_S)
        assert second.returncode == 0
        assert "output 'gold': took over the lease of run 20" in err
        assert f"(process {first.pid}) since 20" in err
        assert not (project / "out" / "_tauro").exists()


class TestProcesses:
    def test_of_several_that_start_at_one_instant_exactly_one_gets_it(self, tmp_path: Path, start: Start) -> None:
        runs = [start("holding.py", tmp_path / "out", "here", 15) for _ in range(4)]
        assert [line_of(run) for run in runs] == ["ready"] * 4
        for run in runs:
            tell(run)
        said = [line_of(run) for run in runs]  # nothing, where it was refused
        assert sorted(said) == ["", "", "", "held"]
        for run, word in zip(runs, said, strict=True):
            if word:
                tell(run)
                assert line_of(run) == "mine"
            assert run.wait(WAIT_S) == (0 if word else 5)
        assert not (tmp_path / "_tauro").exists()

    def test_a_run_that_was_only_asleep_finds_its_lease_lost(self, tmp_path: Path, start: Start) -> None:
        run = start("holding.py", tmp_path / "out", "elsewhere", 1.5)
        line_of(run)
        tell(run)
        assert line_of(run) == "held"
        run.send_signal(signal.SIGSTOP)
        target = target_at(tmp_path / "out")
        with Leases("mine", watch=Watch(ttl_s=1.5)) as mine:
            mine.acquire([target])
            run.send_signal(signal.SIGCONT)
            tell(run)
            assert line_of(run) == "lost"
            assert run.wait(WAIT_S) == 0
            mine.check()
        assert not (tmp_path / "_tauro").exists()

    def test_a_process_killed_while_it_changes_a_lease_stops_nobody(self, tmp_path: Path, start: Start) -> None:
        for pause_s in (0.0, 0.002, 0.004, 0.008):
            run = start("holding.py", tmp_path / "out", "here", 0.003)
            line_of(run)
            tell(run)
            time.sleep(pause_s)
            run.kill()
            run.wait(WAIT_S)
            with Leases("mine") as mine:
                mine.acquire([target_at(tmp_path / "out")])
                mine.check()
            assert not (tmp_path / "_tauro").exists()
