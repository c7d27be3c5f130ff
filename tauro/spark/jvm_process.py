"""The process of a JVM: started so that it can be ended at any moment, and judged by how it ended."""

from __future__ import annotations

import shlex
import signal
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Event, Thread
from typing import IO, Any

from tauro.launch.installed import installed_spark
from tauro.spark.stops import Stopped

END_TIMEOUT_S = 10.0
"""How long a JVM may take to end before it is killed."""

_POLL_S = 0.05
_TERMINATE_S = 1.0
"""How long a JVM that is called off while it starts may take to end before it is killed."""
_GIVES_SIGNAL = 128
"""What shells, and a JVM that was asked to end, add to the number of a signal to make an exit code."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a JVM listens for this process, and the word that lets it in."""

    port: int
    secret: str


def spark_submit(settings: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """The command that starts a JVM for Python, with all its settings.

    Args:
        settings: every setting of the session.
        environment: the JVM's variables; SPARK_HOME and PYSPARK_SUBMIT_ARGS among them count as for pyspark.
    """
    command = [str(installed_spark(environment).home / "bin" / "spark-submit")]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    return [*command, *shlex.split(environment.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell"))]


def start_process(
    command: list[str],
    environment: Mapping[str, str],
    printed: IO[Any] | int,  # Any: text or bytes, as the caller has it
    note: Callable[[Popen[bytes]], None],
) -> Address | None:
    """Starts a JVM and waits until it listens.

    It ends by itself when its standard input is closed, and Ctrl-C is none of its business.

    Args:
        command: as `spark_submit` makes it.
        environment: the JVM's variables.
        printed: where its output goes.
        note: is given the process as soon as there is one.

    Returns:
        None if the process ended before it listened.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "address"
        variables = {**environment, "SPARK_CONNECT_MODE": "0", "_PYSPARK_DRIVER_CONN_INFO_PATH": str(file)}
        process = Popen(command, stdin=PIPE, stdout=printed, stderr=printed, env=variables, preexec_fn=_ignore_ctrl_c)
        note(process)
        while not file.is_file():
            if process.poll() is not None:
                return None
            time.sleep(_POLL_S)
        with file.open("rb") as stream:  # the JVM has it renamed into place when it is whole
            port, length = struct.unpack("!ii", stream.read(8))
            return Address(port, stream.read(length).decode())


def end_process(process: Popen[bytes], timeout_s: float = END_TIMEOUT_S) -> None:
    """Has a JVM end, by force if it takes too long; returns when it is gone."""
    if process.stdin is not None:
        process.stdin.close()  # the JVM ends when this pipe does
    try:
        process.wait(timeout_s)
    except TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def ended_once(stopped: Stopped, process_of: Callable[[], Popen[bytes] | None]) -> Iterator[None]:
    """Ends a process as soon as it is told to stop while the block runs; whatever waits for the process then fails.

    Args:
        stopped: tells why.
        process_of: the process; None before there is one.
    """
    is_over = Event()

    def watch() -> None:
        while not is_over.wait(_POLL_S):
            process = process_of()
            if process is None or stopped() is None:
                continue
            process.terminate()
            try:
                process.wait(_TERMINATE_S)
            except TimeoutExpired:
                process.kill()
            return

    thread = Thread(target=watch, name="tauro-start", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def how_it_ended(process: Popen[bytes], wait_s: float = 0.0) -> str | None:
    """The end of a process in words; None if it runs.

    Args:
        process: the process.
        wait_s: how long to wait for its end, if it has not ended yet.
    """
    try:
        code = process.wait(wait_s)
    except TimeoutExpired:
        return None
    name = _signal_of(code)
    return f"killed by {name}" if name is not None else f"exit code {code}"


def was_asked_to_end(process: Popen[bytes]) -> bool:
    """Whether a process has ended by a signal that a whole group of processes may have got."""
    code = process.poll()
    return code is not None and _signal_of(code) in ("SIGTERM", "SIGINT", "SIGHUP")


def _signal_of(code: int) -> str | None:
    number = -code if code < 0 else code - _GIVES_SIGNAL
    return signal.Signals(number).name if number in set(signal.Signals) else None


def _ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
