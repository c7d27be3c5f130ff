"""A real Spark cluster on loopback for the tests: a standalone master with two small workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.jvms import ARCHIVED, OPTIONS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cluster:
    """How to reach it."""

    url: str
    workers: tuple[int, ...]
    """Their process ids."""

    @property
    def conf(self) -> dict[str, str]:
        """Settings with which a session fits on it."""
        return {
            "spark.master": self.url,
            "spark.driver.memory": "512m",
            "spark.driver.extraJavaOptions": OPTIONS,
            "spark.executor.memory": "512m",
            "spark.executor.extraJavaOptions": f"{OPTIONS} {ARCHIVED}",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
        }

    @property
    def options(self) -> list[str]:
        """What has `tauro submit` run a project on it that names no cluster, or another one."""
        settings = {name: value for name, value in self.conf.items() if name != "spark.master"}
        return ["--master", self.url, *(word for one in settings.items() for word in ("--conf", "=".join(one)))]

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which drivers, here and there, keep to this machine's loopback."""
        return {"SPARK_LOCAL_IP": "127.0.0.1"}

    def drivers(self) -> list[int]:
        """The process ids of the JVMs of drivers that run on the cluster."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((process / "stat").read_text().rpartition(") ")[2].split()[1])
                is_driver = b"worker.DriverWrapper" in (process / "cmdline").read_bytes()
            except OSError:  # it has ended
                continue
            if parent in self.workers and is_driver:
                found.append(int(process.name))
        return found

    def kill_worker(self) -> None:
        """Has one worker, and its executors with it, be gone without a word."""
        os.kill(self.workers[0], signal.SIGKILL)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """A new cluster for as long as the block lasts; it ends with this process, too."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SPARK_DAEMON_JAVA_OPTS": f"{OPTIONS} {ARCHIVED}"}

    def call(script: str, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / script), *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    size = ("--workers", "2", "--cores", "1", "--memory", "512m")
    call("cluster-up", "--folder", str(folder), "--port", "0", *size, "--with", str(os.getpid()), "--for", "30m")
    try:
        told = json.loads((folder / "cluster.json").read_text())
        yield Cluster(told["url"], tuple(told["workers"]))
    finally:
        call("cluster-down", str(folder))
