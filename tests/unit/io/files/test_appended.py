"""Which earlier appends a new one stands for, and what is remembered of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tauro.errors import WriteError
from tauro.io.files.appended import APPENDS, Append, read_appends, replaced_by, without_files, write_appends
from tauro.io.files.marker import Marker
from tauro.model import Window


def append(start: str | None = None, end: str | None = None, *files: str, run: str = "run", node: str = "n") -> Append:
    window = Window.parse(start, end or start) if start else None
    return Append("pipe", node, "out", window, run, f"write-{run}", files)


def replaced(new: Append, *earlier: Append, gone: frozenset[str] = frozenset()) -> list[Append]:
    there = lambda file: file not in gone  # noqa: E731 - a predicate of one line
    return list(replaced_by(new, earlier, is_there=there, path="t", where="here"))


MARKER = Marker("run", "n", "out", "parquet", "{}", appends=1)


def test_the_same_window_is_replaced_and_others_stay() -> None:
    first, second = append("2013-01-01", None, "a"), append("2013-01-02", None, "b")
    assert replaced(append("2013-01-02", run="later"), first, second) == [second]
    assert replaced(append("2013-01-03"), first, second) == []


def test_the_same_window_in_another_spelling_is_the_same() -> None:
    day = append("2013-01-01")
    assert replaced(append("2013-01-01T00:00:00", "2013-01-02T00:00:00"), day) == [day]


def test_a_window_replaces_all_that_lie_inside() -> None:
    days = [append(f"2013-01-0{day}") for day in (1, 2, 3, 5)]
    assert replaced(append("2013-01-01", "2013-01-03"), *days) == days[:3]


@pytest.mark.parametrize(
    ("start", "end"), [("2013-01-01", "2013-01-05"), ("2013-01-15", None), ("2013-01-31", "2013-02-02")]
)
def test_a_window_that_cuts_through_another_is_refused_by_name(start: str, end: str | None) -> None:
    month = append("2013-01-02", "2013-01-31")
    with pytest.raises(WriteError, match=r"cuts through the window 2013-01-02 \.\. 2013-01-31") as caught:
        replaced(append(start, end), month)
    assert "contains 2013-01-02 .. 2013-01-31 whole" in str(caught.value.fix)


def test_windows_that_touch_do_not_cut() -> None:
    morning = append("2013-01-01T00:00:00", "2013-01-01T12:00:00")
    assert replaced(append("2013-01-01T12:00:00", "2013-01-02T00:00:00"), morning) == []


def test_without_dates_the_run_takes_the_windows_place() -> None:
    one, dated = append(run="one"), append("2013-01-01", run="one")
    assert replaced(append(run="one"), one, dated) == [one]
    assert replaced(append(run="two"), one, dated) == []
    assert replaced(append("2013-01-01", run="one"), one, dated) == [dated]


def test_other_nodes_and_pipelines_are_left_alone() -> None:
    new = append("2013-01-01")
    others = [replace(new, node="m"), replace(new, pipeline=None), replace(new, output="other")]
    others += [replace(one, window=Window.parse("2012-12-31", "2013-01-31")) for one in others]
    assert replaced(new, *others) == []


def test_files_that_somebody_rewrote_keep_an_append_from_being_replaced() -> None:
    old = append("2013-01-01", None, "a", "b")
    with pytest.raises(WriteError, match=r"somebody has rewritten its files: b"):
        replaced(append("2013-01-01"), old, gone=frozenset({"b"}))
    assert replaced(append("2013-01-02"), old, gone=frozenset({"b"})) == []


def test_an_append_that_lost_some_files_to_an_overwrite_is_not_replaced() -> None:
    whole, part, lost, empty = (
        append("2013-01-01", None, "d=1/a"),
        append("2013-01-02", None, "d=1/b", "d=2/b"),
        append("2013-01-03", None, "d=2/c"),
        append("2013-01-04"),
    )
    left = without_files([whole, part, lost, empty], is_gone=lambda file: file.startswith("d=2"))
    assert left == (whole, replace(part, files=("d=1/b",), is_whole=False), empty)
    with pytest.raises(WriteError, match="can't be told any more: an overwrite has replaced part"):
        replaced(append("2013-01-02"), *left)
    assert replaced(append("2013-01-03"), *left) == []


def test_the_record_comes_back_as_it_was(tmp_path: Path) -> None:
    appends = (append("2013-01-01", None, "d=é/a"), replace(append(run="x"), pipeline=None, is_whole=False))
    write_appends(tmp_path, appends)
    assert read_appends(tmp_path, MARKER, "here") == appends


def test_without_appends_there_is_no_record(tmp_path: Path) -> None:
    write_appends(tmp_path, ())
    assert list(tmp_path.iterdir()) == []
    assert read_appends(tmp_path, replace(MARKER, appends=0), "here") == ()
    assert read_appends(tmp_path, None, "here") == ()


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"version": 99, "appends": []}', '{"version": 1, "appends": [{}]}']
)
def test_a_lost_record_is_an_error_and_not_an_empty_one(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / APPENDS).write_text(content)
    with pytest.raises(WriteError, match="which says what was appended"):
        read_appends(tmp_path, MARKER, "here")
