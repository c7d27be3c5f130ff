"""The second start of a project loads its classes from an archive; real Spark, in processes of its own.

What is made here serves the JVMs of all other tests too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tauro.launch.java import find_java
from tests.support.jvms import ARCHIVE, own_archive

pytestmark = pytest.mark.spark

PROGRAM = """
import json, sys
from tauro.config import Context
from tauro.spark.session import open_session, stop_session

settings = {"output_path": "out", "spark_config": json.loads(sys.argv[1])}
outputs = {"lake": {"format": "delta", "path": "lake"}}
spark = open_session(Context(settings, {}, {}, {}, outputs, root=sys.argv[2]))
spark.range(4).write.format("delta").mode("overwrite").save(sys.argv[2] + "/lake")
print(spark.read.format("delta").load(sys.argv[2] + "/lake").count())
stop_session(spark)
"""


@dataclass(frozen=True)
class Warmed:
    """A project whose archive was made."""

    root: Path
    spark_config: dict[str, str]
    archive: Path

    def environment(self) -> dict[str, str]:
        own = {"TAURO_ARCHIVE": "on", "CI": "1", "TAURO_CACHE": str(self.archive.parents[1])}
        return {**os.environ, **own_archive(), **own}

    def shared_classes(self) -> int:
        """How many classes a session takes from archives; it must do its work and print nothing."""
        loaded = self.root / "loaded"
        config = self.spark_config | {"spark.driver.extraJavaOptions": f"-Xlog:class+load:file={loaded}"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(config), str(self.root)],
            env=self.environment(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")
        return loaded.read_text().count("source: shared objects file")


@pytest.fixture(scope="module")
def warmed(tmp_path_factory: pytest.TempPathFactory, spark_jars: str) -> Warmed:
    root = tmp_path_factory.mktemp("project")
    config = {"spark.master": "local[2]", "spark.driver.memory": "1g", "spark.jars": spark_jars}
    documents = {
        "global_settings": {"output_path": "out", "spark_config": config},
        "pipelines_config": {"daily": {"nodes": ["copy"]}},
        "nodes_config": {"copy": {"sql": "SELECT * FROM lake", "input": ["lake"]}},
        "output_config": {"lake": {"format": "delta", "path": "lake"}},
        "input_config": {"lake": {"format": "delta", "path": "lake"}},
    }
    (root / "tauro.yml").write_text(json.dumps(documents))
    cache = root / "a cache"
    done = subprocess.run(
        [str(Path(sys.executable).parent / "tauro"), "warmup", "--json"],
        env={**os.environ, **own_archive(), "TAURO_ARCHIVE": "on", "TAURO_CACHE": str(cache)},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (archive,) = json.loads(done.stdout)["archives"]
    draft = ARCHIVE.with_suffix(".draft")
    shutil.copyfile(archive["file"], draft)
    draft.replace(ARCHIVE)
    return Warmed(root, config, Path(archive["file"]))


def test_warmup_leaves_an_archive_and_touches_nothing_of_the_project(warmed: Warmed) -> None:
    assert warmed.archive.stat().st_size > 50_000_000
    assert {path.name for path in warmed.archive.parent.iterdir()} == {
        "lock",
        warmed.archive.name,
        warmed.archive.with_suffix(".json").name,
    }
    assert {path.name for path in warmed.root.iterdir()} <= {"tauro.yml", "a cache", ".tauro"}


def test_a_session_takes_most_of_its_classes_from_it(warmed: Warmed) -> None:
    assert warmed.shared_classes() > 10_000


def test_java_says_nothing_of_an_archive_that_does_not_fit(warmed: Warmed) -> None:
    quiet = ["-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    for path in (warmed.archive, warmed.root / "tauro.yml", warmed.root / "missing.jsa"):
        command = [str(find_java()), f"-XX:SharedArchiveFile={path}", *quiet, "-cp", str(warmed.root), "-version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0
        assert [line for line in done.stderr.splitlines() if "[" in line or "cds" in line.lower()] == []


def test_a_session_starts_without_one_that_was_cut(warmed: Warmed) -> None:
    with warmed.archive.open("rb+") as stream:
        stream.truncate(1_000_000)
    assert 0 < warmed.shared_classes() < 2_000, "Java's own archive alone"
