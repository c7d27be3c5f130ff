"""A run that is killed, or that crashes a warm JVM, never spoils the next; on real Spark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from tauro.launch.processes import is_running, process_with_id, this_host
from tauro.launch.warm.state import WarmState, death_of
from tauro.publish.fencing import fence
from tauro.publish.holder import Holder
from tests.support.warm import WarmProject, wait_for_end

pytestmark = pytest.mark.spark

SLOW_WRITE = """
    tell()
    frame = spark.range(0, 4000, 1, 2).selectExpr("id", "java_method('java.lang.Thread', 'sleep', 20L) AS slept")
    frame.write.option("maxRecordsPerFile", 5).mode("overwrite").parquet("slow")
    """


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, spark_jars: str) -> Iterator[WarmProject]:
    folder = tmp_path_factory.mktemp("warm-failures")
    project = WarmProject(folder / "project", folder / "runtime", spark_jars)
    yield project
    project.stop()


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        told = path.stat()
        found[str(path)] = (told.st_size, told.st_mtime_ns)
    return found


def kill_while_it_writes(project: WarmProject, program: str = SLOW_WRITE) -> Holder:
    """Kills the Python of a run amid a slow write; returns the run as its lease would tell it."""
    process = project.start(program)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    until = time.monotonic() + 60
    while len(files_below(project.root / "slow")) < 8:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    who = process_with_id(process.pid)
    process.kill()
    process.wait()
    here = this_host()
    return Holder.model_validate(
        {
            "token": "t",
            "run_id": "r",
            "host": here.host,
            "boot": here.boot,
            "namespace": here.namespace,
            "process": who,
            "jvm": process_with_id(told["pid"]),
            "since": "2013-01-01T00:00:00Z",
        }
    )


@pytest.fixture
def runtime(project: WarmProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", project.environment["XDG_RUNTIME_DIR"])


def kept(project: WarmProject) -> WarmState:
    """The warm JVM of the project, which is started if there is none."""
    state = project.state
    if state is None or not state.is_alive:
        project.run("tell()")
        state = project.state
    assert state is not None
    return state


class Pipeline:
    """A project for the command `tauro`, with one node."""

    def __init__(self, project: WarmProject) -> None:
        self.project = project
        config = {
            "global_settings": {
                "output_path": "out",
                "spark_config": {
                    "spark.master": "local[2]",
                    "spark.driver.memory": "1g",
                    "spark.jars": project.jars,
                },
            },
            "pipelines_config": {"p": {"nodes": ["a"], "requires_dates": False}},
            "nodes_config": {"a": {"function": "own.a", "output": ["x"]}},
            "input_config": {},
            "output_config": {"x": {"format": "delta", "path": "out/x"}},
        }
        (project.root / "tauro.yml").write_text(json.dumps(config))

    def code(self, body: str) -> None:
        """Writes the node's function."""
        head = "import os\nfrom pyspark.sql import SparkSession\n\ndef a():\n"
        body = f"spark = SparkSession.getActiveSession()\n{body}"
        (self.project.root / "own.py").write_text(head + textwrap.indent(body, "    ") + "\n")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts `tauro`."""
        return subprocess.Popen(
            [sys.executable, "-c", "from tauro.cli.main import main; main()", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.project.root,
            env={**self.project.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def tauro(self, *words: str, code: int = 0) -> str:
        """Runs `tauro`; returns what it printed."""
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, out + err
        return out + err


def rows(project: WarmProject) -> int:
    """Counts the rows of the pipeline's Delta table as its log has them, without a JVM."""
    table = project.root / "out" / "x"
    files: set[str] = set()
    for version in sorted(table.glob("_delta_log/*.json")):
        for line in version.read_text().splitlines():
            action = json.loads(line)
            if "remove" in action:
                files.discard(action["remove"]["path"])
            if "add" in action:
                assert action["add"].get("deletionVector") is None
                files.add(action["add"]["path"])
    return sum(parquet.read_metadata(table / file).num_rows for file in files)


