"""A real JVM starts before the project is read from the second run on, and is dropped where the settings changed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.jvms import plain_environment

pytestmark = pytest.mark.spark
SOON_S = 20.0
MARK = "TAURO_TEST_MARK"
FILES = {
    "tauro.yml": """\
global_settings: settings.yml
pipelines_config: {daily: {nodes: [tell], requires_dates: false}}
nodes_config: {tell: {function: early_jobs.tell, input: [], output: told}}
input_config: {}
output_config: {told: {format: parquet, path: out/told}}
""",
    "settings.yml": "spark_config: {spark.driver.memory: 1g, spark.app.name: first}\n",
    "early_jobs.py": """\
import json, time
from pathlib import Path

IMPORTED = time.time()

def tell():
    from pyspark.sql import SparkSession

    spark = SparkSession.getActiveSession()
    jvm = spark._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean()
    told = {
        "is_early": jvm.getStartTime() / 1000 < IMPORTED,
        "name": spark.sparkContext.appName,
        "hash_seed": spark._jvm.java.lang.System.getenv("PYTHONHASHSEED"),
    }
    Path(__file__).with_name("told.json").write_text(json.dumps(told))
    return spark.range(1)
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (tmp_path / "tmp").mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    return root


def environment(project: Path) -> dict[str, str]:
    own = {"TAURO_CACHE": str(project.parent / "cache"), "TMPDIR": str(project.parent / "tmp")}
    return {**plain_environment(), **own, "TAURO_ARCHIVE": "off", MARK: str(project)}


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from tauro.cli.main import main; main()", *words]


def run(project: Path) -> dict[str, Any]:
    """What the node has told."""
    done = subprocess.run(
        command("run", "-q"), cwd=project, env=environment(project), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    told: dict[str, Any] = json.loads((project / "told.json").read_text())
    return told


def marked(project: Path) -> list[str]:
    """The processes that came of a run of the project."""
    wanted, found = f"{MARK}={project}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder.name)
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def until_all_are_gone(project: Path) -> None:
    end = time.monotonic() + SOON_S
    while marked(project):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_second_run_starts_its_jvm_first_and_one_with_other_settings_its_own(project: Path) -> None:
    assert run(project) == {"is_early": False, "name": "first", "hash_seed": "0"}
    assert len(list((project.parent / "cache" / "commands").iterdir())) == 1
    assert run(project) == {"is_early": True, "name": "first", "hash_seed": "0"}
    (project / "settings.yml").write_text(FILES["settings.yml"].replace("first", "second"))
    assert run(project) == {"is_early": False, "name": "second", "hash_seed": "0"}
    until_all_are_gone(project)
    scratch = project.parent / "tmp"
    assert list(scratch.iterdir()) == []
    killed = subprocess.Popen(command("run", "-q"), cwd=project, env=environment(project))
    until = time.monotonic() + SOON_S
    while len(marked(project)) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    until_all_are_gone(project)
    assert len(list(scratch.iterdir())) <= 1, "the killed one's is all that is left"
