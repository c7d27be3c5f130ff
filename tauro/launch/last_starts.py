"""How the last good sessions of a project were started, kept in its folder; losing that costs time alone."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tauro.launch.private_files import read_private, write_private

FILE = "start.json"
"""The file in the project's folder `.tauro`."""

KEPT_AT_MOST = 8
_FOLDER = ".tauro"
_VERSION = 1
"""Of what the file holds."""

_FINDING = ("JAVA_HOME", "PATH", "SPARK_HOME")


@dataclass(frozen=True, slots=True)
class Start:
    """How a session was started."""

    env: str | None
    """--env of the command."""
    pipeline: str | None
    """--pipeline of the command."""
    command: list[str]
    java_home: str
    found_by: str
    """As `found_by` had it then."""
    misses: int
    """How many guesses in a row were wrong."""


def read_starts(root: Path) -> list[Start]:
    """What is kept in a project's folder, the latest first."""
    document = read_private(root / _FOLDER / FILE) or {}
    try:
        return [Start(**entry) for entry in document["starts"]] if document["version"] == _VERSION else []
    except (KeyError, TypeError):  # of another version, or changed by hand
        return []


def write_starts(root: Path, starts: Sequence[Start]) -> None:
    """Keeps these in a project's folder, in place of what was kept; does nothing where it can't be written."""
    folder = root / _FOLDER
    with suppress(OSError):
        if not folder.is_dir():
            folder.mkdir()
            (folder / ".gitignore").write_text("*\n")  # nothing to keep under version control
        kept = [asdict(start) for start in starts[:KEPT_AT_MOST]]
        write_private(folder / FILE, {"version": _VERSION, "starts": kept})


def start_of(starts: Sequence[Start], env: str | None, pipeline: str | None) -> Start | None:
    """What is kept for a command with these options."""
    return next((start for start in starts if (start.env, start.pipeline) == (env, pipeline)), None)


def likely_start(starts: Sequence[Start], env: str | None, pipeline: str | None) -> Start | None:
    """What is kept for such a command, or else, as most pipelines have one session's settings, the latest of `env`."""
    return start_of(starts, env, pipeline) or next((start for start in starts if start.env == env), None)


def found_by(environment: Mapping[str, str]) -> str:
    """A digest of what decides which Java and which Spark are found."""
    told = [sys.executable, *(environment.get(name) for name in _FINDING)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
