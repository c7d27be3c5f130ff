"""What a disturbed process is ordered to do, and how it is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass

ORDERS, TRACE, BEGUN = "FAULTS_ORDERS", "FAULTS_TRACE", "FAULTS_BEGUN"
"""The variables of a disturbed process; see `tests.faults.driver`."""


@dataclass(frozen=True, slots=True)
class Order:
    """A deed at a step."""

    step: str = ""
    """A durable step, as Tauro names it; empty where the deed is for the whole process."""
    at: int = 1
    """Which occurrence in the process, from 1."""
    deed: str = "kill"
    """`kill`: SIGKILL. `fail`: the step meets a full disk. `wait`: stands still until the harness has done something.
    `jump`: the wall clock jumps. `renames`: folders can't change places in one step."""
    value: str = ""
    """For `wait` the beginning of two files' names, for `jump` the seconds."""

    def as_json(self) -> dict[str, object]:
        """What the driver is given."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.deed} {self.step} {self.at}" if self.step else self.deed
