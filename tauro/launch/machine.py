"""How large the machine is, as far as this process may use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What a local session may use."""

    cores: int
    memory_bytes: int


def this_machine(cgroup: Path = Path("/sys/fs/cgroup")) -> Machine:
    """The machine, or the part of it that the process's CPU affinity and container leave.

    Args:
        cgroup: the folder in which a container's limits stand.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _text_of(cgroup / "cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
    memory = _physical_memory()
    limit = _text_of(cgroup / "memory.max")
    if limit.isdigit():
        memory = min(memory, int(limit))
    return Machine(cores, memory)


def _physical_memory() -> int:
    """In bytes; 4 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 4 * 1024**3


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
