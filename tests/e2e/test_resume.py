"""What a person does whose run was killed, and then failed: paste the command that was printed last."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.support.example import TAURO

pytestmark = pytest.mark.spark

JOBS = """\
import os
import signal
from pathlib import Path

from pyspark.sql import SparkSession

HERE = Path(__file__).parent


def called(name):
    with (HERE / f"{name}.calls").open("a") as file:
        file.write(".")


def days():
    called("days")
    return SparkSession.active().range(5).withColumnRenamed("id", "day")


def total(days):
    called("total")
    if (HERE / "kill").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (HERE / "fail").exists():
        raise RuntimeError("on purpose")
    return days.groupBy().sum("day").toDF("total")
"""
PROJECT = """\
global_settings:
  output_path: out
  spark_config: {spark.sql.shuffle.partitions: 1, spark.ui.enabled: false}
pipelines_config:
  daily: {nodes: [days, total], requires_dates: false}
nodes_config:
  days: {function: resume_jobs.days, input: [], output: silver.days}
  total: {function: resume_jobs.total, input: [silver.days], output: gold.total}
output_config:
  silver.days: {format: parquet, path: "out/${place}/days"}
  gold.total: {format: parquet, path: "out/${place}/total"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "my shop"
    root.mkdir()
    (root / "tauro.yml").write_text(PROJECT)
    (root / "resume_jobs.py").write_text(JOBS)
    return root


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a shell makes of a command line."""
    path = f"{TAURO.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def calls(project: Path) -> dict[str, int]:
    return {path.stem: len(path.read_text()) for path in sorted(project.glob("*.calls"))}


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX systems do")
def test_the_command_printed_last_carries_a_run_on_when_pasted(project: Path) -> None:
    options = f"--project {shlex.quote(project.name)} --set {shlex.quote('place=over there')}"
    here = project.parent
    run = f"tauro run --run-id nightly {options}"

    (project / "kill").touch()
    killed = shell(run, here)
    assert killed.returncode == 128 + signal.SIGKILL, killed.stderr
    (project / "kill").unlink()
    recovered = shell(f"tauro recover {options}", here)
    assert recovered.returncode == 0, recovered.stderr
    assert "died before it published anything; staged: silver.days" in recovered.stdout
    command = recovered.stdout.splitlines()[-1].strip()
    assert command == f"tauro resume nightly {options}"
    assert not (project / "out/over there/days").exists()

    (project / "fail").touch()
    failed = shell(command, here)
    assert failed.returncode == 3, failed.stderr
    assert failed.stderr.splitlines()[-1].strip() == command
    assert "skipped (done by an earlier process of the run): days" in failed.stdout.splitlines()
    (project / "fail").unlink()

    jobs = project / "resume_jobs.py"
    jobs.write_text(jobs.read_text().replace("range(5)", "range(4)"))
    done = shell(failed.stderr.splitlines()[-1], here)
    assert done.returncode == 0, done.stderr
    assert "node 'days' is run again: its code has changed" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("daily: completed, 2 of 2 nodes done in")
    assert calls(project) == {"days": 2, "total": 3}
    assert sorted(pd.read_parquet(project / "out/over there/days")["day"]) == [0, 1, 2, 3]
    assert pd.read_parquet(project / "out/over there/total")["total"].to_list() == [6]
    assert list(project.rglob("_tauro")) == []

    for again in (run, command):
        known = shell(again, here)
        assert (known.returncode, known.stdout) == (0, "run nightly is done already: nothing to do\n")
    assert calls(project) == {"days": 2, "total": 3}
