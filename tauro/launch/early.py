"""The JVM of the next session, started while Python still reads the project, as the last good start was.

What is wrong about the guess shows when the session is opened: then that process is let go, and another one started.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from tauro.launch.jvm_start import StartingJvm
from tauro.launch.private_files import read_private, write_private
from tauro.launch.secret_words import Redact, may_hold_secret
from tauro.launch.switches import is_off

SWITCH = "TAURO_EARLY"
"""The environment variable that, set to `off`, has no JVM started before the project is read."""

FILE = "start.json"
"""The file in the project's folder `.tauro`."""

_FOLDER = ".tauro"
_VERSION = 1
"""Of what the file holds."""
KEPT_AT_MOST = 8
MISSES = 2
"""After so many wrong guesses in a row nothing is started until one would have been right."""

_FINDING = ("JAVA_HOME", "PATH", "SPARK_HOME")
"""The variables that decide which Java and which Spark are found."""
_LISTS = {"spark.jars": ",", "spark.submit.pyFiles": ",", "spark.driver.extraClassPath": os.pathsep}
"""The settings that name files, and what stands between these."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a command is about."""

    root: Path
    env: str | None
    pipeline: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """How a session was started."""

    env: str | None
    pipeline: str | None
    command: list[str]
    java_home: str
    found_by: str
    """A digest of what Java and Spark were found by."""
    misses: int
    """How many guesses in a row were wrong."""


@dataclass(frozen=True, slots=True)
class EarlyJvm:
    """A JVM that was started early."""

    starting: StartingJvm
    log: IO[bytes]
    """What it prints."""

    def let_go(self) -> None:
        """Has it end, without waiting for that."""
        self.starting.let_go()
        self.log.close()


@dataclass(frozen=True, slots=True)
class _Guess:
    """What the session is expected to be started with."""

    command: list[str]
    environment: dict[str, str]
    folder: str
    files: list[tuple[str, int, int] | None]
    """What it names, as it was then."""
    jvm: EarlyJvm | None
    """None if it was not worth it."""


_lock = Lock()
_place: _Place | None = None
_guess: _Guess | None = None
_was_wrong = False


def begin(root: Path, env: str | None, pipeline: str | None) -> None:
    """Starts the JVM that the session will most likely want, if one was started well before; waits for nothing.

    Args:
        root: the project's folder.
        env: --env.
        pipeline: --pipeline.
    """
    global _place, _guess, _was_wrong
    close()
    variables = dict(os.environ)
    if is_off(SWITCH, variables) or {"PYSPARK_GATEWAY_PORT", "SPARK_REMOTE"} & variables.keys():
        return
    with _lock:
        _place, _was_wrong = _Place(root, env, pipeline), False
        kept = _likely(_entries(root), env, pipeline)
        if kept is not None:
            _guess = _guessed(kept, variables)


def take(command: Sequence[str], environment: Mapping[str, str]) -> EarlyJvm | None:
    """The JVM that was started early, if it is just what this would start; one that is not is let go.

    Args:
        command: as `spark-submit` is called.
        environment: the variables that it gets.
    """
    global _guess, _was_wrong
    with _lock:
        guess, _guess = _guess, None
        if guess is None:
            return None
        is_right = (
            guess.command == list(command)
            and guess.environment == dict(environment)
            and guess.folder == os.getcwd()
            and guess.files == _stamps(guess.command)
        )
        _was_wrong = not is_right
    if guess.jvm is None or (is_right and guess.jvm.starting.process.poll() is None):
        return guess.jvm
    guess.jvm.let_go()
    return None


