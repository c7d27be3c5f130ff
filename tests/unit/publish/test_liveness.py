"""Whether a run lives: by its process here, by its heartbeat anywhere else."""

from __future__ import annotations

import pytest

from tauro.launch.processes import Host
from tauro.publish.holder import Span, exclude_each_other
from tauro.publish.liveness import TTL_S, Life, Watch
from tests.unit.publish.conftest import ELSEWHERE, HERE, World, holder, span


def test_on_this_host_the_process_tells_at_once(world: World) -> None:
    watch = world.watch()
    world.running = {1}
    assert watch.life_of(holder(pid=1), world.clock()) is Life.ALIVE
    assert watch.life_of(holder(pid=2), world.clock()) is Life.DEAD
    world.clock.now += 1000
    assert watch.life_of(holder(pid=1), world.clock()) is Life.ALIVE  # stopped or busy, but there


@pytest.mark.parametrize(
    "machine",
    [ELSEWHERE, Host(HERE.host, "boot-2", HERE.namespace), Host(HERE.host, HERE.boot, "pid:[2]")],
    ids=["another host", "the host after a restart", "another container"],
)
def test_anywhere_else_the_heartbeat_tells(world: World, machine: Host) -> None:
    watch = world.watch()
    assert watch.life_of(holder(machine=machine, beat=5), world.clock()) is Life.UNKNOWN
    world.clock.now += TTL_S - 1
    assert watch.life_of(holder(machine=machine, beat=5), world.clock()) is Life.UNKNOWN
    assert watch.life_of(holder(machine=machine, beat=6), world.clock()) is Life.ALIVE
    world.clock.now += TTL_S - 1
    assert watch.life_of(holder(machine=machine, beat=6), world.clock()) is Life.ALIVE
    world.clock.now += 1
    assert watch.life_of(holder(machine=machine, beat=6), world.clock()) is Life.DEAD


def test_a_process_that_the_system_says_nothing_about_is_judged_by_its_heartbeat(world: World) -> None:
    watch = Watch(HERE, lambda process: None, world.clock)
    assert watch.life_of(holder(), world.clock()) is Life.UNKNOWN
    world.clock.now += TTL_S
    assert watch.life_of(holder(), world.clock()) is Life.DEAD


def test_a_watcher_that_slept_over_its_reading_judges_no_one(world: World) -> None:
    watch = world.watch()
    before = world.clock()
    watch.life_of(holder(machine=ELSEWHERE), before)
    world.clock.now += 10 * TTL_S
    assert watch.life_of(holder(machine=ELSEWHERE), before + 1) is Life.UNKNOWN


def test_a_beat_that_goes_back_is_a_beat(world: World) -> None:
    watch = world.watch()
    watch.life_of(holder(machine=ELSEWHERE, beat=9), world.clock())
    world.clock.now += TTL_S
    assert watch.life_of(holder(machine=ELSEWHERE, beat=0), world.clock()) is Life.ALIVE


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, True),
        (None, span(1, 2), True),
        (span(1, 8), span(8, 15), False),
        (span(1, 8), span(7, 15), True),
        (span(1, 31), span(3, 4), True),
        (span(3, 4), span(3, 4), True),
    ],
)
def test_parts_of_an_output_exclude_each_other_where_they_overlap(
    one: Span | None, other: Span | None, expected: bool
) -> None:
    assert exclude_each_other(one, other) is expected
    assert exclude_each_other(other, one) is expected
