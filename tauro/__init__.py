"""Tauro runs data pipelines on Apache Spark from configuration.

`tauro.run(project, pipeline=..., start=..., end=...)` is the command `tauro run` from Python, and
`tauro.resume(project)` is `tauro resume`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tauro.exec.api import resume, run

__version__ = "0.1.0"
__all__ = ["__version__", "resume", "run"]


def __getattr__(name: str) -> Any:  # Any: as the protocol of module attributes has it
    """`run` and `resume`, imported when they are first used: `import tauro` costs nothing."""
    if name in ("resume", "run"):
        from tauro.exec import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
