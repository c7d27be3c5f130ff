"""Folders that change places, hard links, and what is cleaned away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tauro.storage.local import (
    exchange,
    exchange_by_renames,
    link_tree,
    make_folder,
    move_files,
    put,
    remove_empty,
    remove_tree,
    settle_exchange,
)


def folder(path: Path, *files: str) -> Path:
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(f"{path.name}/{name}")
    return path


def files_in(path: Path) -> set[str]:
    return {str(one.relative_to(path)) for one in path.rglob("*") if one.is_file()}


@pytest.mark.parametrize("swap", [exchange, exchange_by_renames])
def test_two_folders_change_places(tmp_path: Path, swap: Callable[[Path, Path], None]) -> None:
    one, two = folder(tmp_path / "one", "a"), folder(tmp_path / "two", "b", "c")
    swap(one, two)
    assert (files_in(one), files_in(two)) == ({"b", "c"}, {"a"})
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]


@pytest.mark.parametrize("swap", [exchange, exchange_by_renames])
def test_a_swap_with_nothing_leaves_the_other_where_it_is(tmp_path: Path, swap: Callable[[Path, Path], None]) -> None:
    two = folder(tmp_path / "two", "b")
    with pytest.raises(FileNotFoundError):
        swap(tmp_path / "one", two)
    assert files_in(two) == {"b"}


def test_an_exchange_that_was_killed_is_ended_or_was_never_begun(tmp_path: Path) -> None:
    one, two, aside = folder(tmp_path / "one", "a"), folder(tmp_path / "two", "b"), tmp_path / "aside"
    settle_exchange(one, two, aside=aside)
    two.rename(aside)
    settle_exchange(one, two, aside=aside)
    assert (files_in(one), files_in(two)) == ({"a"}, {"b"})
    two.rename(aside)
    one.rename(two)
    settle_exchange(one, two, aside=aside)
    assert (files_in(one), files_in(two)) == ({"b"}, {"a"})


def test_put_refuses_a_place_that_is_taken(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", "a"), folder(tmp_path / "two", "b")
    with pytest.raises(OSError):
        put(one, two)
    put(one, tmp_path / "deep" / "er")
    assert files_in(tmp_path / "deep" / "er") == {"a"}


def test_links_share_their_bytes_and_leave_out_whole_folders(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", "d=1/a", "d=1/.a.crc", "d=2/b", "note")
    target = tmp_path / "target"
    linked = link_tree(source, target, is_left_out=lambda path: path in (Path("d=2"), Path("note")))
    assert (linked, files_in(target)) == (2, {"d=1/a", "d=1/.a.crc"})
    assert not (target / "d=2").exists()
    assert os.path.samefile(source / "d=1/a", target / "d=1/a")


def test_moved_files_never_replace_others(tmp_path: Path) -> None:
    source, target = folder(tmp_path / "source", "d=1/a", "_SUCCESS"), folder(tmp_path / "target", "d=2/b")
    assert move_files(source, target, is_left_out=lambda path: path.name == "_SUCCESS") == 1
    assert files_in(target) == {"d=1/a", "d=2/b"}
    with pytest.raises(FileExistsError):
        move_files(folder(tmp_path / "more", "d=1/a"), target, is_left_out=lambda path: False)
    assert (target / "d=1/a").read_text() == "source/d=1/a"


def test_empty_folders_are_removed_as_far_as_they_are_empty(tmp_path: Path) -> None:
    make_folder(tmp_path / "_tauro/run/node")
    folder(tmp_path / "_tauro", "other.lock")
    remove_empty(tmp_path / "_tauro/run/node/output", up_to=tmp_path / "_tauro")
    assert os.listdir(tmp_path / "_tauro") == ["other.lock"]
    (tmp_path / "_tauro/other.lock").unlink()
    remove_empty(tmp_path / "_tauro/run", up_to=tmp_path / "_tauro")
    assert tmp_path.exists()
    assert not (tmp_path / "_tauro").exists()


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    remove_tree(folder(tmp_path / "one", "a/b"))
    remove_tree(tmp_path / "one")
    assert not (tmp_path / "one").exists()
