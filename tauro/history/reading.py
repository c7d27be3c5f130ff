"""The history as people and tools ask for it: runs by id, prefix or `last`, and what is known of those that died."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tauro.errors import InvalidValueError, UnknownNameError, bounded
from tauro.history.ports import HistoryStore
from tauro.history.process import is_gone
from tauro.history.records import (
    DIED,
    AttemptRecord,
    NodeRecord,
    NoteRecord,
    OutputRecord,
    PlanRecord,
    ReadRecord,
    RunQuery,
    RunRecord,
    completing_attempt,
    seconds_of,
)
from tauro.model.outcome import Status

LAST = "last"
_RUNNING = str(Status.RUNNING)


@dataclass(frozen=True, slots=True)
class WholeRun:
    """All that is known of one run."""

    run: RunRecord
    plan: str | None
    """JSON; None if it was lost."""
    nodes: Sequence[NodeRecord]
    attempts: Sequence[AttemptRecord]
    """By start."""
    outputs: Sequence[OutputRecord]
    reads: Sequence[ReadRecord]
    """By node and input."""
    notes: Sequence[NoteRecord]
    """By time."""


class History:
    """A history that is open for reading, and for removing runs from it.

    Args:
        store: where it is.
    """

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def runs(self, query: RunQuery = RunQuery()) -> list[RunRecord]:  # noqa: B008 - immutable
        """The runs that fit, latest first; one whose process is gone has the status `died`."""
        asked = set(query.statuses)
        if not asked & {_RUNNING, DIED}:
            return [_judged(run) for run in self._store.runs(query)]
        stored = tuple((asked - {DIED}) | {_RUNNING})
        found = self._store.runs(RunQuery(query.pipeline, stored, query.since, query.until))
        return [run for run in map(_judged, found) if run.status in asked][: query.limit]

    def find(self, name: str) -> str:
        """The id of the run that is meant.

        Args:
            name: an id, the beginning of one, or `last`.

        Raises:
            UnknownNameError: there is no such run.
            InvalidValueError: several ids begin so.
        """
        if name == LAST:
            latest = self._store.runs(RunQuery(limit=1))
            if not latest:
                raise UnknownNameError("run", name, [])
            return latest[0].run_id
        found = self._store.run_ids(name) if name else []
        if name in found or len(found) == 1:
            return name if name in found else found[0]
        if found:
            raise InvalidValueError(
                f"{len(found)} runs begin with {name!r}: {bounded(found, 5)}", fix="give more of the id"
            )
        raise UnknownNameError("run", name, self._store.run_ids(""))

    def whole(self, run_id: str) -> WholeRun:
        """All that is known of a run.

        Args:
            run_id: as `find` returns it.
        """
        store = self._store
        (run,) = store.records(RunRecord, run_id)
        run = _judged(run)
        plans = store.records(PlanRecord, run_id)
        nodes = store.records(NodeRecord, run_id)
        attempts = _attempts(nodes, store.records(AttemptRecord, run_id))
        return WholeRun(
            run,
            plans[0].plan if plans else None,
            nodes,
            _judged_attempts(run, attempts),
            store.records(OutputRecord, run_id),
            sorted(store.records(ReadRecord, run_id), key=lambda one: (one.node, one.input)),
            sorted(store.records(NoteRecord, run_id), key=lambda one: one.at),
        )

    def old_runs(self, before: str) -> list[RunRecord]:
        """The runs that started before a time, latest first; those that are still going on are left out."""
        return [run for run in self.runs(RunQuery(until=before)) if run.status != _RUNNING]

    def remove(self, runs: Sequence[RunRecord]) -> None:
        """Removes all that is known of these runs."""
        self._store.remove([run.run_id for run in runs])


def _judged(run: RunRecord) -> RunRecord:
    if run.status == _RUNNING and is_gone(run, time.time(), seconds_of(run.seen_at)):
        return run._replace(status=DIED)
    return run


def _attempts(nodes: Sequence[NodeRecord], others: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """All attempts of a run by start, those too that only the rows of their nodes tell of."""
    completing = [attempt for node in nodes if (attempt := completing_attempt(node))]
    by_key = {(one.node, one.started_at, one.attempt): one for one in (*others, *completing)}
    return sorted(by_key.values(), key=lambda one: (one.started_at, one.attempt))


def _judged_attempts(run: RunRecord, attempts: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """Attempts of which no end is known: only the latest of a node can be running, and only while the run is."""
    latest = {attempt.node: attempt for attempt in attempts}
    return [
        attempt._replace(status=DIED)
        if attempt.status == _RUNNING and (run.status != _RUNNING or latest[attempt.node] is not attempt)
        else attempt
        for attempt in attempts
    ]
