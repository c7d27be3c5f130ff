"""What a published folder says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tauro.io.files.marker import MARKER, Marker, read_marker


def test_a_marker_comes_back_as_it_was(tmp_path: Path) -> None:
    marker = Marker("run", "n", "out", "csv", "{}", ("day",), {"sep": ";"}, "part-0", "write", 3)
    marker.write(tmp_path)
    assert read_marker(tmp_path) == marker
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_a_marker_of_the_first_version_is_read(tmp_path: Path) -> None:
    old = {"version": 1, "run_id": "r", "node": "n", "output": "o", "format": "csv", "schema": "{}"}
    (tmp_path / MARKER).write_text(json.dumps({**old, "partition_by": [], "options": {}, "placeholder": None}))
    marker = read_marker(tmp_path)
    assert marker is not None
    assert (marker.run_id, marker.write_id, marker.appends) == ("r", "", 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}', '{"version": 2, "partition_by": []}'])
def test_what_is_no_marker_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / MARKER).write_text(text)
    assert read_marker(tmp_path) is None
