"""The run id of a task: the same for a retry, which carries the run on, and another after a clear, which runs anew."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_DIGEST = 12
"""Characters."""
_READABLE = 80
"""Characters, at most; a run id has 100 at most."""


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task instance as far as it names a run."""

    dag_id: str
    task_id: str
    dag_run_id: str
    dag_run_start: str
    """When the DAG run began, which tells it from one of the same id that was deleted; it stays through retries."""
    map_index: int
    """-1 for a task that is not mapped."""
    max_tries: int
    """Airflow's: the last try that may be made without another clear, less one."""
    retries: int
    """The task's own."""

    @property
    def first_try(self) -> int:
        """The number of the first try since the task was cleared, or since its beginning, counted from 1.

        Airflow raises `max_tries` with each clear, to the tries made so far and as many retries again; a retry leaves
        it as it is. The id of a task instance tells nothing of this: it changes with each.
        """
        return self.max_tries - self.retries + 1


def run_id_of(task: TaskRun, asked: Sequence[str]) -> str:
    """The run id, which is like no other: readable, then a digest.

    Args:
        task: who runs.
        asked: what is run: another pipeline, window, environment or part of the pipeline is another run.
    """
    names = [task.dag_id, task.task_id, task.dag_run_id]
    numbers = [str(task.map_index), str(task.first_try), task.dag_run_start]
    digest = hashlib.sha256("\0".join([*names, *numbers, "", *asked]).encode()).hexdigest()[:_DIGEST]
    return f"{readable('.'.join([*names, *(numbers[:1] if task.map_index >= 0 else [])]), _READABLE)}-{digest}"


def readable(text: str, at_most: int) -> str:
    """`text` with what file names, or Airflow's ids, may not hold as `_`, and without what is past `at_most`."""
    return re.sub(r"[^A-Za-z0-9_.\-]", "_", text)[:at_most].lstrip("-. ") or "_"
