"""Numbers and durations as people read them."""

from __future__ import annotations

import pytest

from tauro.cli.render import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7380, "2 h 03 min"),
    ],
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([1200, 34], "1,234"), ([1, None], "?"), ([0], "0")])
def test_rows_of_several_outputs(numbers, text):
    assert words.rows(numbers) == text


def test_rows_written_are_a_phrase_where_they_are_known():
    assert [words.rows_written(numbers) for numbers in ([1], [1000, 1], [None], [])] == ["1 row", "1,001 rows", "", ""]


def test_counts():
    assert (words.count(1, "node"), words.count(1200, "node")) == ("1 node", "1,200 nodes")
