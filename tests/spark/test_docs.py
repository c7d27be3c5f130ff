"""The examples of docs/python.md, run as a reader would: in a process of its own, with installed entry points."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.jvms import plain_environment

pytestmark = pytest.mark.spark

PAGE = Path(__file__).parents[2] / "docs" / "python.md"

USE = """
import pathlib
import tauro
from tauro.config import Context
from tauro.spark.session import SESSION_MODES, stop_session

assert SESSION_MODES["shared"].__name__ == "open_shared"
nodes = {"n": {"function": "builtins.print"}}
done = tauro.run(Context({"mode": "shared"}, {"p": {"nodes": "n", "requires_dates": False}}, nodes), pipeline="p")
print("SHARED", done.status)

pathlib.Path("data").mkdir()
pathlib.Path("data/codes.txt").write_text("001Parquet   \\n002Delta     \\n")
inputs = {"raw.codes": {"format": "fixed_width", "path": "data/codes.txt", "options": {"columns": "code:3,name:10"}}}
context = Context({"spark_config": {"spark.master": "local[1]"}}, input_config=inputs)
from tauro.io import InputLoader
(codes,) = InputLoader(context).load_inputs({"input": ["raw.codes"]})
print("CODES", [tuple(row) for row in codes.collect()])
stop_session(context.spark)
"""


def examples() -> dict[str, str]:
    """The page's code: `script` is every block that is no file, in order; others by the file they are."""
    found = {"script": "", "entry_points": ""}
    for language, body in re.findall(r"^```(python|toml)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        name = re.match(r"# file: (\S+)\n", body)
        if language == "toml":
            found["entry_points"] += body
        elif name:
            found[name[1]] = body
        else:
            found["script"] += body
    return found


def entry_points_txt(toml: str) -> str:
    """What an installer makes of the tables of a pyproject.toml."""
    groups = re.sub(r'^\[project\.entry-points\."([^"]+)"\]$', r"[\1]", toml, flags=re.MULTILINE)
    return re.sub(r'= "([^"]+)"', r"= \1", re.sub(r"^#.*\n", "", groups, flags=re.MULTILINE))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the page's packages, as installed."""
    folder = tmp_path / "site"
    info = folder / "my_plug_ins-1.0.dist-info"
    info.mkdir(parents=True)
    found = examples()
    for name in ("my_formats.py", "my_sessions.py"):
        (folder / name).write_text(found[name])
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plug-ins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points_txt(found["entry_points"]))
    return folder


def run(folder: Path, site: Path, program: str) -> str:
    env = plain_environment()
    script = folder / "script.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env={**env, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_the_examples_of_running_contexts_and_events_do_what_the_page_says(tmp_path: Path, site: Path) -> None:
    made = subprocess.run(
        [str(Path(sys.executable).parent / "tauro"), "init", "my_project"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    lines = run(tmp_path, site, examples()["script"]).splitlines()
    assert lines == [
        "completed 2025-01-01 .. 2025-01-07",
        "7",
        "{'s': 'hello world'} ['greet']",
        "Hello World",
        "clean_orders: completed",
        *sorted(["best_products: completed", "sales_by_day: completed"], key=lines.index),
    ]


def test_the_format_and_the_session_mode_of_the_page_work_by_entry_point(tmp_path: Path, site: Path) -> None:
    told = run(tmp_path, site, USE)
    assert "CODES [('001', 'Parquet   '), ('002', 'Delta     ')]" in told
    assert "SHARED completed" in told
