"""The JVM under a classic session: started without noise, ended without a trace."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from subprocess import Popen
from typing import IO, Any

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession
from pyspark.sql.context import SQLContext

from tauro.errors import RunInterruptedError
from tauro.launch import early
from tauro.launch.jvm_start import Address, StartingJvm
from tauro.launch.secret_words import Redact
from tauro.spark.jvm_process import (
    did_not_start,
    end_process,
    ended_once,
    failed_directly,
    how_it_ended,
    spark_submit,
    start_process,
    was_asked_to_end,
)
from tauro.spark.stops import Stopped, whom_to_ask

_WORKERS_PYTHON = "spark.pyspark.python"
"""The setting that names the executors' Python; pyspark itself looks at the variable alone."""

_STOP_COMES_WITHIN_S = 1.0
"""How much later than its JVM this process may hear of a signal that both of them got."""


class Jvm:
    """A JVM that this process started, with the session in it.

    Args:
        settings: every setting of the session.
        java_environment: variables that the JVM needs, such as JAVA_HOME.
        is_quiet: whether what the JVM prints is kept back, to be shown if it fails, instead of going to stderr.
        redact: replaces the secrets that are known; None has nothing kept of this start for the next.

    Raises:
        SessionError: it did not start; the message ends with what the JVM said.
        RunInterruptedError: the start was called off, as `tauro.spark.stops` has it.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        java_environment: Mapping[str, str],
        *,
        is_quiet: bool,
        redact: Redact | None = None,
    ) -> None:
        self._process: Popen[bytes] | None = None
        self._starting: StartingJvm | None = None
        self._command: list[str] = []
        self._gateway: Any = None  # Any: py4j's objects have no types
        stopped = whom_to_ask()
        _raise_if(stopped())
        self._log: IO[bytes] | None = tempfile.TemporaryFile() if is_quiet else None  # noqa: SIM115  `end` closes it
        variables = {"PYSPARK_PYTHON": sys.executable} | dict(os.environ) | dict(java_environment)
        if settings.get(_WORKERS_PYTHON):
            variables["PYSPARK_PYTHON"] = settings[_WORKERS_PYTHON]
        try:
            with (
                with_variables(variables),
                own_interrupt_handler(),
                ended_once(stopped, lambda: self._process),
            ):
                self.session = self._start(settings)
            if self.death() is not None:
                raise ChildProcessError(f"its JVM ended as soon as it was up, {self.death()}")
            if redact is not None:
                self._remember(variables, redact)
        except (Py4JError, PySparkException, OSError) as error:
            why = self._why_stopped(stopped)
            printed = self._printed()
            self.end()
            _raise_if(why, error)
            raise did_not_start(error, printed) from error
        except BaseException:  # Ctrl-C in a program of the user's own
            self.end()
            raise

    def death(self, wait_s: float = 0.0) -> str | None:
        """How the JVM has ended; None as long as it lives.

        Args:
            wait_s: how long to wait for an end that seems near.
        """
        return how_it_ended(self._process, wait_s) if self._process is not None else None

    def end(self) -> None:
        """Stops the session, then the JVM; returns when no process is left. One that is dead already is no error."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            if self.death() is None:
                with suppress(Py4JError, OSError):  # it dies while it is being stopped
                    if SparkContext._active_spark_context is not None:
                        SparkSession.builder.getOrCreate().stop()
            forget_session()
            with suppress(Py4JError, OSError):
                gateway.shutdown()
            SparkContext._gateway = SparkContext._jvm = None  # else the next session would talk to the dead
        if self._process is not None:
            end_process(self._process)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _start(self, settings: Mapping[str, str]) -> SparkSession:
        conf = SparkConf(loadDefaults=False)
        builder = SparkSession.builder
        for name, value in settings.items():
            conf.set(name, value)
            builder = builder.config(name, value)
        self._command = spark_submit(settings, os.environ)
        address = self._address(self._command)
        if address is None:
            raise ChildProcessError(f"its JVM ended before it was up, {self.death()}")
        self._gateway = connected(address)
        self._gateway.proc = self._process  # where others look for the process
        SparkContext._ensure_initialized(gateway=self._gateway, conf=conf)
        return builder.getOrCreate()

    def _address(self, command: list[str]) -> Address | None:
        """Where the JVM listens that was started early, or else a new one."""
        taken = early.take(command, os.environ) if self._log is not None else None
        if taken is not None and self._log is not None:
            self._log.close()
            self._log = taken.log
            self._note(taken.starting)
            address = taken.starting.address()
            if address is not None or not failed_directly(taken.starting):
                return address
        printed: IO[Any] | int = sys.stderr if self._log is None else self._log
        return start_process(command, os.environ, printed, self._note)

    def _note(self, starting: StartingJvm) -> None:
        self._starting, self._process = starting, starting.process

    def _remember(self, variables: Mapping[str, str], redact: Redact) -> None:
        """Lets the next start be faster than this one, which has gone well."""
        if self._starting is not None:
            self._starting.keep_command(redact)
        early.remember(self._command, variables, redact)

    def _why_stopped(self, stopped: Stopped) -> str | None:
        """Why the start was called off, by a signal perhaps that the JVM got too, and a moment earlier."""
        until = time.monotonic() + _STOP_COMES_WITHIN_S
        while stopped() is None and self._process is not None and was_asked_to_end(self._process):
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        return stopped()

    def _printed(self) -> bytes:
        if self._log is None:
            return b""
        self._log.seek(0)
        return self._log.read()


def connected(address: Address) -> Any:  # Any: py4j's objects have no types
    """A gateway to a JVM that listens, made by pyspark as for one that `spark-submit` has started."""
    with with_variables({"PYSPARK_GATEWAY_PORT": str(address.port), "PYSPARK_GATEWAY_SECRET": address.secret}):
        return launch_gateway()  # type: ignore[no-untyped-call]  # pyspark leaves it untyped


def _raise_if(why: str | None, error: BaseException | None = None) -> None:
    if why is not None:
        raise RunInterruptedError(f"{why} while Spark was starting") from error


def forget_session() -> None:
    """Lets pyspark make a new session in a new JVM, whatever became of the last."""
    context = SparkContext._active_spark_context
    server = getattr(context, "_accumulatorServer", None)
    if server is not None:
        server.shutdown()
    if context is not None:
        context._jsc = None
    SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None
    SQLContext._instantiatedContext = None


@contextmanager
def with_variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for as long as the block lasts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


@contextmanager
def own_interrupt_handler() -> Iterator[None]:
    """Keeps the handler for Ctrl-C, which a new SparkContext would replace by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
