"""Another Python process on the test run's JVM, which can be killed at any step without the price of a JVM.

Run as a program it does one thing with one output, told as JSON on standard input, and prints what came of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tauro.storage.steps import step
from tests.support.stopping import kill_at

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TIMEOUT_S = 120


def in_second_python(
    session: SparkSession, task: Mapping[str, Any], *, killed_at: str | None = None, times: int = 1
) -> Any:
    """What a task returned; None if the process was killed, as it has to be where a step is given.

    What the JVM had open for it stays open, as in a JVM that outlives its Python.

    Args:
        session: the test run's.
        task: `do`, and what goes with it: `stage` an `entry` with `sql`, whose record goes to the file `kept`, if that
            is given; `publish`, `undo`, `discard` a `record` with `options`; `run` the pipeline `p` of a `project` for
            a `day`; `hold` the lease of a `table` in a database with `options`; `publish and undo` Delta tables below
            a folder `root`.
        killed_at: the step at which the process kills itself.
        times: how often that step is about to be taken by then.
    """
    gateway: Any = session.sparkContext._gateway
    about = {
        **task,
        "port": gateway.gateway_parameters.port,
        "secret": gateway.gateway_parameters.auth_token,
        "killed_at": killed_at,
        "times": times,
    }
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.second_python"],
        input=json.dumps(about),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if killed_at else 0), (done.returncode, done.stderr[-4000:])
    return None if killed_at else json.loads(done.stdout)


def _session(port: int, secret: str) -> SparkSession:
    os.environ |= {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    gateway: Any = launch_gateway()
    java = gateway.jvm.org.apache.spark.api.java.JavaSparkContext(
        gateway.jvm.org.apache.spark.SparkContext.getOrCreate()
    )
    context = SparkContext(gateway=gateway, jsc=java, conf=SparkConf(_jconf=java.getConf()))
    return SparkSession(context, gateway.jvm.org.apache.spark.sql.classic.SparkSession.active())


def _do(task: Mapping[str, Any]) -> Any:
    import tauro
    from tauro.io.output import OutputManager
    from tauro.io.ports import WriteRequest
    from tauro.io.recorded import as_record, staged_from
    from tauro.model import OutputSpec
    from tests.support.delta_process import publish_and_undo
    from tests.support.io_project import IoProject

    session = _session(task["port"], task["secret"])
    if task["do"] == "stage":
        request = WriteRequest("pipe", "node", "t", OutputSpec.parse("t", task["entry"]), None, "killed", home="/home")
        record = as_record(request, OutputManager(IoProject(Path(), session)).stage(request, session.sql(task["sql"])))
        if "kept" in task:
            Path(task["kept"]).write_text(json.dumps(record))
        step("test.staged")
        return record
    if task["do"] == "run":
        return tauro.run(task["project"], pipeline="p", start=task["day"], end=task["day"]).run_id
    if task["do"] == "publish and undo":
        return publish_and_undo(Path(task["root"]), session)
    if task["do"] == "hold":
        return _hold(session, task["options"], task["table"])
    staged = staged_from(task["record"], lambda: session, task["options"])
    if task["do"] == "publish":
        return asdict(staged.publish())
    if task["do"] == "undo":
        return staged.undo()
    return staged.discard()


def _hold(session: SparkSession, options: Mapping[str, str], table: str) -> str:
    """Takes a lease for a moment; in whose hands it is, where that is somebody else."""
    from tauro.errors import OutputHeldError
    from tauro.publish.lease_table import LeaseTable
    from tauro.publish.leases import Leases
    from tauro.publish.targets import Target

    with Leases("second", jvm=lambda: None) as leases:
        try:
            leases.acquire([Target("t", table, LeaseTable(lambda: session, options, table), None)])
        except OutputHeldError as error:
            return f"held by {error.holder.run_id}"
        step("test.held")
    return "taken"


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    if asked["killed_at"]:
        kill_at(asked["killed_at"], asked["times"])
    print(json.dumps(_do(asked), default=str))
