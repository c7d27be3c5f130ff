"""What goes to a cluster: a project's modules, or all of it, in a zip file that is made once."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tauro.errors import InvalidValueError
from tauro.launch import bundle
from tauro.launch.bundle import code_bundle, driver_bundle, project_bundle, tauro_bundle

FILES = (
    *("tauro.yml", "jobs.py", "config/nodes.yml", "sql/day.sql", "data/rows.csv", "output/rows.csv", "output/made.py"),
    *(
        "shop/__init__.py",
        "shop/words.py",
        "shop/words.txt",
        "shop/deep/more.py",
        "notes/plain.txt",
        "my-tools/tool.py",
    ),
    *(".git/config", ".env", ".tauro/history.db", "shop/__pycache__/words.pyc", "venv/pyvenv.cfg", "venv/lib/x.py"),
    *("_tauro/x.json", "spark-warehouse/t/x.parquet"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop project"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"TAURO_CACHE": str(tmp_path / "cache")}


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def test_code_is_every_module_and_what_lies_in_its_package(project: Path, environment: dict[str, str]) -> None:
    found = names(code_bundle(project, environment, [project / "output"]))
    assert found == {"jobs.py", "shop/__init__.py", "shop/words.py", "shop/words.txt", "shop/deep/more.py"}


def test_a_project_is_everything_but_data_and_what_is_hidden_or_made(
    project: Path, environment: dict[str, str]
) -> None:
    found = names(project_bundle(project, environment, [project / "output", project / "data"]))
    assert found == {
        *("tauro.yml", "jobs.py", "config/nodes.yml", "sql/day.sql", "notes/plain.txt", "my-tools/tool.py"),
        *("shop/__init__.py", "shop/words.py", "shop/words.txt", "shop/deep/more.py"),
    }


def test_the_same_files_make_the_same_bundle_and_others_another(project: Path, environment: dict[str, str]) -> None:
    first = code_bundle(project, environment)
    os.utime(project / "jobs.py", (1, 1))
    assert code_bundle(project, environment) == first
    (project / "jobs.py").write_text("other")
    second = code_bundle(project, environment)
    assert second != first
    assert first.exists()
    assert "," not in second.name
    assert " " not in second.name


def test_a_bundle_that_nobody_has_used_for_a_week_goes(project: Path, environment: dict[str, str]) -> None:
    first = code_bundle(project, environment)
    os.utime(first, (1, 1))
    (project / "jobs.py").write_text("other")
    code_bundle(project, environment)
    assert not first.exists()


def test_what_is_too_large_is_refused_with_its_largest_file(
    project: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "shop" / "model.bin").write_bytes(b"x" * 5000)
    monkeypatch.setattr(bundle, "LARGEST_BYTES", 4000)
    with pytest.raises(InvalidValueError, match=r"too large .* the largest of which is .*shop/model\.bin"):
        code_bundle(project, environment)


def test_tauro_can_be_imported_from_its_bundle(environment: dict[str, str], tmp_path: Path) -> None:
    made = tauro_bundle(environment)
    assert made is not None
    program = "import tauro.launch.bundle as b; print(b.__file__); print(b.tauro_bundle({}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(made), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"{made}/tauro/launch/bundle.py", "None"]


def test_the_bundle_for_a_driver_unpacks_itself_and_runs_the_driver_from_there(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    made = driver_bundle(project, environment, [project / "output"])
    assert {"__main__.py", "project/tauro.yml", "project/shop/words.py", "code/tauro/cli/driver.py"} <= names(made)
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, str(made), "--again", "x", "--", "run", "--project", "project", "--pipeline", "daily"],
        env={"PATH": "/usr/bin:/bin"},
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "unknown pipeline 'daily'" in done.stderr
    assert (work / "project" / "shop" / "words.py").is_file()
