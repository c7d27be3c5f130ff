"""The JVM under a classic session: started without noise, ended without a trace."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from subprocess import Popen, TimeoutExpired
from typing import IO, Any

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from tauro.errors import SessionError

END_TIMEOUT_S = 10.0
"""How long a JVM may take to end before it is killed."""

_SHOWN_LINES = 12


class Jvm:
    """A JVM that this process started, with the session in it.

    Args:
        settings: every setting of the session.
        java_environment: variables that the JVM needs, such as JAVA_HOME.
        is_quiet: whether what the JVM prints is kept back, to be shown if it fails, instead of going to stderr.

    Raises:
        SessionError: it did not start; the message ends with what the JVM said.
    """

    def __init__(self, settings: Mapping[str, str], java_environment: Mapping[str, str], *, is_quiet: bool) -> None:
        self._log = tempfile.TemporaryFile() if is_quiet else None  # noqa: SIM115  `end` closes it
        self._gateway: Any = None  # Any: py4j's objects have no types
        variables = {"PYSPARK_PYTHON": sys.executable} | dict(os.environ) | dict(java_environment)
        try:
            with _variables(variables), _own_interrupt_handler():
                self.session = self._start(settings)
        except (Py4JError, PySparkException, OSError) as error:
            said = self._last_words()
            self.end()
            raise SessionError(
                f"Spark did not start: {error}" + (f"\n{said}" if said else ""),
                fix="mend what Spark complains of; `tauro show settings` lists the settings it was given",
            ) from error

    def end(self) -> None:
        """Stops the session, then the JVM; returns when no process is left."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            if SparkContext._active_spark_context is not None:
                SparkSession.builder.getOrCreate().stop()
            gateway.shutdown()
            SparkContext._gateway = SparkContext._jvm = None  # else the next session would talk to the dead
            _end_process(gateway.proc)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _start(self, settings: Mapping[str, str]) -> SparkSession:
        conf = SparkConf(loadDefaults=False)
        builder = SparkSession.builder
        for name, value in settings.items():
            conf.set(name, value)
            builder = builder.config(name, value)
        printed: IO[Any] | int = sys.stderr if self._log is None else self._log
        popen: Any = {"stdout": printed, "stderr": printed}  # Any: pyspark leaves launch_gateway untyped
        self._gateway = launch_gateway(conf, popen)  # type: ignore[no-untyped-call]  # as above
        SparkContext._ensure_initialized(gateway=self._gateway, conf=conf)
        return builder.getOrCreate()

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        telling = [line.strip() for line in lines if line.strip(" \t:") and not line.startswith("\tat ")]
        return "\n".join(f"  {line}" for line in telling[-_SHOWN_LINES:])


def _end_process(process: Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # the JVM ends when this pipe does
    try:
        process.wait(END_TIMEOUT_S)
    except TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
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
def _own_interrupt_handler() -> Iterator[None]:
    """Keeps the handler for Ctrl-C, which a new SparkContext would replace by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
