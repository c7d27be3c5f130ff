"""A node of a plan says what publishing promises, and nothing that does not hold."""

from __future__ import annotations

from tauro.cli.render.plan import node_lines
from tauro.model import OutputSpec
from tauro.model.node import NodeSpec
from tauro.model.plan import PlannedNode, PlannedOutput, Publishing, PublishWay
from tauro.model.settings import RetrySpec

READERS = "            readers see the old rows until all new ones are written; a rerun gives the same table"


def lines(publishing: Publishing | None) -> list[str]:
    output = PlannedOutput("a.b", OutputSpec.parse("a.b", {"format": "parquet"}), "/data/a", publishing)
    spec = NodeSpec.parse("load", {"function": "jobs.load"})
    node = PlannedNode("load", spec, (), (output,), (), RetrySpec(), None, "part of daily")
    shown = list(node_lines(node))
    return shown[shown.index("  writes    a.b: /data/a (parquet, overwrite)") + 1 :]


def test_what_holds_is_followed_by_what_does_not() -> None:
    swap = Publishing(PublishWay.SWAP, "swapped in", ("it takes an instant", "nobody has tried"))
    assert lines(swap) == [
        READERS,
        "            swapped in",
        "            but it takes an instant",
        "            and nobody has tried",
    ]


def test_readers_are_promised_nothing_where_files_are_copied_in() -> None:
    assert lines(Publishing(PublishWay.COPY, "moved in")) == ["            moved in"]


def test_what_nobody_looked_at_is_left_out() -> None:
    assert lines(None) == [READERS]
