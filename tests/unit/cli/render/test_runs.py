"""Recorded runs as people read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tauro.cli.render import words
from tauro.cli.render.runs import entries_of, whole_text
from tauro.history.reading import WholeRun
from tauro.history.records import NodeRecord, NoteRecord, OutputRecord, ReadRecord, RunRecord, stamp

T0 = 1_700_000_000.0


def whole(status: str = "failed", outputs: tuple[OutputRecord, ...] = (), **more: Any) -> WholeRun:  # Any: fields
    """A run of the nodes `z` and then `a`, which ended after a minute."""
    run = RunRecord(
        *("r-1", "shop", None, "daily", None, None, status, stamp(T0), stamp(T0 + 60), None, stamp(T0 + 60), "here", 1),
        *(None, None, None, "9.9", 2, 0),
    )
    nodes = [NodeRecord("r-1", name, "completed", 1, stamp(T0 + 5), 1.0, None) for name in ("a", "z")]
    rest = {"reads": [], "notes": [], **more}
    return WholeRun(run, json.dumps({"order": ["z", "a"], "nodes": []}), nodes, [], outputs, **rest)


def output(node: str, **changes: Any) -> OutputRecord:  # Any: columns
    row = OutputRecord("r-1", node, f"{node}.t", "parquet", f"/out/{node}", None, None, None, 1, stamp(T0 + 5), None)
    return row._replace(**changes)


def test_outputs_and_reads_stand_in_the_order_of_the_plan():
    reads = [ReadRecord("r-1", name, f"{name}.in", "/in", "1") for name in ("a", "z")]
    _, _, below = whole_text(whole(outputs=(output("a"), output("z")), reads=reads))
    assert [line.split()[0:2] for line in below] == [
        *(["read", "z.in"], ["read", "a.in"]),
        *(["z.t", "/out/z"], ["a.t", "/out/a"]),
    ]


def test_what_is_only_staged_has_no_unknown_rows():
    _, rows, _ = whole_text(whole(outputs=(output("z"), output("a", rows=7))))
    assert [row[3] for row in rows] == ["staged", "7"]
    _, rows, _ = whole_text(whole(outputs=(output("z", published_at=stamp(T0 + 6)),)))
    assert [row[3] for row in rows] == ["?", ""]


@pytest.mark.parametrize(
    ("status", "changes", "remark"),
    [
        ("failed", {}, " (staged, not published)"),
        ("failed", {"dropped_at": stamp(T0)}, " (staged, since dropped)"),
        ("failed", {"published_at": stamp(T0)}, ""),
        ("failed", {"is_written": 0}, " (there already, left as it is)"),
        ("completed", {}, ""),
    ],
)
def test_what_became_of_an_output_stands_beside_it(status, changes, remark):
    _, _, below = whole_text(whole(status, (output("z", **changes),)))
    assert below == [f"z.t  /out/z{remark}"]


def test_notes_are_shown_with_their_local_time():
    _, _, below = whole_text(whole(notes=[NoteRecord("r-1", stamp(T0), "it is dropped (by run r-2)")]))
    assert below == ["", f"{words.moment(stamp(T0))}  it is dropped (by run r-2)"]


def test_the_time_of_what_was_read_is_local_as_all_are():
    read = ReadRecord("r-1", "z", "raw", "/in", "3 files, newest 2025-01-02T03:04:05Z")
    _, _, below = whole_text(whole(reads=[read]))
    assert below == [f"read raw from /in: 3 files, newest {words.moment('2025-01-02T03:04:05Z')}"]


def test_what_happened_after_a_run_had_ended_stands_after_its_end():
    entries = entries_of(whole(notes=[NoteRecord("r-1", stamp(T0 + 90), "it is dropped")]))
    assert [entry["message"] for entry in entries][-2:] == ["run failed", "it is dropped"]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