@pytest.mark.usefixtures("runtime")
def test_after_its_fence_a_dead_run_writes_nothing_and_the_jvm_stays(project: WarmProject) -> None:
    dead = kill_while_it_writes(project)
    assert fence(dead, this_host(), output="x", location="slow") is True
    before = files_below(project.root / "slow")
    time.sleep(1)
    assert files_below(project.root / "slow") == before
    assert dead.jvm is not None
    assert is_running(dead.jvm) is True
    assert project.run("tell(rows=spark.range(3).count())")["pid"] == dead.jvm.pid
    assert fence(dead, this_host(), output="x", location="slow") is True  # others were in it meanwhile
    assert is_running(dead.jvm) is True


@pytest.mark.usefixtures("runtime")
def test_a_later_run_in_the_jvm_is_not_harmed_by_the_fence_of_an_earlier_one(project: WarmProject) -> None:
    dead = kill_while_it_writes(project)
    live = project.start("tell(); time.sleep(3); tell(rows=spark.range(3).count())")
    assert live.stdout is not None
    assert dead.jvm is not None
    assert json.loads(live.stdout.readline())["pid"] == dead.jvm.pid
    before = files_below(project.root / "slow")
    assert fence(dead, this_host(), output="x", location="slow") is True
    out, err = live.communicate(timeout=120)
    assert json.loads(out)["rows"] == 3, err
    assert files_below(project.root / "slow") == before


def test_the_jobs_of_a_killed_run_are_stopped_though_no_run_follows(project: WarmProject) -> None:
    dead = kill_while_it_writes(project)
    project.settle()
    before = files_below(project.root / "slow")
    time.sleep(1)
    assert files_below(project.root / "slow") == before
    assert dead.jvm is not None
    assert is_running(dead.jvm) is True


def test_a_second_run_at_the_same_time_has_a_jvm_of_its_own(project: WarmProject) -> None:
    inside = project.start("tell(); sys.stdin.read(); tell(rows=spark.range(3).count())")
    assert inside.stdout is not None
    warm = json.loads(inside.stdout.readline())
    second = project.run("tell(rows=spark.range(3).count())")
    assert second["rows"] == 3
    assert second["pid"] != warm["pid"]
    assert "this run starts a JVM of its own and not the warm one: another run is in it" in second["stderr"]
    inside.communicate(timeout=60)
    assert inside.returncode == 0


def test_a_folder_that_others_can_enter_means_a_jvm_of_its_own(project: WarmProject) -> None:
    program = """
        from tauro.spark.warm import warm_session
        session = warm_session(Path(ROOT), {"spark.master": "local[2]"}, 60.0, is_quiet=True)
        print(json.dumps({"is_warm": session is not None}))
        """
    program = "from pathlib import Path\n" + textwrap.dedent(program)
    project.place.make()
    project.place.folder.chmod(0o755)
    try:
        told = project.run(program, opens=False)
    finally:
        project.place.folder.chmod(0o700)
    assert told["is_warm"] is False
    assert "is not its user's alone" in told["stderr"]


@pytest.mark.usefixtures("runtime")
def test_what_can_not_be_stopped_is_ended_with_its_jvm(project: WarmProject) -> None:
    dead = kill_while_it_writes(
        project,
        SLOW_WRITE.replace(
            "    frame =",
            "    import threading; threading.Thread(target=lambda: jvm.Thread.sleep(600000), daemon=True).start()\n"
            "    frame =",
        ),
    )
    assert fence(dead, this_host(), output="x", location="slow") is True
    assert dead.jvm is not None
    assert is_running(dead.jvm) is False
    assert project.run("tell(rows=spark.range(3).count())")["rows"] == 3


