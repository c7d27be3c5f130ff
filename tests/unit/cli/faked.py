"""The command line with an executor that runs nothing: it tells the events of a run that goes as FAKE says.

Run as a script it is `tauro` with that executor. FAKE is JSON: `fails` maps nodes to `permanent` or `transient`,
`waits_in` names a node that waits for a cancel, `done` those that were done before, `prints` has nodes print in every
way there is, `raises` is a message, `says` one that is logged, and `forgets` has the run's journal removed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from threading import Event
from typing import ClassVar

from loguru import logger

from tauro.errors import RunFailedError, RunInterruptedError, SessionError
from tauro.exec.planning.plan import make_plan
from tauro.exec.planning.selection import EVERYTHING, Selection
from tauro.model.events import NodeEnded, NodeStarted, RunEnded, RunStarted
from tauro.model.outcome import ErrorInfo, FailureKind, NodeResult, OutputResult, RunResult, Status
from tauro.model.window import Window

CAUSE = """Traceback (most recent call last):
  File "/project/etl/jobs.py", line 14, in clean
    return 1 / 0
           ~~^~~
ZeroDivisionError: division by zero
"""


class FakeExecutor:
    """Goes through the real plan of a pipeline and tells what would happen."""

    calls: ClassVar[list[dict]] = []

    def __init__(self, context) -> None:
        self.context = context
        self.asked = json.loads(os.environ.get("FAKE", "{}"))
        self.reason: str | None = None
        self.cancelled = Event()

    def cancel(self, reason: str) -> None:
        self.reason = reason
        if not self.asked.get("ignores_cancel"):
            self.cancelled.set()

    def execute_pipeline(
        self,
        pipeline_name,
        start_date=None,
        end_date=None,
        *,
        selection=EVERYTHING,
        max_workers=None,
        run_id=None,
        journal=None,
        wait_s=0.0,
        observers=(),
    ):
        self.calls.append(
            {
                "run_id": run_id,
                "journal": journal,
                "pipeline": pipeline_name,
                "start": start_date,
                "end": end_date,
                "selection": selection,
                "n": max_workers,
                "wait_s": wait_s,
            }
        )
        if message := self.asked.get("raises"):
            raise SessionError(message)
        if message := self.asked.get("breaks"):
            raise ZeroDivisionError(message)
        window = Window.parse(start_date, end_date) if start_date else None
        plan = make_plan(self.context, pipeline_name, window, selection, max_workers=max_workers)

        def tell(event) -> None:
            for observer in observers:
                observer(event)

        self.run_id = run_id or "r-1"
        tell(RunStarted(self.run_id, plan))
        if message := self.asked.get("says"):
            logger.patch(lambda record: record.update(name="tauro.exec.executor")).info(message)
        if self.asked.get("forgets") and journal is not None:
            journal.remove()
        results: dict[str, NodeResult] = {}
        for name in plan.order:
            results[name] = self._node(name, plan, results, tell)
            tell(NodeEnded(results[name]))
        status = self._status(results)
        error = next((node.error for node in results.values() if node.error), None)
        result = RunResult(self.run_id, pipeline_name, plan.window, status, 1.5, tuple(results.values()), error)
        tell(RunEnded(result))
        if self.reason is not None:
            raise RunInterruptedError(self.reason, result=result)
        if error is not None:
            raise RunFailedError("1 node failed", result=result, is_transient=error.kind is FailureKind.TRANSIENT)
        return result

    def resume(self, run, *, max_workers=None, wait_s=0.0, observers=()):
        about = run.about
        return self.execute_pipeline(
            about.pipeline,
            *(about.window or (None, None)),
            selection=Selection(**{name: tuple(names) for name, names in about.asked.get("selection", {}).items()}),
            max_workers=max_workers,
            run_id=about.run_id,
            journal=run.journal,
            wait_s=wait_s,
            observers=observers,
        )

    def _node(self, name, plan, results, tell) -> NodeResult:
        done = all(results[one].status in (Status.COMPLETED, Status.SKIPPED) for one in plan.nodes[name].dependencies)
        if self.reason is not None or not done:
            return NodeResult(name, Status.CANCELLED, note=self.reason or "a node before it failed")
        if name in self.asked.get("done", ()):
            return NodeResult(name, Status.SKIPPED, note="done by an earlier process of the run")
        tell(NodeStarted(name, 1))
        if self.asked.get("prints"):
            print("printed by a node")
            os.write(1, b"written to descriptor 1\n")
            subprocess.run(["echo", "printed by a child"], check=True)
        if self.asked.get("waits_in") == name:
            print("waiting", file=sys.stderr, flush=True)
            if not self.cancelled.wait(30):
                raise TimeoutError("nobody cancelled")
            return NodeResult(name, Status.CANCELLED, 1, 0.5, note=self.reason)
        if kind := self.asked.get("fails", {}).get(name):
            error = ErrorInfo("ZeroDivisionError", "division by zero", name, 2, FailureKind(kind), CAUSE)
            return NodeResult(name, Status.FAILED, 2, 3.25, error)
        outputs = tuple(
            OutputResult(one.id, one.spec.format_name or "parquet", one.location, rows=1234)
            for one in plan.nodes[name].outputs
        )
        return NodeResult(name, Status.COMPLETED, 1, 0.25, outputs=outputs)

    def _status(self, results) -> Status:
        if self.reason is not None:
            return Status.CANCELLED
        return Status.FAILED if any(node.error for node in results.values()) else Status.COMPLETED


if __name__ == "__main__":
    from tauro.cli.executors import EXECUTORS
    from tauro.cli.main import main

    EXECUTORS.add("batch", FakeExecutor)
    main()
