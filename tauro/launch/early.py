"""The JVM of the next session, started while Python still reads the project, as the last good start was.

What is wrong about the guess shows when the session is opened: then that process is let go, and another one started.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from tauro.errors import TauroError
from tauro.launch.cache import cache_folder
from tauro.launch.jvm_start import StartingJvm
from tauro.launch.last_starts import Start, found_by, likely_start, read_starts, start_of, write_starts
from tauro.launch.secret_words import Redact, may_hold_secret
from tauro.launch.switches import is_off

SWITCH = "TAURO_EARLY"
"""The environment variable that, set to `off`, has no JVM started before the project is read."""

_ARCHIVE = "-XX:SharedArchiveFile="
MISSES = 2
"""After so many wrong guesses in a row nothing is started until one would have been right."""

_LISTS = {"spark.jars": ",", "spark.submit.pyFiles": ",", "spark.driver.extraClassPath": os.pathsep}
"""The settings that name files, and what stands between these."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a command is about."""

    root: Path
    env: str | None
    pipeline: str | None


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
_was_right: bool | None = None
"""Whether the guess was; None as long as there was none."""


def begin(root: Path, env: str | None, pipeline: str | None) -> None:
    """Starts the JVM that the session will most likely want, if one was started well before; waits for nothing.

    Args:
        root: the project's folder.
        env: --env.
        pipeline: --pipeline.
    """
    global _place, _guess, _was_right
    close()
    variables = dict(os.environ)
    if is_off(SWITCH, variables) or {"PYSPARK_GATEWAY_PORT", "SPARK_REMOTE"} & variables.keys():
        return
    with _lock:
        _place, _was_right = _Place(root, env, pipeline), None
        kept = likely_start(read_starts(root), env, pipeline)
        if kept is not None and kept.found_by == found_by(variables):
            _guess = _guessed(kept, variables)


def take(command: Sequence[str], environment: Mapping[str, str]) -> EarlyJvm | None:
    """The JVM that was started early, if it is just what this would start; one that is not is let go.

    Args:
        command: as `spark-submit` is called.
        environment: the variables that it gets.
    """
    global _guess, _was_right
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
        _was_right = is_right
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
        starts = read_starts(_place.root)
        old = start_of(starts, _place.env, _place.pipeline)
        rest = [start for start in starts if start is not old]
        if may_hold_secret(command, redact):
            if old is not None:
                write_starts(_place.root, rest)
            return
        is_as_before = old is None or old.command == list(command)
        is_miss = not (is_as_before if _was_right is None else _was_right)
        new = Start(
            _place.env,
            _place.pipeline,
            list(command),
            environment["JAVA_HOME"],
            found_by(os.environ),
            misses=old.misses + 1 if is_miss and old is not None else 0,
        )
        if not starts or starts[0] != new:
            write_starts(_place.root, [new, *rest])


def forget() -> None:
    """Has nothing started early the next time, as the session came from elsewhere, and lets go of what was."""
    with _lock:
        if _place is not None:
            starts = read_starts(_place.root)
            rest = [start for start in starts if start.env != _place.env]
            if len(rest) < len(starts):
                write_starts(_place.root, rest)
    close()


def close() -> None:
    """Lets go of a JVM that nobody has taken."""
    global _place, _guess
    with _lock:
        guess, _guess, _place = _guess, None, None
    if guess is not None and guess.jvm is not None:
        guess.jvm.let_go()


def _guessed(kept: Start, variables: Mapping[str, str]) -> _Guess:
    command = _with_new_archive(kept.command, variables)
    environment = {"PYSPARK_PYTHON": sys.executable, **variables, "JAVA_HOME": kept.java_home}
    files = _stamps(command)
    is_worth_it = kept.misses < MISSES and None not in files
    jvm = _started(command, environment) if is_worth_it else None
    return _Guess(command, environment, os.getcwd(), files, jvm)


def _with_new_archive(command: list[str], environment: Mapping[str, str]) -> list[str]:
    """The command, with the archive of classes that was made after the session which it is known from."""
    folder = cache_folder(environment)
    if folder is None or not (folder / "archives").is_dir() or any(_ARCHIVE in word for word in command):
        return command
    from tauro.launch.archive.settings import with_archive  # heavier than all the rest, and hardly ever needed
    from tauro.launch.installed import installed_spark
    from tauro.launch.java_options import DEFAULT_OPTIONS
    from tauro.launch.settings import Setting

    pairs = [word.partition("=") for word in command if "=" in word]
    settings = {name: Setting(name, value, "") for name, _, value in pairs}
    with suppress(TauroError):
        options = with_archive(settings, installed_spark(environment), environment).get(DEFAULT_OPTIONS)
        if options is not None and DEFAULT_OPTIONS in settings:
            return [f"{DEFAULT_OPTIONS}={options.value}" if _is(DEFAULT_OPTIONS, word) else word for word in command]
    return command


def _is(name: str, word: str) -> bool:
    return word.startswith(f"{name}=")


def _started(command: list[str], environment: dict[str, str]) -> EarlyJvm | None:
    with suppress(OSError):
        log = tempfile.TemporaryFile()  # noqa: SIM115  whoever takes it, or lets it go, closes it
        try:
            return EarlyJvm(StartingJvm(command, environment, log), log)
        except OSError:
            log.close()
    return None


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
        yield from (found[1] for found in re.finditer(rf"{_ARCHIVE}([^\"]+?\.jsa)", value))


def _stamp(path: str) -> tuple[str, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_size
