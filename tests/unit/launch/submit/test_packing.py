"""An environment is packed once for what is installed in it, by a tool that has to be there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tauro.errors import InvalidValueError, MissingExtraError, SessionError
from tauro.launch.submit.packing import packed_environment

TOOL = """\
import pathlib, sys
words = sys.argv[1:]
pathlib.Path(__file__).with_name("calls").open("a").write(" ".join(words) + "\\n")
if {fails}:
    sys.exit("can't pack")
pathlib.Path(words[words.index("--output") + 1]).write_text("packed")
"""


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    return {"TAURO_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def in_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Has Python run in a virtual environment; where its tool would be."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.syspath_prepend(str(tools))
    monkeypatch.setenv("PYTHONPATH", str(tools))
    return tools


def test_an_archive_that_is_there_is_taken_as_it_is(tmp_path: Path, cache: dict[str, str]) -> None:
    archive = tmp_path / "env.tar.gz"
    archive.touch()
    assert packed_environment(str(archive), cache) == archive


@pytest.mark.parametrize("name", ["none.tar.gz", "plain.txt"])
def test_what_is_no_archive_is_refused(tmp_path: Path, cache: dict[str, str], name: str) -> None:
    (tmp_path / "plain.txt").touch()
    with pytest.raises(InvalidValueError, match="there is no archive"):
        packed_environment(str(tmp_path / name), cache)


def test_the_environment_is_packed_once(in_venv: Path, cache: dict[str, str]) -> None:
    (in_venv / "venv_pack.py").write_text(TOOL.format(fails=False))
    archive = packed_environment("venv", cache)
    assert archive.read_text() == "packed"
    assert packed_environment("venv", cache) == archive
    (call,) = (in_venv / "calls").read_text().splitlines()
    assert call.startswith(f"--prefix {sys.prefix} --output {archive.parent}")


def test_a_dry_run_tells_where_it_would_be(in_venv: Path, cache: dict[str, str]) -> None:
    (in_venv / "venv_pack.py").write_text(TOOL.format(fails=False))
    assert not packed_environment("venv", cache, makes=False).exists()


def test_what_the_tool_says_is_told_and_nothing_is_left(in_venv: Path, cache: dict[str, str]) -> None:
    (in_venv / "venv_pack.py").write_text(TOOL.format(fails=True))
    with pytest.raises(SessionError, match="can't pack"):
        packed_environment("venv", cache)
    assert list((Path(cache["TAURO_CACHE"]) / "environments").iterdir()) == []


def test_another_kind_of_environment_and_a_missing_tool_are_named(in_venv: Path, cache: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match="is no conda environment"):
        packed_environment("conda", cache)
    with pytest.raises(MissingExtraError, match=r"venv-pack.*\n.*tauro\[cluster\]"):
        packed_environment("venv", cache)
