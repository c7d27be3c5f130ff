"""Tauro runs data pipelines on Apache Spark from configuration.

`tauro.run(project, pipeline=..., start=..., end=...)` is the command `tauro run` from Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tauro.exec.api import run

__version__ = "0.1.0"
__all__ = ["__version__", "run"]


def __getattr__(name: str) -> Any:  # Any: as the protocol of module attributes has it
    """`run`, imported when it is first used: `import tauro` costs nothing."""
    if name == "run":
        from tauro.exec.api import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
