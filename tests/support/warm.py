"""Runs programs that take a project's warm JVM, each in a Python process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tauro.launch.processes import Process, is_running
from tauro.launch.warm.lock import FileLock
from tauro.launch.warm.place import WarmPlace, place_of
from tauro.launch.warm.state import WarmState, read_state
from tests.support.jvms import plain_environment

_PRELUDE = """
import json, os, signal, sys, time
from loguru import logger
from tauro.config import Context
from tauro.spark.session import open_session, stop_session

logger.remove()
logger.add(sys.stderr, format="{message}")

def session(spark_config=None, **settings):
    spark_config = {"spark.master": "local[2]", "spark.driver.memory": "1g", "spark.jars": JARS} | (spark_config or {})
    defaults = {"output_path": "out", "warm": True, "spark_config": spark_config}
    project = Context(defaults | settings, {}, {}, {}, OUTPUTS, root=ROOT)
    global spark, jvm
    spark = open_session(project)
    jvm = spark._jvm

def tell(**facts):
    print(json.dumps({"pid": spark.sparkContext._gateway.proc.pid, **facts}), flush=True)
"""


class WarmProject:
    """A project of its own, with warm JVMs of its own.

    Args:
        root: its folder.
        runtime: where its warm JVM is written down; made if it is not there.
        jars: the value of `spark.jars`.
        outputs: its document `output_config`.
    """

    def __init__(self, root: Path, runtime: Path, jars: str, outputs: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self.jars = jars
        self.outputs = dict(outputs or {"x": {"format": "delta", "path": "out/x"}})
        runtime.mkdir(mode=0o700, exist_ok=True)
        root.mkdir(exist_ok=True)
        kept = plain_environment()
        self.environment = {**kept, "XDG_RUNTIME_DIR": str(runtime)}

    @property
    def place(self) -> WarmPlace:
        """Where its warm JVM is written down."""
        place = place_of(self.root, self.environment)
        assert place is not None
        return place

    @property
    def state(self) -> WarmState | None:
        """Its warm JVM."""
        return read_state(self.place)

    def start(
        self, program: str, *, environment: Mapping[str, str] | None = None, opens: bool = True, **settings: Any
    ) -> subprocess.Popen[str]:
        """Starts a program in a process of its own, in a session of the project as `spark`.

        Args:
            program: its text; what it says with `tell(name=value)` is its answer.
            environment: variables beyond the process's own.
            opens: whether a session is opened before, and given back after.
            settings: of the project.
        """
        head = f"ROOT = {str(self.root)!r}\nJARS = {self.jars!r}\nOUTPUTS = {self.outputs!r}\n{_PRELUDE}\n"
        if opens:
            head += f"session(**{settings!r})\n"
        body = textwrap.dedent(program) + ("\nstop_session(spark)\n" if opens else "")
        return subprocess.Popen(
            [sys.executable, "-c", head + body],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.root,
            env={**self.environment, **(environment or {})},
        )

    def run(self, program: str, **options: Any) -> dict[str, Any]:
        """Runs a program, as `start` has it, to its end; returns what it told, with what it printed as `stderr`."""
        process = self.start(program, **options)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return {**json.loads(out.splitlines()[-1]), "stderr": err}

    def settle(self, phase: str = "done", within_s: float = 60) -> None:
        """Waits until whoever was last in the JVM is noted to have come this far."""
        until = time.monotonic() + within_s
        while json.loads(self.place.visitor.read_text())["phase"] != phase:
            assert time.monotonic() < until, self.place.visitor.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends its warm JVM."""
        state = self.state
        if state is not None and is_running(state.keeper) is True:
            os.kill(state.keeper.pid, signal.SIGTERM)
            wait_for_end(state.keeper)
            wait_for_end(state.jvm)


def wait_for_end(process: Process, within_s: float = 30) -> None:
    """Waits until a process is gone."""
    until = time.monotonic() + within_s
    while is_running(process) is True:
        assert time.monotonic() < until, f"{process} still runs"
        time.sleep(0.05)


def is_free(place: WarmPlace) -> bool:
    """Whether nobody keeps a JVM there."""
    lock = FileLock.take(place.keeper_lock)
    if lock is not None:
        lock.release()
    return lock is not None
