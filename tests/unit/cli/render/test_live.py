"""The live view: what a terminal shows at any moment, in no more lines than it has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from rich.console import Console

from tauro.cli.render.live import RunView
from tauro.model.events import BreakerOpened, NodeEnded, NodeRetrying, NodeStarted, RunStarted
from tauro.model.outcome import ErrorInfo, NodeResult, OutputResult, Status


class Clock:
    """Seconds that pass when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(*names: str) -> RunStarted:
    """A run of these nodes begins; of its plan the view reads no more than this."""
    plan = SimpleNamespace(pipeline=SimpleNamespace(name="daily"), window=None, order=names, max_workers=2)
    return RunStarted("r", plan)


def lines(view: RunView, height: int = 20) -> list[str]:
    """What the view shows on a terminal of 100 columns."""
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(view.draw(height))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_each_node_has_its_state_and_time(clock):
    view = RunView(clock)
    view(started("a", "b", "c", "d"))
    view(NodeStarted("a", 1))
    view(NodeStarted("b", 1))
    clock.now += 2
    view(NodeEnded(NodeResult("a", Status.COMPLETED, 1, 1.5, outputs=(OutputResult("o", "csv", rows=7),))))
    view(NodeRetrying("b", 1, ErrorInfo("OSError", "gone"), 4.0))
    shown = lines(view)
    assert shown[0].startswith("daily, no window")
    assert shown[0].endswith("1/4  2.0 s")
    assert [line.split() for line in shown[1:]] == [
        ["a", "completed", "1.5", "s", "7", "rows"],
        ["b", "retrying", "2.0", "s", "attempt", "1:", "OSError:", "gone;", "again", "in", "4.0", "s"],
        ["c", "pending"],
        ["d", "pending"],
    ]


def test_more_nodes_than_lines_shows_the_failed_and_running_first_and_counts_the_rest(clock):
    names = [f"node{at}" for at in range(100)]
    view = RunView(clock)
    view(started(*names))
    view(NodeStarted("node90", 1))
    view(NodeEnded(NodeResult("node95", Status.FAILED, 1, 1.0, ErrorInfo("OSError", "gone"))))
    shown = lines(view, height=10)
    assert len(shown) <= 10
    assert any(line.startswith("node90") for line in shown)
    assert any(line.startswith("node95") for line in shown)
    assert shown[-1].startswith("... 93 more")


def test_an_open_breaker_is_told_until_a_node_starts(clock):
    view = RunView(clock)
    view(started("a"))
    view(BreakerOpened(3, 60.0))
    assert "nothing new starts for 1 min 00 s" in lines(view)[0]
    view(NodeStarted("a", 1))
    assert "nothing new starts" not in lines(view)[0]


def test_secrets_are_not_drawn(clock):
    view = RunView(clock, redact=lambda text: text.replace("hunter2", "***"))
    view(started("a"))
    view(NodeEnded(NodeResult("a", Status.FAILED, 1, 1.0, ErrorInfo("OSError", "password hunter2"))))
    assert "hunter2" not in "\n".join(lines(view))
