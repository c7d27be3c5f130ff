"""Whether a port of this machine is listened on by the process that it is believed to be, as Linux tells it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LISTENS = "0A"
_LOOPBACK = frozenset(("0100007F", "0000000000000000FFFF00000100007F"))
"""127.0.0.1 as the tables of IPv4 and IPv6 have it, on a machine that puts the lowest byte first, and ..."""
_LOOPBACK_BIG = frozenset(("7F000001", "00000000000000000000FFFF7F000001"))
"""... on one that puts the highest first."""


def listens(pid: int, port: int) -> bool:
    """Whether a process of this user listens on a port of the loopback address, and nobody else does."""
    sockets = set(_listening(port))
    return bool(sockets) and sockets <= set(_sockets_of(pid))


def _listening(port: int) -> Iterator[str]:
    """The sockets that listen on a port, by number; those of every address, as they would be connected to as well."""
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/self/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTENS and int(number, 16) == port:
                is_loopback = address in _LOOPBACK | _LOOPBACK_BIG
                yield fields[9] if is_loopback else f"{fields[9]} of another address"


def _sockets_of(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            found = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if found.startswith("socket:["):
            yield found[len("socket:[") : -1]
