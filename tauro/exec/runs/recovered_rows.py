"""What a recovery tells of a run, as rows of the history: those that its process did not come to write too."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from tauro.history.ports import HistoryStore
from tauro.history.records import (
    AttemptRecord,
    NodeRecord,
    NoteRecord,
    OutputRecord,
    PlanRecord,
    Record,
    RunRecord,
    seconds_of,
)
from tauro.model.outcome import OutputResult, Status
from tauro.model.settings import Publish
from tauro.publish.recovery import Ending, Recovered
from tauro.storage.paths import is_remote

_DONE = (Status.COMPLETED, Status.SKIPPED)
_UNSEEN = "its end was not recorded; its outputs were found published"


def rows_of(recovered: Recovered, store: HistoryStore, now: str, by: str | None = None) -> list[Record]:
    """The rows to be written; none if the history does not know the run.

    Args:
        recovered: what has become of the run.
        store: where its other rows are.
        now: the time.
        by: who has seen to it.

    Raises:
        HistoryError: the store can't be read.
    """
    runs = store.records(RunRecord, recovered.run_id)
    if not runs:
        return []
    rows: list[Record] = [NoteRecord(recovered.run_id, now, f"{recovered} (by {by})" if by else str(recovered))]
    if recovered.ending is Ending.PUBLISHED:
        rows += _Published(recovered, runs[0], store, now).rows()
    elif recovered.ending is Ending.UNDONE:
        undone = set(recovered.outputs) - set(recovered.left)
        outputs = store.records(OutputRecord, recovered.run_id)
        rows += [one._replace(published_at=None) for one in outputs if one.output in undone]
    elif recovered.ending is Ending.DROPPED:
        outputs = store.records(OutputRecord, recovered.run_id)
        rows += [one._replace(dropped_at=now) for one in outputs if one.published_at is None and one.is_written]
    return rows


class _Published:
    """A run of which something, or everything, has been published after its death."""

    def __init__(self, recovered: Recovered, run: RunRecord, store: HistoryStore, now: str) -> None:
        plans = store.records(PlanRecord, run.run_id)
        plan = json.loads(plans[0].plan) if plans else {}
        self._run = run
        self._now = now
        self._planned: dict[str, Any] = {one["name"]: one for one in plan.get("nodes", ())}  # Any: JSON
        self._results = {(node, one.id): one for node, one in recovered.results}
        self._nodes = {one.node: one for one in store.records(NodeRecord, run.run_id)}
        self._outputs = {(one.node, one.output): one for one in store.records(OutputRecord, run.run_id)}
        self._attempts: dict[str, list[AttemptRecord]] = {}
        for one in sorted(store.records(AttemptRecord, run.run_id), key=lambda one: (one.started_at, one.attempt)):
            self._attempts.setdefault(one.node, []).append(one)
        is_together = plan.get("publish") == Publish.RUN
        self._done: Collection[str] = list(
            self._planned if is_together else dict.fromkeys(node for node, _ in self._results)
        )
        """Nodes that are known to be done."""

    def rows(self) -> Iterator[Record]:
        for name in self._done:
            if name not in self._nodes or self._nodes[name].status not in _DONE:
                yield from self._node(name)
            yield from self._published(name)
        done = {name for name, one in self._nodes.items() if one.status in _DONE} | set(self._done)
        run = self._run._replace(nodes_done=len(done & set(self._planned) if self._planned else done))
        if run.nodes_done == run.nodes and run.status != Status.COMPLETED:
            run = run._replace(
                status=str(Status.COMPLETED), ended_at=self._now, error_type=None, error_message=None, error_cause=None
            )
        yield run

    def _node(self, name: str) -> Iterator[Record]:
        """A node that ended when nobody wrote it down any more: soon after the run was last seen."""
        attempts = self._attempts.get(name, [])
        ended_at = max(self._run.seen_at, attempts[-1].started_at if attempts else "")
        if attempts and attempts[-1].ended_at is None:
            yield attempts[-1]._replace(status=str(Status.COMPLETED), ended_at=ended_at)
        began = next((one for one in reversed(attempts) if one.attempt == 1), None)
        yield NodeRecord(
            self._run.run_id,
            name,
            str(Status.COMPLETED),
            attempts[-1].attempt if attempts else 1,
            ended_at,
            seconds_of(ended_at) - seconds_of(began.started_at) if began else 0.0,
            _UNSEEN,
        )

    def _published(self, name: str) -> Iterator[Record]:
        """The outputs of a node, all of which are published."""
        planned = {one["id"]: one for one in self._planned.get(name, {}).get("outputs", ())}
        known = [output for node, output in (*self._results, *self._outputs) if node == name]
        for output in dict.fromkeys([*planned, *known]):
            result, row = self._results.get((name, output)), self._outputs.get((name, output))
            if row is not None:
                rows = result.rows if result is not None and result.rows is not None else row.rows
                yield row._replace(published_at=row.published_at or self._now, rows=rows)
            else:
                result = result or _result(planned[output])
                yield OutputRecord(
                    self._run.run_id,
                    name,
                    output,
                    result.format,
                    result.path,
                    result.table,
                    result.rows,
                    result.schema,
                    int(result.is_written),
                    max(self._run.seen_at, self._run.started_at),
                    self._now,
                )


def _result(planned: dict[str, Any]) -> OutputResult:  # Any: JSON
    """As much as the plan knows of an output."""
    is_path = planned["location"].startswith("/") or is_remote(planned["location"])
    place = {"path" if is_path else "table": planned["location"]}
    return OutputResult(planned["id"], planned["format"], **place)
