"""One try at one node, which can be called off until it begins to publish."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from tauro.errors import ExecutionError


class AttemptCancelledError(ExecutionError):
    """The attempt was called off: by a time-out, a signal, or the end of the run."""


@dataclass(slots=True)
class Attempt:
    """One try at one node; shared between its worker and the run loop."""

    node: str
    number: int
    """Counted from 1."""
    run_id: str = "run"
    cancelled: str | None = None
    """Why it was called off; None while it was not."""
    is_publishing: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def tag(self) -> str:
        """The tag of its Spark jobs: no commas, unlike any other attempt's."""
        return f"tauro-{self.run_id}-{self.node}-{self.number}".replace(",", "_")

    def cancel(self, why: str) -> bool:
        """Calls it off; False if it is too late, because it publishes already."""
        with self._lock:
            if self.is_publishing:
                return False
            self.cancelled = self.cancelled or why
            return True

    def check(self) -> None:
        """Raises if it was called off.

        Raises:
            AttemptCancelledError: it was.
        """
        if self.cancelled is not None:
            raise AttemptCancelledError(self.cancelled, where=f"node {self.node!r}")

    def begin_publishing(self) -> None:
        """From here on it can't be called off any more.

        Raises:
            AttemptCancelledError: it was called off before.
        """
        with self._lock:
            self.check()
            self.is_publishing = True
