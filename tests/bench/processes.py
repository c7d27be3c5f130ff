"""Programs in processes of their own, as a user starts them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PYTHON = sys.executable
TAURO = str(Path(sys.executable).parent / "tauro")
SCRATCH = Path(".bench").absolute()
"""What the benchmark writes: generated projects, compiled modules, tables."""


def process_seconds(*command: str) -> float:
    """How long a process takes from its start to its end.

    Raises:
        RuntimeError: it failed.
    """
    return _run(command)[0]


def process_peak(*command: str) -> float:
    """The most memory, in bytes, that a process held at once (its `ru_maxrss`).

    Raises:
        RuntimeError: it failed.
    """
    return _run(command)[1]


def _run(command: Sequence[str]) -> tuple[float, float]:
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
    began = time.perf_counter()
    process = os.posix_spawn(command[0], list(command), _environment(), file_actions=nothing)
    _, status, usage = os.wait4(process, 0)
    took = time.perf_counter() - began
    if status != 0:
        raise RuntimeError(f"exit code {os.waitstatus_to_exitcode(status)} of {' '.join(command)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return took, float(usage.ru_maxrss * unit)


def _environment() -> dict[str, str]:
    """That of this process, but modules are compiled once, as on a user's machine."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(SCRATCH / "compiled")}
