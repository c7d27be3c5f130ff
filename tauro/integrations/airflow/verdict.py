"""How a `tauro run` has ended, and what that means to Airflow: done, to be tried again, or failed for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tauro.launch.processes import end_in_words

_MEANINGS = {
    1: "a defect in Tauro",
    2: "the project, or what the task asks for, is wrong",
    3: "a node failed",
    4: "a node failed for a reason that may pass",
    5: "another run writes an output",
    130: "the run was stopped",
}
"""Exit code -> what it says."""
_FINAL = frozenset({2, 3})
"""Trying these again is of no use: somebody has to mend something first. Tauro has made its own retries by then."""


class Verdict(Enum):
    """What becomes of the task."""

    DONE = "done"
    RETRY = "retry"
    """Airflow may try again; the run is carried on then."""
    FAIL = "fail"
    """At once, whatever retries are left."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose process is no more."""

    run_id: str
    code: int | None
    """The exit code, negative for a signal; None where nobody is left who knows it."""
    document: Mapping[str, Any]  # Any: JSON
    """What `tauro run --json` answered; empty if it did not come to that."""

    @property
    def verdict(self) -> Verdict:
        """What becomes of the task."""
        if self.code == 0:
            return Verdict.DONE
        return Verdict.FAIL if self.code in _FINAL else Verdict.RETRY

    @property
    def message(self) -> str:
        """What happened, in few lines."""
        if self.code is None:
            return f"run {self.run_id} is lost: its process, or the machine that it ran on, is gone"
        meaning = _MEANINGS.get(self.code)
        end = end_in_words(self.code) if meaning is None else f"{meaning} (exit code {self.code})"
        error = self.document.get("error") or {}
        node = f"node {error['node']!r}: " if error.get("node") else ""
        why = f"\n{node}{error.get('type')}: {error['message']}" if error.get("message") else ""
        return f"run {self.run_id}: {end}{why}"

    @property
    def cause(self) -> str | None:
        """The root cause with its frames; None if there is none."""
        cause = (self.document.get("error") or {}).get("cause")
        return str(cause).rstrip() if cause else None

    @property
    def problems(self) -> list[str]:
        """What is wrong with the project, each with its place."""
        return [_problem(one) for one in self.document.get("problems") or ()]


def _problem(problem: Mapping[str, Any]) -> str:  # Any: JSON
    place = ":".join(str(problem[part]) for part in ("file", "line") if problem.get(part) is not None)
    where = f"{problem['where']}: " if problem.get("where") else ""
    fix = f"\n  fix: {problem['fix']}" if problem.get("fix") else ""
    return f"{place}  {where}{problem.get('message')}{fix}".strip()
