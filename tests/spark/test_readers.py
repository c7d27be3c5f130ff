"""What readers other than Tauro see while runs replace ten tables; `TAURO_READERS_S` says for how long they look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.readers import PYARROW, SPARK, Seen
from tests.support.exec_project import ExecProject, exec_project

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

SECONDS = float(os.environ.get("TAURO_READERS_S", "10"))
START_S = 120.0
ROWS = 30
FORMATS = ("parquet", "delta")
TABLES = [(f"{form}_{number}", form) for number in range(5) for form in FORMATS]


@dataclass
class Replacing:
    """A pipeline that replaces all tables by rows that bear the run's number."""

    project: ExecProject
    spark: SparkSession
    runs: int = 0

    def run(self) -> None:
        """One run."""
        self.runs += 1
        number = self.runs

        def rows() -> DataFrame:
            return self.spark.range(0, ROWS, 1, 3).selectExpr(f"{number} AS run", "cast(id AS INT) AS id")

        path = str(self.project.root / "tables")
        outputs = {name: {"format": form, "path": f"{path}/{name}"} for name, form in TABLES}
        nodes = {f"make_{name}": {"function": rows, "output": [name]} for name, _ in TABLES}
        self.project.run(nodes, outputs=outputs)


@dataclass
class Reader:
    """A reader in a process of its own."""

    kind: str
    folder: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Starts it."""
        command = [sys.executable, "-m", "tests.faults.readers", self.kind, str(self.folder), str(ROWS)]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parents[2])

    def wait_for(self, name: str) -> Path:
        """The file that it makes, once it is there."""
        file, deadline = self.folder / f"{name}.{self.kind}", time.monotonic() + START_S
        while not file.exists():
            assert self.process.poll() is None or file.exists(), f"the {self.kind} reader ended"
            assert time.monotonic() < deadline, f"the {self.kind} reader takes too long"
            time.sleep(0.05)
        return file

    def end(self) -> dict[str, Seen]:
        """What it saw of each table."""
        (self.folder / f"stop.{self.kind}").touch()
        figures: dict[str, Any] = json.loads(self.wait_for("seen").read_text())
        self.process.wait(60)
        return {name: Seen(**one) for name, one in figures.items()}


@contextmanager
def reading(kinds: tuple[str, ...], folder: Path) -> Iterator[list[Reader]]:
    """Readers that have begun to look; none is left at the end."""
    readers = [Reader(kind, folder) for kind in kinds]
    try:
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.wait_for("ready")
        yield readers
    finally:
        for reader in readers:
            reader.process.kill()
            reader.process.wait()


@pytest.mark.timeout(400 + 2 * SECONDS)
def test_no_reader_ever_sees_a_part_of_a_table_or_a_mixture(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with exec_project(tmp_path) as project:
        replacing = Replacing(project, spark)
        replacing.run()
        with reading((PYARROW, SPARK), tmp_path / "tables") as readers:
            begun = time.monotonic()
            while replacing.runs < 3 or time.monotonic() - begun < SECONDS:
                replacing.run()
            seen = {reader.kind: reader.end() for reader in readers}
    with capsys.disabled():
        print(f"\n{_figures(seen, replacing.runs)}")
    for kind, tables in seen.items():
        for name, one in tables.items():
            assert one.bad == [], f"{kind} saw {name} in part, or mixed"
            assert one.empty == 0 or not name.startswith("delta"), f"{kind} saw {name} without rows"
            assert one.runs == sorted(one.runs), f"{kind} saw an old {name} after a new one"
            assert one.runs[-1] == replacing.runs, f"{kind} did not see the last {name}"
    errors = {name: one.first_error for name, one in seen[SPARK].items() if name.startswith("delta") and one.errors}
    assert errors == {}


def _figures(seen: dict[str, dict[str, Seen]], runs: int) -> str:
    """A line for each reader and format."""
    names = ("reader", "format", "tables", "replaced", "looks", "partial", "empty", "errors")
    rows: list[tuple[object, ...]] = [names]
    for kind, tables in seen.items():
        for form in FORMATS:
            some = [one for name, one in tables.items() if name.startswith(form)]
            looks, empty, errors = (sum(getattr(one, name) for one in some) for name in ("looks", "empty", "errors"))
            partial = sum(len(one.bad) for one in some)
            rows.append((kind, form, len(some), (runs - 1) * len(some), looks, partial, empty, errors))
    return "\n".join("".join(f"{cell!s:<10}" for cell in row) for row in rows)
