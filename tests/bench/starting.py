"""What users wait for: whole `tauro run` processes, cold and warm, beside scripts of stock PySpark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from tests.bench.by_hand import PLAIN, WINDOW
from tests.bench.processes import PYTHON, SCRATCH, TAURO, environment
from tests.bench.spark import scaled_example
from tests.bench.starting_steps import NOTES
from tests.bench.timing import Row, duration, in_turns, ratio

LIMIT_COLD, LIMIT_WARM, LIMIT_FIRST_JOB = 0.55, 0.2, 1.0
FOLDER = SCRATCH / "starting"
CACHE = FOLDER / "cache"
"""The jars and archives of this benchmark alone."""
REPOSITORY = Path(__file__).parents[2]
MEBIBYTE = 1024**2


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """A small Delta project and the flights example, cold and warm; the first job; long work; memory."""
    rounds = 1 if is_quick else 5
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "notes").mkdir(parents=True)
    project = small_project(FOLDER / "small")
    daily, _ = scaled_example(FOLDER / "daily", times=8)
    yield from _whole("one small Delta table made of another", "small", FOLDER, _run(project, "small"), rounds)
    yield from _whole(
        "flights, daily, a week", "flights", daily, _run(daily, "daily", *WINDOW), rounds, limits=(None, None)
    )
    yield _first_job(project, rounds)
    yield from _memory(project, 1 if is_quick else 3)
    if not is_quick:
        yield _long_work()


def small_project(root: Path) -> Path:
    """Writes a project that makes a small Delta table, and another one of it."""
    (root / "config").mkdir(parents=True)
    (root / "tauro.yml").write_text(_PROJECT)
    return root


def _whole(
    name: str,
    program: str,
    folder: Path,
    run: list[str],
    rounds: int,
    limits: tuple[float | None, float | None] = (LIMIT_COLD, LIMIT_WARM),
) -> Iterator[Row]:
    """Whole processes: stock, cold with jars and archive there, and in a JVM that is warm."""
    subprocess.run([TAURO, "warmup", "--project", run[run.index("--project") + 1]], env=_variables(), check=True)
    by_hand = [PYTHON, "-m", "tests.bench.by_hand", program, str(folder)]
    warm = [*run, "--warm"]
    try:
        costs = in_turns(
            {
                "stock": lambda: _seconds(by_hand),
                "cold": lambda: _seconds(run),
                "warm": lambda: _seconds(warm),
                "stock again": lambda: _seconds(by_hand),
            },
            rounds,
        )
    finally:
        subprocess.run([TAURO, "warm", "stop", *run[2:4]], env=_variables(), check=False, capture_output=True)
    for kind, limit in zip(("cold", "warm"), limits, strict=True):
        yield Row(
            name=f"{name}, {kind}",
            against="a script of stock PySpark",
            ratio=ratio(costs[kind], costs["stock"]),
            same=ratio(costs["stock again"], costs["stock"]),
            limit=limit,
            detail=f"{duration(median(costs[kind]))} : {duration(median(costs['stock']))}",
        )


def _first_job(project: Path, rounds: int) -> Row:
    """From the call to a session in which a job may start, with no archive."""
    by_hand = [PYTHON, "-m", "tests.bench.by_hand", "first", str(FOLDER / "notes")]
    run, variables = _run(project, "first"), {"TAURO_ARCHIVE": "off"}
    costs = in_turns(
        {
            "stock": lambda: _until_started(by_hand),
            "tauro": lambda: _until_started(run, variables),
            "stock again": lambda: _until_started(by_hand),
        },
        rounds,
    )
    return Row(
        name="from the call to the first Spark job, no archive",
        against="a script of stock PySpark",
        ratio=ratio(costs["tauro"], costs["stock"]),
        same=ratio(costs["stock again"], costs["stock"]),
        limit=LIMIT_FIRST_JOB,
        detail=f"{duration(median(costs['tauro']))} : {duration(median(costs['stock']))}",
    )


def _long_work() -> Row:
    """Minutes of work in the session that Tauro makes, and in a stock one; their starts are not counted."""
    project, count = scaled_example(FOLDER / "long", times=4_000)
    shown = subprocess.check_output([TAURO, "show", "settings", "--project", str(project), "--json"], env=_variables())
    settings = {one["name"]: one["value"] for one in json.loads(shown)["spark"]}
    costs = in_turns(
        {
            "stock": lambda: _work_s(project, PLAIN),
            "tauro": lambda: _work_s(project, settings),
            "stock again": lambda: _work_s(project, PLAIN),
        },
        rounds=3,
    )
    return Row(
        name=f"flights by hand, {count:,} flights, in Tauro's session",
        against="in a stock session",
        ratio=ratio(costs["tauro"], costs["stock"]),
        same=ratio(costs["stock again"], costs["stock"]),
        limit=None,
        detail=f"{duration(median(costs['tauro']))} : {duration(median(costs['stock']))}",
    )


def _memory(project: Path, rounds: int) -> Iterator[Row]:
    """What the driver's JVM and Python hold once the session is there, and have held at most when the work is done."""
    programs = {
        "stock": lambda name: [PYTHON, "-m", "tests.bench.by_hand", name, str(FOLDER / "notes")],
        "tauro": lambda name: _run(project, name),
        "stock again": lambda name: [PYTHON, "-m", "tests.bench.by_hand", name, str(FOLDER / "notes")],
    }
    held: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for kind, command in programs.items():
            for name, file, what in (("first", "idle", "now"), ("small", "peak", "peak")):
                _seconds(command(name))
                told = json.loads((FOLDER / f"notes/{file}.json").read_text())
                for process, bytes_of in told.items():
                    held.setdefault(f"{process}, {file}", {}).setdefault(kind, []).append(bytes_of[what])
    for name, costs in held.items():
        yield Row(
            name=f"memory of the driver's {name}",
            against="a script of stock PySpark",
            ratio=ratio(costs["tauro"], costs["stock"]),
            same=ratio(costs["stock again"], costs["stock"]),
            limit=None,
            detail=f"{median(costs['tauro']) / MEBIBYTE:.0f} : {median(costs['stock']) / MEBIBYTE:.0f} MiB",
        )