def remember(command: Sequence[str], environment: Mapping[str, str], redact: Redact) -> None:
    """Keeps how a session was started, for the next time; nothing is kept of one that holds a secret.

    Args:
        command: as `spark-submit` was called.
        environment: the variables that it got, those of this process and JAVA_HOME.
        redact: replaces the secrets that are known.
    """
    with _lock:
        if _place is None:
            return
        entries = _entries(_place.root)
        old = _exact(entries, _place.env, _place.pipeline)
        rest = [entry for entry in entries if entry is not old]
        if may_hold_secret(command, redact):
            if old is not None:
                _write(_place.root, rest)
            return
        is_miss = _was_wrong or (old is not None and old.command != list(command))
        new = _Kept(
            _place.env,
            _place.pipeline,
            list(command),
            environment["JAVA_HOME"],
            _found_by(os.environ),
            misses=old.misses + 1 if is_miss and old is not None else 0,
        )
        if not entries or entries[0] != new:
            _write(_place.root, [new, *rest][:KEPT_AT_MOST])


def forget() -> None:
    """Has nothing started early the next time, as the session came from elsewhere, and lets go of what was."""
    with _lock:
        if _place is not None:
            entries = _entries(_place.root)
            rest = [entry for entry in entries if entry.env != _place.env]
            if len(rest) < len(entries):
                _write(_place.root, rest)
    close()


def close() -> None:
    """Lets go of a JVM that nobody has taken."""
    global _place, _guess
    with _lock:
        guess, _guess, _place = _guess, None, None
    if guess is not None and guess.jvm is not None:
        guess.jvm.let_go()


def _guessed(kept: _Kept, variables: Mapping[str, str]) -> _Guess:
    environment = {"PYSPARK_PYTHON": sys.executable, **variables, "JAVA_HOME": kept.java_home}
    files = _stamps(kept.command)
    is_worth_it = kept.misses < MISSES and None not in files
    jvm = _started(kept.command, environment) if is_worth_it else None
    return _Guess(kept.command, environment, os.getcwd(), files, jvm)


def _started(command: list[str], environment: dict[str, str]) -> EarlyJvm | None:
    with suppress(OSError):
        log = tempfile.TemporaryFile()  # noqa: SIM115  whoever takes it, or lets it go, closes it
        try:
            return EarlyJvm(StartingJvm(command, environment, log), log)
        except OSError:
            log.close()
    return None


def _likely(entries: list[_Kept], env: str | None, pipeline: str | None) -> _Kept | None:
    """What was kept for this pipeline, or else, as most pipelines have one session's settings, for the latest."""
    exact = _exact(entries, env, pipeline)
    found = exact or next((entry for entry in entries if entry.env == env), None)
    return found if found is not None and found.found_by == _found_by(os.environ) else None


def _exact(entries: list[_Kept], env: str | None, pipeline: str | None) -> _Kept | None:
    return next((entry for entry in entries if (entry.env, entry.pipeline) == (env, pipeline)), None)


def _entries(root: Path) -> list[_Kept]:
    """What is kept, the latest first."""
    document = read_private(root / _FOLDER / FILE) or {}
    if document.get("version") != _VERSION:
        return []
    return [_Kept(**entry) for entry in document["starts"]]


def _write(root: Path, entries: list[_Kept]) -> None:
    folder = root / _FOLDER
    with suppress(OSError):
        if not folder.is_dir():
            folder.mkdir()
            (folder / ".gitignore").write_text("*\n")  # nothing to keep under version control
        write_private(folder / FILE, {"version": _VERSION, "starts": [asdict(entry) for entry in entries]})


def _found_by(environment: Mapping[str, str]) -> str:
    told = [sys.executable, *(environment.get(name) for name in _FINDING)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _stamps(command: Sequence[str]) -> list[tuple[str, int, int] | None]:
    """The files that a command names, each with its time and size, or None for one that is not there."""
    return [_stamp(path) for path in _files(command)]


def _files(command: Sequence[str]) -> Iterator[str]:
    yield command[0]
    for word in command:
        name, _, value = word.partition("=")
        for item in value.split(_LISTS[name]) if name in _LISTS else ():
            if os.path.isabs(item) and "*" not in item:
                yield item


def _stamp(path: str) -> tuple[str, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_size
