"""`tauro` with readers and writers that need no Spark; its project's nodes may sleep."""

from __future__ import annotations

from typing import Any

from tauro.cli.executors import EXECUTORS
from tauro.cli.main import main
from tauro.exec.executor import BatchExecutor


class Nothing:
    """Loads nothing, and saves nowhere."""

    def load_inputs(self, node_config: Any) -> list[Any]:
        return []

    def save_output(self, node_config: Any, result: Any, start_date: str | None, end_date: str | None) -> None:
        pass


if __name__ == "__main__":
    EXECUTORS.add("batch", lambda context: BatchExecutor(context, Nothing(), Nothing()))
    main()
