"""What the suite prints at the end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.faults.cases import Verdict
from tests.faults.points import Point

_SHOWN = 20
"""More points than this that were not reached are not listed: the suite is short, or has not gone so far."""


def summary(verdicts: Collection[Verdict], points: Sequence[Point], left_out: Sequence[str]) -> str:
    """Points covered, kills, wrong tables and leftovers; then what to look at.

    Args:
        verdicts: of all cases.
        points: those that there are.
        left_out: cases that can't be had on this machine, with the reason.
    """
    covered = [point for point in points if any(point.was_reached(one.name, one.reached) for one in verdicts)]
    rows = (
        ("cases", f"{len(verdicts)}"),
        ("points covered", f"{len(covered)} of {len(points)}"),
        ("kills", f"{sum(verdict.kills for verdict in verdicts)}"),
        ("tables wrong", f"{sum(len(verdict.wrong) for verdict in verdicts)}"),
        ("leftovers", f"{sum(len(verdict.left) for verdict in verdicts)}"),
        ("other failures", f"{sum(len(verdict.failures) for verdict in verdicts)}"),
    )
    lines = [f"{name:<15}{value:>10}" for name, value in rows]
    if verdicts and len(points) - len(covered) <= _SHOWN:
        lines += [f"not covered: {point.name}" for point in points if point not in covered]
    lines += [f"left out: {reason}" for reason in left_out]
    for verdict in verdicts:
        if not verdict.is_good:
            lines.append("\n" + failure(verdict))
    return "\n".join(lines)


def failure(verdict: Verdict) -> str:
    """A case that did not end well, with what to look at."""
    lines = [f"case: {verdict.name}"]
    lines += [f"  wrong table  {text}" for text in verdict.wrong]
    lines += [f"  left behind  {text}" for text in verdict.left]
    lines += [f"  failed       {text}" for text in verdict.failures]
    lines.append(f"  look at      {verdict.look_at}")
    return "\n".join(lines)
