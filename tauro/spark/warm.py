"""The session of a run in the project's warm JVM."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from loguru import logger
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from tauro.errors import RunInterruptedError, SessionError
from tauro.launch import early
from tauro.launch.installed import installed_spark
from tauro.launch.java import find_java_home
from tauro.launch.jvm_start import Address
from tauro.launch.machine import this_machine
from tauro.launch.processes import is_running
from tauro.launch.warm.jvm import TakenError, Wanted, fitting, memory_limit, start, take_lock
from tauro.launch.warm.key import key_for, static_settings
from tauro.launch.warm.lock import FileLock
from tauro.launch.warm.place import WarmPlace, place_of
from tauro.launch.warm.state import Phase, WarmState, death_of, note_left, note_visitor
from tauro.spark.gateway import connected, forget_session, own_interrupt_handler, with_variables
from tauro.spark.jvm_process import did_not_start, spark_submit
from tauro.spark.stops import whom_to_ask
from tauro.spark.warm_clean import STOPS_WITHIN_S, clean, connect, is_clean
from tauro.spark.warm_control import NotFreshError, hang_up

_FOLLOW_S = 0.2


class WarmJvm:
    """A run's place in a warm JVM, with its session.

    Args:
        place: where the JVM is written down.
        lock: that of the JVM; `end` gives it back.
        state: the JVM, fresh.
        settings: every setting of the session.
        is_quiet: whether what the JVM prints is kept back, instead of going to stderr.

    Raises:
        SessionError: there can be no session.
        RunInterruptedError: the start was called off, as `tauro.spark.stops` has it.
    """

    def __init__(
        self, place: WarmPlace, lock: FileLock, state: WarmState, settings: Mapping[str, str], *, is_quiet: bool
    ) -> None:
        self._place, self._lock, self._state = place, lock, state
        self._gateway: Any = None  # Any: py4j's objects have no types
        self._follower = None if is_quiet else _Follower(place.log, sys.stderr)
        stopped = whom_to_ask()
        try:
            with with_variables({"PYSPARK_PYTHON": sys.executable, **os.environ}), own_interrupt_handler():
                self.session = self._start(settings)
            if (why := stopped()) is not None:
                raise RunInterruptedError(f"{why} while Spark was starting")
        except (Py4JError, PySparkException, OSError) as error:
            printed = _printed(place)
            self.end()
            raise did_not_start(error, printed) from error
        except BaseException:
            self.end()
            raise

    def death(self, wait_s: float = 0.0) -> str | None:
        """How the JVM has ended; None as long as it lives.

        Args:
            wait_s: how long to wait for an end that seems near.
        """
        return death_of(self._place, self._state.jvm, wait_s)

    def end(self) -> None:
        """Stops the session, and leaves the JVM to others as it was found; one that is dead already is no error."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            forget_session()
            with suppress(Py4JError, OSError):
                gateway.close_callback_server()
            hang_up(gateway)
            SparkContext._gateway = SparkContext._jvm = None  # else the next session would talk to it
        if is_running(self._state.jvm) is True:
            try:
                clean(self._place, self._state)
            except NotFreshError as error:
                logger.debug("the warm JVM is left to its keeper: {}", error)
                note_left(self._place)
        if self._follower is not None:
            self._follower.end()
        self._lock.release()

    def _start(self, settings: Mapping[str, str]) -> SparkSession:
        conf = SparkConf(loadDefaults=False)
        builder = SparkSession.builder
        for name, value in settings.items():
            conf.set(name, value)
            builder = builder.config(name, value)
        self._gateway = connected(Address(self._state.port, self._state.secret))
        self._gateway.proc = _KeptProcess(self._state)  # where others look for the process
        SparkContext._ensure_initialized(gateway=self._gateway, conf=conf)
        return builder.getOrCreate()


