"""The process of a JVM: started so that it can be ended at any moment, and judged by how it ended."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from subprocess import Popen, TimeoutExpired
from threading import Event, Thread
from typing import IO, Any

from tauro.errors import SessionError
from tauro.launch.installed import installed_spark
from tauro.launch.jvm_start import Address, StartingJvm
from tauro.launch.processes import end_in_words, signal_of
from tauro.spark.stops import Stopped

END_TIMEOUT_S = 10.0
"""How long a JVM may take to end before it is killed."""

_POLL_S = 0.05
_END_POLL_S = 0.005
_TERMINATE_S = 1.0
"""How long a JVM that is called off while it starts may take to end before it is killed."""
_SHOWN_LINES = 12
_NO_MASTER = "All masters are unresponsive"
"""What Spark says of a standalone master that does not answer, or can't read what it is told."""


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
    note: Callable[[StartingJvm], None],
) -> Address | None:
    """Starts a JVM and waits until it listens.

    Where the command that was kept of an earlier start fails, `spark-submit` makes it anew.

    Args:
        command: as `spark_submit` makes it.
        environment: the JVM's variables.
        printed: where its output goes.
        note: is given the process as soon as there is one.

    Returns:
        None if the process ended before it listened.
    """
    starting = StartingJvm(command, environment, printed)
    note(starting)
    address = starting.address()
    if address is not None or not failed_directly(starting):
        return address
    return start_process(command, environment, printed, note)


def failed_directly(starting: StartingJvm) -> bool:
    """Whether a process that has ended did so by itself, without `spark-submit`, which then is to try it."""
    if not starting.is_direct or signal_of(starting.process.wait()) is not None:
        return False
    starting.forget_command()
    return True


def end_process(process: Popen[bytes], timeout_s: float = END_TIMEOUT_S) -> None:
    """Has a JVM end, by force if it takes too long; returns when it is gone."""
    if process.stdin is not None:
        process.stdin.close()  # the JVM ends when this pipe does
    until = time.monotonic() + timeout_s
    while process.poll() is None:
        if time.monotonic() > until:
            process.kill()
            process.wait()
        time.sleep(_END_POLL_S)  # `wait` with a time looks twenty times a second only


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
    return end_in_words(code)


def was_asked_to_end(process: Popen[bytes]) -> bool:
    """Whether a process has ended by a signal that a whole group of processes may have got."""
    code = process.poll()
    return code is not None and signal_of(code) in ("SIGTERM", "SIGINT", "SIGHUP")


def did_not_start(error: object, printed: bytes) -> SessionError:
    """What is raised where there can be no session, with what the JVM said last.

    Args:
        error: why.
        printed: what the JVM has printed.
    """
    lines = printed.decode(errors="replace").splitlines()
    telling = [line.strip() for line in lines if line.strip(" \t:") and not line.startswith("\tat ")]
    said = "".join(f"\n  {line}" for line in telling[-_SHOWN_LINES:])
    fix = "mend what Spark complains of; `tauro show settings` lists the settings it was given"
    if _NO_MASTER in f"{error}{said}":
        version = installed_spark().version
        fix = (
            f"see that a master is up at spark.master, and runs Spark {version}: one of another version does not answer"
        )
    return SessionError(f"Spark did not start: {error}{said}", fix=fix)
