"""The features of a Delta table on this machine, read from its log without Spark and without reading all of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MOST_COMMITS, _MOST_BYTES = 20, 200_000
"""How much of a log is read, at most, before its features count as not known."""


class LocalLog:
    """The log of the Delta table in a folder of this machine, which need not be there.

    Args:
        folder: the table's.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "_delta_log"
        self._version = _newest(self._log)

    @property
    def exists(self) -> bool:
        """Whether there is a table."""
        return self._version is not None

    @property
    def features(self) -> frozenset[str] | None:
        """The names in the newest protocol, a reader's and a writer's; None if it takes more than a look to find it.

        Each version's checksum repeats the protocol, where Delta has written one; else the newest commits are looked
        through, some way back.
        """
        if self._version is None:
            return None
        checksum = _json(self._log / f"{self._version:020}.crc")
        if checksum is not None and isinstance(checksum.get("protocol"), dict):
            return _names(checksum["protocol"])
        left = _MOST_BYTES
        for number in range(self._version, max(-1, self._version - _MOST_COMMITS), -1):
            commit = self._log / f"{number:020}.json"
            try:
                left -= commit.stat().st_size
                text = commit.read_text(encoding="utf-8") if left >= 0 else None
            except (OSError, ValueError):
                text = None
            if text is None:
                return None
            for protocol in _protocols(text):
                return _names(protocol)
        return None


def _newest(log: Path) -> int | None:
    """The newest version, counted on from the last checkpoint where one is noted; None where no table is."""
    noted = _json(log / "_last_checkpoint")
    version = noted.get("version") if noted is not None else None
    if isinstance(version, int):
        while (log / f"{version + 1:020}.json").exists():
            version += 1
        return version
    try:
        with os.scandir(log) as entries:
            names = [entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json")]
    except OSError:
        return None
    return max((int(name) for name in names if name.isdigit()), default=None)


# Any, below: the JSON of Delta's actions.
def _protocols(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith('{"protocol"'):
            yield json.loads(line)["protocol"]


def _names(protocol: dict[str, Any]) -> frozenset[str]:
    return frozenset((*(protocol.get("readerFeatures") or ()), *(protocol.get("writerFeatures") or ())))


def _json(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
