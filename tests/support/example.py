"""The bundled examples, copied to a folder of their own and run there by the real command in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import tauro as engine
from tauro.model.outcome import RunResult

EXAMPLES = Path(__file__).parents[2] / "config_examples"
TAURO = Path(sys.executable).parent / "tauro"


@dataclass(frozen=True)
class Example:
    """A project to run `tauro` in."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    """Variables beside those of the test run."""

    def tauro(self, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
        """What `tauro ARGUMENTS --json` prints; fails if it exits otherwise than expected or prints anything else."""
        done = subprocess.run(
            [str(TAURO), *arguments, "--json"],
            cwd=self.root,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == exit_code, (
            f"exit code {done.returncode}\n{_errors(done.stdout)}\n{done.stderr[-3000:]}"
        )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def run(self, pipeline: str, start: str | None = None, end: str | None = None, **asked: Any) -> RunResult:
        """A run in this process, in the Spark session that the tests share; it leaves nothing of the project behind."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", [*sys.path])
            for name, value in self.environment.items():
                patch.setenv(name, value)
            try:
                return engine.run(self.root, pipeline=pipeline, start=start, end=end, **asked)
            finally:
                for name, module in list(sys.modules.items()):
                    if str(getattr(module, "__file__", None)).startswith(f"{self.root}/"):
                        del sys.modules[name]

    def table(self, path: str, *, by: list[str]) -> pd.DataFrame:
        """A Parquet table below the project, sorted by the columns `by`; days and months as text."""
        frame = pd.read_parquet(self.root / path)
        for column in frame.columns.intersection(["flight_date", "month"]):
            frame[column] = frame[column].astype(str)
        return frame[sorted(frame.columns)].sort_values(by, ignore_index=True)


def copy_example(name: str, target: Path, *, ignore: tuple[str, ...] = (), **environment: str) -> Example:
    """The example `name`, copied into `target` without what it has written, and without files that match `ignore`."""
    shutil.copytree(
        EXAMPLES / name, target, ignore=shutil.ignore_patterns("output", "_tauro", ".tauro", "__pycache__", *ignore)
    )
    return Example(target, environment)


def flights_of_january(target: Path, **environment: str) -> Example:
    """The flights example, copied with January's flights alone."""
    later_months = tuple(f"2013-{month:02}.parquet" for month in range(2, 13))
    return copy_example("flights", target, ignore=later_months, **environment)


def _errors(stdout: str) -> str:
    """The errors in a printed document, each with the first lines of its cause, which say what went wrong."""
    try:
        document = json.loads(stdout)
    except ValueError:
        return f"no JSON document: {stdout[-3000:]!r}"
    nodes = [node["error"] for node in document.get("nodes", []) if node.get("error")]
    errors = nodes or [document.get("error") or {}]
    return "\n".join(f"{e.get('type')}: {e.get('message')}\n{(e.get('cause') or '')[:3000]}" for e in errors)
