"""Makes class data archives: in the background when a run has ended, or while somebody waits.

A process of its own does what small projects do, and Java notes the classes that this takes; from that list a Java that
starts nothing else makes the archive.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tauro.errors import SessionError
from tauro.launch.archive.request import ArchiveRequest
from tauro.launch.archive.settings import SWITCH, archive_store, wanted_archive
from tauro.launch.archive.store import ArchiveStore, StoredArchive
from tauro.launch.installed import InstalledSpark
from tauro.launch.java_options import DEFAULT_OPTIONS, quoted
from tauro.launch.settings import Setting

TIMEOUT_S = 900.0
"""How long making an archive may take before it is given up."""

TRAINING = (sys.executable, "-m", "tauro.exec.archive_training")
"""The program that does what small projects do; see there."""

_SAID_LINES = 8
_LEFT_OUT = frozenset(
    (
        "PYSPARK_SUBMIT_ARGS",
        "PYSPARK_GATEWAY_PORT",
        "SPARK_REMOTE",
        "TAURO_VERBOSE",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
    )
)
_begun: list[subprocess.Popen[bytes]] = []
"""Processes that may outlive this one; nobody waits for them."""
_OFF = {SWITCH: "off", "TAURO_EARLY": "off", "TAURO_WARM": "0", "TAURO_DIRECT_JAVA": "off"}


def make_in_background(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> subprocess.Popen[bytes] | None:
    """Has a process of its own make the archive that a session lacks, when everything else on the machine rests.

    Nothing is done for a session that has one or can't have one, where archives are switched off, where the last try
    of late has failed, and where CI is set, as in a build that nobody's next run follows.

    Args:
        settings: of the session that has ended.
        spark: the Spark that it ran on.
        environment: the process's.

    Returns:
        The process; None if there is none.
    """
    store = archive_store(environment)
    if store is None or environment.get("CI") or os.name == "nt":
        return None
    request = wanted_archive(settings, spark, environment)
    if request is None or store.find(request) is not None or not store.may_try(request):
        return None
    try:
        with tempfile.TemporaryFile() as told:
            told.write(json.dumps({"folder": str(store.folder), "request": asdict(request)}, default=str).encode())
            told.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-m", "tauro.launch.archive.making"],
                cwd="/",
                stdin=told,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_variables(environment),
                start_new_session=True,
            )
    except OSError:
        return None
    _begun.append(process)
    return process


def make(
    request: ArchiveRequest,
    store: ArchiveStore,
    environment: Mapping[str, str],
    *,
    waits: bool = True,
    training: Sequence[str] = TRAINING,
) -> StoredArchive | None:
    """Makes an archive and puts it into the store, whatever became of earlier tries.

    Args:
        request: what it is made for.
        store: where it is kept.
        environment: the process's.
        waits: whether to wait for another process that makes one; otherwise nothing is done.
        training: the program that does what small projects do.

    Returns:
        None if another process is at it.

    Raises:
        SessionError: it could not be made.
        OSError: the store can't be written.
    """
    with store.making(waits=waits) as work:
        found = store.find(request)
        if work is None or found is not None:
            return found
        store.note_try(request)
        deadline = time.monotonic() + TIMEOUT_S
        class_path = _train(request, training, work, environment, deadline)
        made = _dump(request, work, class_path, environment, deadline)
        return store.put(request, made)


def main() -> None:
    """Makes the archive that standard input tells of, without standing in anybody's way."""
    told = json.load(sys.stdin)
    os.nice(19)
    with suppress(AttributeError, OSError):  # not outside of Linux
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    request = told["request"]
    archive = ArchiveRequest(
        java_home=Path(request["java_home"]),
        java_version=request["java_version"],
        spark_home=Path(request["spark_home"]),
        spark_version=request["spark_version"],
        files=tuple((path, size, time_s) for path, size, time_s in request["files"]),
        options=tuple(request["options"]),
        formats=tuple(request["formats"]),
        settings=tuple((name, value) for name, value in request["settings"]),
    )
    with suppress(SessionError, OSError):  # nobody is there to be told, and no run depends on it
        make(archive, ArchiveStore(Path(told["folder"])), os.environ, waits=False)


def _train(
    request: ArchiveRequest, training: Sequence[str], work: Path, environment: Mapping[str, str], deadline: float
) -> str:
    """Has the list of classes written; returns the class path."""
    (work / "project").mkdir()
    told = work / "class_path"
    options = [f"-XX:DumpLoadedClassList={work / 'classes'}", *request.options]
    settings = {
        **dict(request.settings),
        "spark.master": "local[2]",
        "spark.driver.memory": "1g",
        "spark.local.dir": str(work / "local"),
        DEFAULT_OPTIONS: " ".join(map(quoted, options)),
    }
    document = {
        "folder": str(work / "project"),
        "settings": settings,
        "formats": request.formats,
        "class_path": str(told),
    }
    variables = {**_variables(environment), **_OFF}
    _run(training, work, variables, deadline, json.dumps(document))
    try:
        return told.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SessionError(f"{training[-1]} has told no class path") from error


def _dump(
    request: ArchiveRequest, work: Path, class_path: str, environment: Mapping[str, str], deadline: float
) -> Path:
    """Has the archive made, and looked at by a Java that must use it."""
    java, made = str(request.java_home / "bin" / "java"), work / "made.jsa"
    given = [f"-XX:SharedArchiveFile={made}", *request.options, "-cp", class_path]
    variables = _variables(environment)
    classes = f"-XX:SharedClassListFile={work / 'classes'}"
    _run([java, "-Xshare:dump", classes, "-Xmx1g", "-Xlog:disable", *given], work, variables, deadline)
    _run([java, "-Xshare:on", "-Xlog:disable", *given, "-version"], work, variables, deadline)
    if not made.is_file():
        raise SessionError(f"{java} has made no archive")
    return made


def _run(command: Sequence[str], work: Path, variables: Mapping[str, str], deadline: float, told: str = "") -> None:
    """Runs a program to its end, and ends it and all that it has started if that takes too long.

    Raises:
        SessionError: it failed, or took too long.
    """
    program = " ".join(command[:3])
    with (work / "said").open("wb+") as said:
        process = subprocess.Popen(
            command,
            cwd=work,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=dict(variables),
            start_new_session=True,
        )
        try:
            process.communicate(told.encode(), timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise SessionError(f"{program} took more than {TIMEOUT_S:.0f} s") from error
        finally:
            _end_all(process)
        if process.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").splitlines()[-_SAID_LINES:]
            raise SessionError("\n  ".join([f"{program} ended with {process.returncode}", *lines]))


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """Ends a process, and what it has started and not ended."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(OSError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _LEFT_OUT}


if __name__ == "__main__":
    main()