def warm_session(root: Path, settings: Mapping[str, str], idle_s: float, *, is_quiet: bool) -> WarmJvm | None:
    """A session in the project's warm JVM, which is started if there is none that fits.

    Args:
        root: the project's folder.
        settings: every setting of the session.
        idle_s: how long a JVM that is started may be idle.
        is_quiet: whether what the JVM prints is kept back, instead of going to stderr.

    Returns:
        None if the run needs a JVM of its own, which a message tells the reason for.

    Raises:
        SessionError: Spark could not be started.
        RunInterruptedError: the start was called off.
    """
    place = place_of(root, os.environ)
    if not re.fullmatch(r"local(\[.*\])?", settings["spark.master"].strip()):
        _say_cold("it is for local masters alone")
        return None
    if place is None:
        _say_cold("it needs Linux, and a home folder")
        return None
    try:
        place.make()
        lock = take_lock(place)
    except TakenError:
        _say_cold("another run is in it")
        return None
    except OSError as error:
        _say_cold(str(error))
        return None
    early.close()  # the JVM that was started on the guess that there is none
    try:
        state = _fresh(place, _wanted(root, settings, idle_s), settings)
    except BaseException:
        lock.release()
        raise
    return WarmJvm(place, lock, state, settings, is_quiet=is_quiet)


def _say_cold(why: str) -> None:
    logger.warning("this run starts a JVM of its own and not the warm one: {}", why)


def _wanted(root: Path, settings: Mapping[str, str], idle_s: float) -> Wanted:
    java, spark = find_java_home(), installed_spark()
    environment = {"PYSPARK_PYTHON": sys.executable, **os.environ, "JAVA_HOME": str(java.path)}
    return Wanted(
        root=root,
        command=spark_submit(static_settings(settings), environment),
        environment=environment,
        key_with=lambda salt: key_for(settings, environment, java, spark, salt),
        idle_s=idle_s,
        memory_limit_bytes=memory_limit(this_machine()),
    )


def _fresh(place: WarmPlace, wanted: Wanted, settings: Mapping[str, str]) -> WarmState:
    """A JVM that is fit for the session, and has nothing of other runs; the lock is held."""
    stopped = whom_to_ask()
    state, why_not = fitting(place, wanted)
    if state is not None:
        try:
            _prepare(place, state, settings)
        except NotFreshError as error:
            why_not = [str(error)]
        else:
            return state
    if why_not:
        logger.info("the warm JVM is started anew, because of {}", ", ".join(why_not))
    if not note_visitor(place, Phase.TAKING, None):
        raise SessionError(f"nothing can be written to {place.folder}", fix="make room there, or run without --warm")
    try:
        started = start(place, wanted, stopped)
    except SessionError as error:
        raise did_not_start(error, _printed(place)) from error
    if started is None:
        raise RunInterruptedError(f"{stopped()} while Spark was starting")
    try:
        _prepare(place, started, settings, is_new=True)
    except NotFreshError as error:
        raise SessionError(f"Spark did not start: {error}", fix="run it without --warm") from error
    return started


def _prepare(place: WarmPlace, state: WarmState, settings: Mapping[str, str], *, is_new: bool = False) -> None:
    was_clean = is_new or is_clean(place, state)
    if not note_visitor(place, Phase.TAKING, state.jvm):
        raise NotFreshError(f"nothing can be written to {place.folder}")
    control = connect(place, state)
    try:
        control.note_baseline()
        if not was_clean:
            control.stop_work(STOPS_WITHIN_S)
            control.clear()
        control.set_up(settings)
    finally:
        control.close()
    note_visitor(place, Phase.RUNNING, state.jvm)


def _printed(place: WarmPlace) -> bytes:
    try:
        return place.log.read_bytes()
    except OSError:
        return b""


@dataclass(frozen=True, slots=True)
class _KeptProcess:
    """The JVM as others look at a process that they started."""

    state: WarmState

    @property
    def pid(self) -> int:
        """Its id."""
        return self.state.jvm.pid

    def poll(self) -> int | None:
        """None as long as it runs; its exit code is its keeper's to know."""
        return None if is_running(self.state.jvm) is True else -1


class _Follower:
    """Copies what is appended to a file, as it comes."""

    def __init__(self, path: Path, to: IO[str]) -> None:
        self._path, self._to = path, to
        self._is_over = threading.Event()
        self._at = path.stat().st_size if path.exists() else 0
        self._thread = threading.Thread(target=self._follow, name="tauro-warm-log", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Copies the rest."""
        self._is_over.set()
        self._thread.join()

    def _follow(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._is_over.wait(_FOLLOW_S)
            with suppress(OSError, ValueError), self._path.open("rb") as file:
                file.seek(self._at)
                text = file.read()
                self._at += len(text)
                self._to.write(text.decode(errors="replace"))
                self._to.flush()