def _work_s(project: Path, settings: Mapping[str, str]) -> float:
    _seconds([PYTHON, "-m", "tests.bench.by_hand", "flights", str(project), *(f"{n}={v}" for n, v in settings.items())])
    return float((project / "work_s").read_text())


def _until_started(command: list[str], variables: Mapping[str, str] = {}) -> float:
    began = time.time()
    _seconds(command, variables)
    return float((FOLDER / "notes/started").read_text()) - began


def _run(project: Path, pipeline: str, *window: str) -> list[str]:
    options = [word for pair in zip(("--start", "--end"), window, strict=False) for word in pair]
    return [TAURO, "run", "--project", str(project), "--pipeline", pipeline, *options, "--quiet"]


def _seconds(command: list[str], variables: Mapping[str, str] = {}) -> float:
    """How long a process takes.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    done = subprocess.run(command, env=_variables() | variables, cwd=REPOSITORY, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode} of {' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return took


def _variables() -> dict[str, str]:
    own = {"TAURO_CACHE": str(CACHE), NOTES: str(FOLDER / "notes"), "PYTHONPATH": str(REPOSITORY)}
    return environment() | {name: value for name, value in os.environ.items() if name == "PATH"} | own


_PROJECT = """\
global_settings:
  output_path: output
pipelines_config:
  small:
    nodes: [orders, totals, note_end]
    requires_dates: false
  first:
    nodes: [note_start]
    requires_dates: false
nodes_config:
  orders:
    function: tests.bench.starting_steps.orders
    output: [orders]
  totals:
    function: tests.bench.starting_steps.totals
    input: [orders]
    output: [totals]
  note_end:
    function: tests.bench.starting_steps.note_end
    dependencies: [totals]
  note_start:
    function: tests.bench.starting_steps.note_start
    output: [started]
input_config: {}
output_config:
  orders:
    format: delta
    path: output/orders
  totals:
    format: delta
    path: output/totals
  started:
    format: parquet
    path: output/started
"""
