"""The command `tauro` itself: its help, its speed's precondition, and names that do not exist."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tauro as package
from tauro.cli.main import COMMANDS

HEAVY = {"pydantic", "yaml", "rich", "loguru", "sqlglot", "pyspark"}


def loaded_by(*words: str, cwd=None) -> set[str]:
    """The heavy libraries that a call has imported at its end."""
    script = (
        "import sys\nfrom tauro.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print(*({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stderr.splitlines()[-1].split())


def test_the_version_is_told(tauro):
    called = tauro("--version")
    assert (called.code, called.out) == (0, f"tauro {package.__version__}\n")


def test_help_lists_every_command(tauro):
    called = tauro("--help")
    assert called.code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in called.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(tauro, command):
    called = tauro(command, "--help")
    assert called.code == 0
    assert called.out.startswith(f"Usage: tauro {command}")


@pytest.mark.parametrize(
    "words",
    [("--version",), ("--help",), ("run", "--help"), ("resume", "--help"), ("recover", "--help"), ("clean", "--help")],
)
def test_help_and_version_import_no_heavy_library(words):
    assert loaded_by(*words) == set()


def test_validate_without_sql_imports_what_configuration_needs_alone(project):
    assert loaded_by("validate", cwd=project) == {"pydantic", "yaml"}


def test_a_command_that_does_not_exist_ends_with_2_and_a_suggestion(tauro):
    called = tauro("rum")
    assert called.code == 2
    assert "did you mean 'run'?" in called.err


def test_usage_errors_are_a_document_where_json_is_asked_for(tauro):
    called = tauro("rum", "--json")
    assert called.code == 2
    assert called.document["error"]["message"].startswith("no command 'rum'")


def test_no_project_is_an_error_with_all_ways_out(tauro, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = tauro("list")
    assert called.code == 2
    assert "tauro.yml" in called.err
    assert "--project" in called.err
    assert "tauro init" in called.err


def test_a_project_is_found_from_a_folder_inside_it(project, tauro, monkeypatch):
    monkeypatch.chdir(project / "data")
    assert "daily" in tauro("list").out
