"""The trigger that watches a run while its task takes no worker's slot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from tauro.integrations.airflow.run_folder import RunFolder
from tauro.integrations.airflow.verdict import Ended
from tauro.integrations.airflow.watch import Line, Watch


class TauroRunTrigger(BaseTrigger):  # type: ignore[misc]  # Airflow lives in an environment of its own
    """Fires once, when the run has ended.

    Args:
        path: the run's folder, as the triggerer sees it.
        poll_s: how often to look, in seconds.
        deadline: the time (seconds since 1970) after which the run is stopped; None for no limit.
    """

    def __init__(self, *, path: str, poll_s: float, deadline: float | None) -> None:
        super().__init__()
        self.path = path
        self.poll_s = poll_s
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:  # Any: JSON
        """How another triggerer makes the same."""
        place = f"{type(self).__module__}.{type(self).__qualname__}"
        return place, {"path": self.path, "poll_s": self.poll_s, "deadline": self.deadline}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Shows the run's log as the task's until the run has ended, and tells how."""
        folder = RunFolder(Path(self.path))
        watch = await asyncio.to_thread(Watch, folder)
        is_late = False
        while True:
            lines, ended = await asyncio.to_thread(watch.look)
            self._show(lines)
            if ended is not None:
                yield TriggerEvent(_event(folder, ended, is_late=is_late and ended.code != 0))
                return
            if self.deadline is not None and not is_late and time.time() >= self.deadline:
                is_late = True
                await asyncio.to_thread(folder.stop)
            await asyncio.sleep(self.poll_s)

    async def on_kill(self) -> None:
        """Has the run stop when somebody marks or clears the deferred task."""
        await asyncio.to_thread(RunFolder(Path(self.path)).stop)

    def _show(self, lines: list[Line]) -> None:
        for line in lines:
            self.log.log(line.level, "%s", line.text)


def _event(folder: RunFolder, ended: Ended, *, is_late: bool) -> dict[str, Any]:  # Any: JSON
    return {
        "run_id": ended.run_id,
        "log": str(folder.log),
        "code": ended.code,
        "document": dict(ended.document),
        "is_late": is_late,
    }
