"""What a history store can do; a package adds one by the entry-point group `tauro.history_stores`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from tauro.history.records import Record, RunQuery, RunRecord

R = TypeVar("R", bound=Record)


class HistoryStore(Protocol):
    """Keeps the records of runs; used by one thread at a time.

    Everything raises `HistoryError`, and nothing else, where the store can't be used.
    """

    def write(self, records: Sequence[Record]) -> None:
        """Writes the records together, or none; what has the same key is replaced."""

    def runs(self, query: RunQuery) -> list[RunRecord]:
        """The runs that fit, latest first."""

    def run_ids(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, latest first."""

    def records(self, kind: type[R], run_id: str) -> list[R]:
        """All records of one kind that a run has, in no order."""

    def remove(self, run_ids: Sequence[str]) -> None:
        """Removes every record of these runs, and gives the space back where that is possible at once."""

    def close(self) -> None:
        """Lets go of the store; does nothing the second time."""


class OpensHistory(Protocol):
    """What is registered for a scheme: usually a store's class."""

    def __call__(self, url: str, *, is_reader: bool) -> HistoryStore:
        """Opens the store, made or brought up to date where need be.

        Args:
            url: as the project names it; `sqlite:` and an absolute path for a file.
            is_reader: whether nothing but reading and `remove` is meant; a store that is not there is then not made,
                and has no runs.

        Raises:
            HistoryError: it can't be used.
        """
