"""A small project, and the command line to be called on it."""

from __future__ import annotations

import gc
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.exec.runs.recording import recorded
from tauro.launch.processes import Process, this_host, this_process
from tauro.model.events import NodeEnded, RunEnded, RunStarted
from tauro.model.outcome import NodeResult, OutputResult, RunResult, Status
from tauro.model.window import Window
from tauro.publish import liveness
from tauro.publish.holder import Holder
from tauro.publish.journal import About, Journal, home_of
from tauro.publish.lease_file import LeaseFile

FAKED = Path(__file__).with_name("faked.py")
FILES = {
    "tauro.yml": """\
global_settings:
  output_path: out
  publish: node
  spark_config:
    spark.sql.shuffle.partitions: 3
pipelines_config: pipelines.yml
nodes_config: nodes.yml
input_config:
  raw.orders:
    path: data/orders.csv
    options: {header: true}
output_config:
  silver.orders:
    format: parquet
    path: out/silver/orders
    overwrite_scope: window
    window_column: day
    partition_by: day
environments:
  prod: prod
  dev: dev
""",
    "pipelines.yml": """\
daily:
  description: Orders, cleaned & counted
  nodes: [extract, clean, customers, report, notify]
  tags: [core]
adhoc:
  nodes: [extract, clean]
""",
    "nodes.yml": """\
extract:
  function: cli_project_jobs.extract
  input: raw.orders
  output: bronze.orders
clean:
  function: cli_project_jobs.clean
  input: bronze.orders
  output: silver.orders
  retry: 2
  params: {threshold: 3}
  description: Drops what is broken
customers:
  function: cli_project_jobs.customers
  input: []
  output: bronze.customers
  tags: people
report:
  function: cli_project_jobs.report
  input: {orders: silver.orders, people: customers}
  output: gold.report
notify:
  function: cli_project_jobs.notify
  input: []
  dependencies: [report, customers]
""",
    "cli_project_jobs.py": """\
def extract(orders):
    return orders


def clean(orders, threshold):
    return orders


def customers():
    return None


def report(orders, people):
    return orders


def notify():
    return None
""",
    "data/orders.csv": "id,day\n1,2025-01-01\n",
    "prod/global_settings.yml": "max_workers: 9\n",
    "dev/global_settings.yml": "max_workers: 2\n",
}
DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")


@dataclass(frozen=True)
class Called:
    """What came of one call."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict:
        """The one JSON document on standard output."""
        return json.loads(self.out)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two pipelines, the current folder."""
    root = tmp_path / "shop"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "cli_project_jobs", raising=False)
    return root


@pytest.fixture
def tauro(capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Calls the command line in this process."""
    from tauro.cli.main import main

    def call(*words: str) -> Called:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(words)
        gc.enable()  # which a command that ends its process leaves off
        gc.unfreeze()
        captured = capsys.readouterr()
        return Called(int(end.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def record(project: Path) -> Callable[..., None]:
    """Has the project's history know a run, as one that was, and ended so."""

    def put(run_id: str, pipeline: str = "daily", status: Status = Status.COMPLETED, env: str | None = None) -> None:
        context = Context.from_project(project, env=env, strict=False)
        plan = make_plan(context, pipeline, Window("2025-01-01", "2025-01-02"))
        outputs = (OutputResult("silver.orders", "parquet", "/out/silver/orders", rows=7),)
        nodes = (NodeResult("extract", status, 1, 0.5), NodeResult("clean", status, 2, 1.0, outputs=outputs))
        with recorded(context, ()) as observers:
            observers[0](RunStarted(run_id, plan))
            for node in nodes:
                observers[0](NodeEnded(node))
            observers[0](RunEnded(RunResult(run_id, pipeline, plan.window, status, 4.0, nodes)))

    return put


@pytest.fixture
def leave(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Journal]:
    """Leaves what a run of the project leaves that has begun: a journal, a lease and a folder beside an output."""

    def put(run_id: str, life: str = "dead", **about: Any) -> Journal:  # Any: fields of About
        workshop = project / "out" / "silver" / "_tauro"
        journal = Journal(home_of(run_id, [workshop], project))
        lease = LeaseFile(workshop / "leases" / "orders.json", workshop)
        here, process = this_host(), this_process()
        entry = Holder(
            token=run_id,
            run_id=run_id,
            host=here.host,
            boot=here.boot,
            namespace=here.namespace,
            process=process if life == "alive" else Process(process.pid, started=1),
            since=datetime(2025, 1, 3, tzinfo=UTC),
            home=str(journal.home),
            is_abandoned=life == "abandoned",
        )
        if life == "alive":
            monkeypatch.setattr(liveness, "held_here", {run_id})
        with lease.changing():
            lease.put([*lease.holders(), entry])
        (workshop / run_id / "extract").mkdir(parents=True)
        known = {
            "pipeline": "daily",
            "window": ("2025-01-01", "2025-01-02"),
            "publish": "run",
            "project": str(project),
            "host": here.host,
            "started_at": "2025-01-03T00:00:00+00:00",
            "workshops": (str(workshop),),
            "leases": (lease.address,),
        }
        journal.begin(About(run_id=run_id, **{**known, **about}))
        return journal

    return put


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict]]:
    """Puts the executor that runs nothing in place, and says how its run goes; returns the calls it gets."""
    from tauro.cli.executors import EXECUTORS

    executor = runpy.run_path(str(FAKED))["FakeExecutor"]
    real = "tauro.exec.executor:BaseExecutor"

    def put(**asked: object) -> list[dict]:
        monkeypatch.setenv("FAKE", json.dumps(asked))
        EXECUTORS.add("batch", executor)
        return executor.calls

    yield put
    EXECUTORS.add("batch", real)


@pytest.fixture
def start(project: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command line, with the executor that runs nothing, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, fake: dict | None = None, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(FAKED), *words],
            cwd=project,
            env={**os.environ, "FAKE": json.dumps(fake or {}), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
