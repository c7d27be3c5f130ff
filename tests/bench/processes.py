"""Programs in processes of their own, as a user starts them."""

from __future__ import annotations

import os
import sys
import time
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
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
    began = time.perf_counter()
    process = os.posix_spawn(command[0], list(command), environment(), file_actions=nothing)
    _, status = os.waitpid(process, 0)
    took = time.perf_counter() - began
    if status != 0:
        raise RuntimeError(f"exit code {os.waitstatus_to_exitcode(status)} of {' '.join(command)}")
    return took


def environment() -> dict[str, str]:
    """That of this process, but modules are compiled once, as on a user's machine."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(SCRATCH / "compiled")}
