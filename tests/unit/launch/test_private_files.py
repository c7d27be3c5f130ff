"""Small files that only their owner can read are whole, and trusted only if nobody else could have written them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tauro.launch.private_files import read_private, write_private


def test_what_is_written_is_read_again_and_only_the_owner_can(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    assert write_private(file, {"a": [1, "ä"]})
    assert read_private(file) == {"a": [1, "ä"]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o666])
def test_a_file_that_others_can_open_is_not_trusted(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "a.json"
    write_private(file, {})
    file.chmod(mode)
    assert read_private(file) is None


def test_a_file_of_somebody_elses_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.json"
    write_private(file, {})
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert read_private(file) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write_private(tmp_path / "a.json", {})
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    assert read_private(tmp_path / "link") is None


@pytest.mark.parametrize("text", ["", '{"a": ', "[1]", "\udcff"])
def test_what_is_damaged_is_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, errors="surrogateescape")
    file.chmod(0o600)
    assert read_private(file) is None
    assert read_private(tmp_path / "missing") is None


def test_where_it_cant_be_written_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    (tmp_path / "a.json" / "full").touch()
    assert not write_private(tmp_path / "a.json", {})
    assert not write_private(tmp_path / "missing" / "a.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
