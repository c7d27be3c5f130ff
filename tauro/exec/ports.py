"""What the engine needs of those who read and write, when they are not Tauro's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class InputPort(Protocol):
    """Loads a node's inputs; `tauro.io.input.InputLoader` is one."""

    def load_inputs(self, node_config: Mapping[str, Any]) -> list[Any]:
        """The inputs that `node_config["input"]` names, in that order."""


class OutputPort(Protocol):
    """Saves what a node returned; `tauro.io.output.OutputManager` is one."""

    def save_output(
        self, node_config: Mapping[str, Any], result: Any, start_date: str | None, end_date: str | None
    ) -> Any:
        """Writes `result` to the outputs that `node_config["output"]` names."""
