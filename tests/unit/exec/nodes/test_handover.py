"""What nodes hand on is kept while it is needed, and no longer."""

from __future__ import annotations

import pytest
from loguru import logger

from tauro.exec.nodes.handover import Handover, frames_in, parts_of


class FakeFrame:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def persist(self) -> None:
        self.calls.append("persist")

    def unpersist(self) -> None:
        self.calls.append("unpersist")

    def close(self) -> None:
        raise AssertionError("frames are not closed")


class Connection:
    def __init__(self) -> None:
        self.closes = 0

    def close(self) -> None:
        self.closes += 1


def test_a_value_is_kept_until_its_last_reader_is_done() -> None:
    handover = Handover({"a": 2})
    connection = Connection()
    handover.keep("a", connection)
    assert handover.get("a") is connection
    handover.done_reading("b", ("a",))
    assert handover.get("a") is connection
    assert connection.closes == 0
    handover.done_reading("c", ("a",))
    assert connection.closes == 1
    with pytest.raises(KeyError):
        handover.get("a")


def test_a_persisted_frame_is_let_go_after_its_last_reader() -> None:
    handover = Handover({"a": 2})
    frame = FakeFrame()
    handover.keep("a", frame, frames=(frame,))
    handover.done_reading("b", ("a",))
    assert frame.calls == []
    handover.done_reading("c", ("a",))
    assert frame.calls == ["unpersist"]


def test_what_nobody_reads_is_closed_at_once() -> None:
    connection = Connection()
    Handover({}).keep("a", (connection, 5, "text", None))
    assert connection.closes == 1


@pytest.mark.parametrize("value", [lambda one: (one, 1), lambda one: [one], lambda one: {"x": one}])
def test_resources_inside_a_tuple_list_or_mapping_are_closed_too(value: object) -> None:
    connection = Connection()
    Handover({}).keep("a", value(connection))  # type: ignore[operator]  # the parametrised one is callable
    assert connection.closes == 1


def test_a_reader_whose_frame_is_not_computed_yet_keeps_its_sources() -> None:
    handover = Handover({"a": 1, "b": 1})
    source = FakeFrame()
    handover.keep("a", source, frames=(source,))
    handover.keep("b", FakeFrame(), sources=("a",))
    handover.done_reading("b", ("a",))
    assert source.calls == []  # the frame of b still reads it
    handover.done_reading("c", ("b",))
    assert source.calls == ["unpersist"]


def test_sources_are_kept_through_a_chain_of_lazy_frames() -> None:
    handover = Handover({"a": 1, "b": 1, "c": 1})
    source = FakeFrame()
    handover.keep("a", source, frames=(source,))
    for name, before in (("b", "a"), ("c", "b")):
        handover.keep(name, FakeFrame(), sources=(before,))
        handover.done_reading(name, (before,))
    assert source.calls == []
    handover.done_reading("d", ("c",))
    assert source.calls == ["unpersist"]


def test_a_resource_that_is_handed_on_stays_open_for_its_next_reader() -> None:
    handover = Handover({"a": 1, "b": 1})
    connection = Connection()
    handover.keep("a", connection)
    handover.keep("b", connection, sources=("a",))
    handover.done_reading("b", ("a",))
    assert connection.closes == 0
    handover.done_reading("c", ("b",))
    assert connection.closes > 0


def test_plain_values_do_not_keep_their_sources() -> None:
    handover = Handover({"a": 1, "b": 1})
    source = FakeFrame()
    handover.keep("a", source, frames=(source,))
    handover.keep("b", 7, sources=("a",))
    handover.done_reading("b", ("a",))
    assert source.calls == ["unpersist"]


def test_the_end_of_a_run_lets_go_of_everything() -> None:
    handover = Handover({"a": 1, "b": 5})
    connection, frame = Connection(), FakeFrame()
    handover.keep("a", connection)
    handover.keep("b", frame, frames=(frame,))
    handover.close()
    handover.close()
    assert connection.closes == 1
    assert frame.calls == ["unpersist"]


def test_a_resource_that_can_not_be_closed_is_told_and_keeps_nobody() -> None:
    class Broken:
        def close(self) -> None:
            raise OSError("gone")

    told: list[str] = []
    sink = logger.add(told.append, format="{message} {exception}")
    try:
        connection = Connection()
        Handover({}).keep("a", [Broken(), connection])
    finally:
        logger.remove(sink)
    assert connection.closes == 1
    assert "can't be let go" in told[0]
    assert "OSError: gone" in told[0]


def test_parts_are_those_of_tuples_lists_and_mappings() -> None:
    assert [*parts_of((1, 2))] == [*parts_of([1, 2])] == [*parts_of({"a": 1, "b": 2})] == [1, 2]
    assert [*parts_of("text")] == ["text"]
    assert [*parts_of(None)] == []


def test_frames_are_found_among_other_values() -> None:
    frame = FakeFrame()
    assert frames_in((1, "x", frame, Connection())) == (frame,)
    assert frames_in(None) == ()
