"""How large the machine is, as far as this process may use it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Machine:
    """What a local session may use."""

    cores: int
    memory_bytes: int


def this_machine(cgroup: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Machine:
    """The machine, or the part of it that the process's CPU affinity, its container and its service leave.

    Args:
        cgroup: the folder of the control groups, each with its limits.
        own: the file that names the process's control group.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    memory = _physical_memory()
    for folder in _groups(cgroup, own):
        quota = _text_of(folder / "cpu.max").split()
        if len(quota) == 2 and quota[0].isdigit():
            cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
        limit = _text_of(folder / "memory.max")
        if limit.isdigit():
            memory = min(memory, int(limit))
    return Machine(cores, memory)


def _groups(cgroup: Path, own: Path) -> Iterator[Path]:
    """The folder of the process's control group, and of those that it is part of: the limits of all of them hold.

    A container usually sees its own group as the outermost one; where it sees the host's name of it instead, that is
    not among its folders, and the outermost one counts alone.
    """
    yield cgroup
    unified = [line.removeprefix("0::") for line in _text_of(own).splitlines() if line.startswith("0::")]
    for group in unified:
        names = PurePosixPath(group).parts[1:]
        if ".." not in names:
            yield from (cgroup.joinpath(*names[:count]) for count in range(1, len(names) + 1))


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