def test_a_jvm_that_stands_still_is_replaced(project: WarmProject) -> None:
    first = kept(project).jvm.pid
    os.kill(first, signal.SIGSTOP)
    second = project.start(
        """
        from functools import partial
        from tauro.spark import warm_clean
        warm_clean.Control = partial(warm_clean.Control, answers_within_s=2.0)
        session()
        tell(rows=spark.range(3).count())
        stop_session(spark)
        """,
        opens=False,
    )
    assert second.stderr is not None
    assert any("it does not answer as it should" in line for line in second.stderr)
    os.kill(first, signal.SIGCONT)  # else its end would have to wait until it is killed
    out, err = second.communicate(timeout=120)
    told = json.loads(out)
    assert told["rows"] == 3, err
    assert told["pid"] != first


def test_a_keeper_that_is_killed_during_a_run_is_as_a_jvm_that_died(project: WarmProject) -> None:
    state = kept(project)
    inside = project.start("tell(); sys.stdin.read()")
    assert inside.stdout is not None
    assert json.loads(inside.stdout.readline())["pid"] == state.jvm.pid
    os.kill(state.keeper.pid, signal.SIGKILL)
    wait_for_end(state.jvm)
    assert death_of(project.place, state.jvm) is not None
    inside.communicate(timeout=60)
    assert project.run("tell(rows=spark.range(3).count())")["rows"] == 3


def test_a_run_killed_amid_a_write_is_followed_by_one_that_is_right(project: WarmProject) -> None:
    pipeline = Pipeline(project)
    pipeline.code("return spark.range(5)")
    pipeline.tauro("run", "--warm")
    state = project.state
    assert state is not None
    pipeline.code(
        "from pyspark.sql.functions import udf\n"
        "open('slow.is.on', 'w').close()\n"
        "def slowly(n):\n    import time\n    time.sleep(0.1)\n    return n\n"
        "return spark.range(0, 2000, 1, 2).select(udf(slowly, 'long')('id').alias('id'))"
    )
    killed = pipeline.start("run", "--warm")
    until = time.monotonic() + 60
    while not (project.root / "slow.is.on").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1)
    assert killed.poll() is None
    killed.kill()
    killed.communicate()
    pipeline.code("return spark.range(7)")
    pipeline.tauro("run", "--warm")
    assert project.state == state
    assert rows(project) == 7


def test_a_run_that_crashes_the_jvm_fails_as_in_a_cold_one_and_the_next_is_right(project: WarmProject) -> None:
    pipeline = Pipeline(project)
    pipeline.code("os.kill(spark.sparkContext._gateway.proc.pid, 9)\nreturn spark.range(3)")
    said = pipeline.tauro("run", "--warm", code=4)
    assert "Spark's JVM has died: killed by SIGKILL" in said
    pipeline.code("return spark.range(6)")
    pipeline.tauro("run", "--warm")
    assert rows(project) == 6


def test_the_command_runs_warm_and_shows_and_ends_the_jvm(project: WarmProject) -> None:
    pipeline = Pipeline(project)
    pipeline.code("return spark.range(3)")
    pipeline.tauro("run", "--warm")
    first = json.loads(pipeline.tauro("warm", "status", "--json"))["jvm"]
    pipeline.code("return spark.range(4)")
    pipeline.tauro("run", "--warm", "--quiet")
    second = json.loads(pipeline.tauro("warm", "status", "--json"))["jvm"]
    assert first["process"] == second["process"]
    assert second["run_process"] is None
    assert second["idle_for_s"] < 60
    assert second["memory_bytes"] > 50e6
    assert "warm JVM (process" in pipeline.tauro("warm", "status")
    assert rows(project) == 4
    assert pipeline.tauro("warm", "stop") == "the warm JVM has ended\n"
    assert json.loads(pipeline.tauro("warm", "stop", "--json"))["outcome"] == "none"
    assert pipeline.tauro("warm", "status") == "there is no warm JVM of this project\n"
