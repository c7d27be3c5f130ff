"""Makes a warm JVM what it was before anybody was in it: nothing of one run is there for the next."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from py4j.clientserver import SHUTDOWN_FINALIZER_WORKER, ClientServer, JavaParameters, PythonParameters
from py4j.java_gateway import JavaMember, JavaObject
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from tauro.launch.jvm_start import Address
from tauro.launch.private_files import read_private, write_private
from tauro.launch.warm.key import is_static
from tauro.launch.warm.place import WarmPlace

ANSWERS_WITHIN_S = 10.0
"""How long a healthy JVM may take for one answer."""

_POLL_S = 0.02
_CANCEL_SHARE = 0.6
"""How much of the time may go by before a SparkContext is stopped under tasks that go on."""
_INTERRUPT_AFTER_S = 1.0
_RUNS_TASK = "org.apache.spark.executor.Executor$TaskRunner.run("
_SERVES_PYTHON = "py4j.ClientServerConnection.run("
_WORKS = re.compile(r"\b(org\.apache\.spark|io\.delta|org\.apache\.hadoop\.(fs|hive|mapred))\b")
_IS_IDLE = (
    "spark.deploy.SparkSubmit.main(",
    "PythonWorkerFactory$MonitorThread.run(",
    "StatisticsDataReferenceCleaner",
)
"""What stands in the stacks of Spark's own threads that outlive a SparkContext and do nothing for it."""


_FAILURES = (Py4JError, PySparkException, OSError, TypeError, AssertionError)
"""What comes of a call that fails: TypeError where py4j knows no such class, AssertionError where pyspark, which sees
to the Java errors of every connection, has no session."""


class NotFreshError(Exception):
    """A JVM that does not answer, or where something goes on that can't be stopped."""


def hang_up(gateway: Any) -> None:  # Any: py4j's objects have no types
    """Ends all connections of this process to a JVM that stays, and sees to it that none is made again."""
    client = gateway._gateway_client
    client.is_connected = False
    client.finalizer_deque.appendleft(SHUTDOWN_FINALIZER_WORKER)
    client.close()


class Control:
    """A connection to a warm JVM, apart from that of a session.

    Args:
        address: where the JVM listens.
        place: where it is written down.

    Raises:
        NotFreshError: it does not answer.
    """

    def __init__(self, address: Address, place: WarmPlace, answers_within_s: float = ANSWERS_WITHIN_S) -> None:
        self._place = place
        self._gateway = ClientServer(
            java_parameters=JavaParameters(
                port=address.port,
                auth_token=address.secret,
                auto_convert=True,
                read_timeout=answers_within_s,
                enable_memory_management=False,  # which takes a connection of its own
            ),
            python_parameters=PythonParameters(port=0, eager_load=False),
        )
        self._jvm: Any = self._gateway.jvm  # Any: py4j's objects have no types
        with _not_fresh_if_it_fails():
            self._jvm.java.lang.System.nanoTime()

    def close(self) -> None:
        """Ends the connection."""
        hang_up(self._gateway)

    def note_baseline(self) -> None:
        """Notes what the JVM is like, unless that was done before; nobody has been in it so far.

        Raises:
            NotFreshError: it can't be had, or not be written.
        """
        if read_private(self._place.baseline) is not None:
            return
        with _not_fresh_if_it_fails():
            java = self._jvm.java
            text = java.io.StringWriter()
            java.lang.System.getProperties().store(text, None)
            document = {
                "properties": text.toString(),
                "time_zone": java.util.TimeZone.getDefault().getID(),
                "locale": java.util.Locale.getDefault().toLanguageTag(),
                "folders": self._temporary_folders(),
                "levels": self._log_levels(),
            }
        if not write_private(self._place.baseline, document):
            raise NotFreshError("its first state can't be noted")

    def stop_work(self, within_s: float) -> None:
        """Stops what a run that is over has left at work, and waits for its end: it writes nothing any more.

        Raises:
            NotFreshError: something goes on.
        """
        began = time.monotonic()
        with _not_fresh_if_it_fails():
            self._cancel_jobs(began + within_s * _CANCEL_SHARE)
            while (at_work := self._stop_contexts() or self._at_work()) is not None:
                if time.monotonic() >= began + within_s:
                    raise NotFreshError(f"something in it goes on: {at_work}")
                if time.monotonic() >= began + _INTERRUPT_AFTER_S:
                    self._interrupt_tasks()
                time.sleep(_POLL_S)

    def clear(self) -> None:
        """Takes away what runs leave behind beyond their SparkContext; none must be at work.

        Raises:
            NotFreshError: something stays.
        """
        with _not_fresh_if_it_fails():
            self._forget_sessions()
            self._clear_delta()
            self._clear_hadoop()
            self._end_derby()
            self._remove_temporary_files()
            self._restore_logging()
            self._forget_python()
            self._jvm.java.lang.System.gc()  # gives memory back to the machine, too

    def set_up(self, settings: Mapping[str, str]) -> None:
        """Gives the JVM its first properties, and those of a session; what a run may have changed is put back.

        Args:
            settings: every setting of the session.

        Raises:
            NotFreshError: that can't be done.
        """
        baseline = read_private(self._place.baseline)
        if baseline is None:
            raise NotFreshError("what it was like at first is not known any more")
        with _not_fresh_if_it_fails():
            java = self._jvm.java
            properties = java.util.Properties()
            properties.load(java.io.StringReader(str(baseline["properties"])))
            told = java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()
            lasting = {one.removeprefix("-D").partition("=")[0] for one in _items(told) if one.startswith("-D")}
            for name in _items(properties.stringPropertyNames()):
                if name.startswith("spark.") and not is_static(name) and name not in lasting:
                    properties.remove(name)
            for name, value in settings.items():
                if not is_static(name):
                    properties.setProperty(name, value)
            properties.setProperty("spark.app.submitTime", str(int(time.time() * 1000)))
            java.lang.System.setProperties(properties)
            if java.util.TimeZone.getDefault().getID() != baseline["time_zone"]:
                java.util.TimeZone.setDefault(java.util.TimeZone.getTimeZone(baseline["time_zone"]))
            if java.util.Locale.getDefault().toLanguageTag() != baseline["locale"]:
                java.util.Locale.setDefault(java.util.Locale.forLanguageTag(baseline["locale"]))

    def _cancel_jobs(self, until: float) -> None:
        """Cancels all jobs until no task runs: those under way when a context stops would go on to their end."""
        context = self._context()
        if context is None:
            return
        interrupts_after = time.monotonic() + _INTERRUPT_AFTER_S
        while time.monotonic() < until:
            context.cancelAllJobs()
            if not any(_RUNS_TASK in stack for stack in self._stacks()):
                return
            if time.monotonic() >= interrupts_after:
                self._interrupt_tasks()
            time.sleep(_POLL_S)

    def _interrupt_tasks(self) -> None:
        """Wakes the tasks that don't look whether they are wanted any more."""
        threads = self._jvm.java.lang.Thread.getAllStackTraces().keySet().toArray()
        for number in range(len(threads)):  # the end of an iterator would be an error, which pyspark looks at
            thread = threads[number]
            if str(thread.getName()).startswith("Executor task launch worker for task"):
                thread.interrupt()

    def _stop_contexts(self) -> str | None:
        """Stops the SparkContext that there is; says so if there was one."""
        context = self._context()
        if context is None:
            return None
        context.stop()
        return "its SparkContext"

    def _context(self) -> Any:  # Any: py4j's objects have no types
        active = self._scala_object("org.apache.spark.SparkContext").getActive()
        return active.get() if active.isDefined() else None

    def _at_work(self) -> str | None:
        """A thread that may still do something for a run; None if there is none."""
        connections = 0
        for stack in self._stacks():
            if _SERVES_PYTHON in stack:
                connections += 1
                if connections > 1:  # one is this object's own
                    return _busiest(stack)
            elif _WORKS.search(stack) and not any(frame in stack for frame in _IS_IDLE):
                return _busiest(stack)
        return None

    def _stacks(self) -> list[str]:
        """The stack of each thread, innermost frame first."""
        stacks = self._jvm.java.lang.Thread.getAllStackTraces()
        values = JavaMember("values", stacks, stacks._target_id, stacks._gateway_client)()  # not as py4j would wrap it
        return str(self._jvm.java.util.Arrays.deepToString(values.toArray())).split("], [")

    def _forget_sessions(self) -> None:
        sessions = self._jvm.org.apache.spark.sql.classic.SparkSession
        sessions.clearActiveSession()
        sessions.clearDefaultSession()
        self._jvm.org.apache.spark.sql.execution.datasources.FileStatusCache.resetForTesting()

    def _clear_delta(self) -> None:
        if self._has("org.apache.spark.sql.delta.DeltaLog"):
            self._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()

    def _clear_hadoop(self) -> None:
        hadoop = self._jvm.org.apache.hadoop
        hadoop.fs.FileSystem.closeAll()
        hadoop.fs.FileSystem.clearStatistics()
        if not hadoop.security.UserGroupInformation.isSecurityEnabled():  # a login with Kerberos is of the JVM's start
            hadoop.security.UserGroupInformation.reset()

    def _end_derby(self) -> None:
        """Closes the catalog's database, which others could not open as long as this JVM has it."""
        if not any("org.apache.derby." in stack for stack in self._stacks()):
            return
        with suppress(*_FAILURES):  # which is how Derby says that it has shut down
            self._jvm.java.sql.DriverManager.getConnection("jdbc:derby:;shutdown=true;deregister=false")
        if any("org.apache.derby." in stack for stack in self._stacks()):
            raise NotFreshError("the catalog's database can't be closed")

    def _remove_temporary_files(self) -> None:
        """Removes what Spark would remove when its JVM ends, and has it choose its folders anew."""
        baseline = read_private(self._place.baseline) or {}
        hooks = self._jvm.org.apache.spark.util.ShutdownHookManager
        utils = self._scala_object("org.apache.spark.util.Utils")
        for name in self._temporary_folders():
            folder = self._jvm.java.io.File(name)
            if name not in baseline.get("folders", ()) and not folder.getName().startswith(_KEPT_FOLDERS):
                utils.deleteRecursively(folder)
                hooks.removeShutdownDeleteDir(folder)
        utils.clearLocalRootDirs()

    def _temporary_folders(self) -> list[str]:
        manager = self._scala_object("org.apache.spark.util.ShutdownHookManager")
        field = manager.getClass().getDeclaredField("shutdownDeletePaths")
        field.setAccessible(True)
        told = str(field.get(manager).mkString("\n"))
        return told.split("\n") if told else []

    def _restore_logging(self) -> None:
        """Gives each logger its first level; Spark clings to the configuration, so that it can't be read anew."""
        first = (read_private(self._place.baseline) or {}).get("levels", {})
        context = self._jvm.org.apache.logging.log4j.LogManager.getContext(False)
        configuration = context.getConfiguration()
        for name, level in self._log_levels().items():
            if name not in first:
                configuration.removeLogger(name)
            elif level != first[name]:
                parsed = self._jvm.org.apache.logging.log4j.Level.toLevel(first[name])
                configuration.getLoggerConfig(name).setLevel(parsed)
        context.updateLoggers()

    def _log_levels(self) -> dict[str, str]:
        configuration = self._jvm.org.apache.logging.log4j.LogManager.getContext(False).getConfiguration()
        names = dict.fromkeys(["", *_items(configuration.getLoggers().keySet())])  # "" is the root's
        return {name: str(configuration.getLoggerConfig(name).getLevel().name()) for name in names}

    def _forget_python(self) -> None:
        """Lets go of the objects that earlier Pythons were handed, and of the names that they imported."""
        server = JavaObject("GATEWAY_SERVER", self._gateway._gateway_client)
        gateway = server.getGateway()
        gateway.getDefaultJVMView().clearImports()
        objects = gateway.getBindings()
        own = self._jvm.java.util.ArrayList()
        for name in _items(objects.keySet()):
            if not re.fullmatch(r"o\d+", name):
                own.add(name)
        objects.keySet().retainAll(own)

    def _scala_object(self, name: str) -> Any:  # Any: py4j's objects have no types
        package, _, simple = name.rpartition(".")
        found: Any = self._jvm
        for part in package.split("."):
            found = getattr(found, part)
        return getattr(getattr(found, f"{simple}$"), "MODULE$")

    def _has(self, name: str) -> bool:
        """Whether a class can be loaded."""
        loader = self._jvm.java.lang.Thread.currentThread().getContextClassLoader()
        return loader.getResource(name.replace(".", "/") + ".class") is not None


_KEPT_FOLDERS = "artifacts"
"""How the names of the folders begin that Spark makes once for each JVM."""


@contextmanager
def _not_fresh_if_it_fails() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise NotFreshError(f"it does not answer as it should: {said}") from error


def _items(names: Any) -> list[str]:  # Any: py4j's objects have no types
    """The texts in a Java collection, at once; none that counts holds a comma."""
    told = str(names.toString()).strip("[]")
    return told.split(", ") if told else []


def _busiest(stack: str) -> str:
    """What a thread is at."""
    frames = stack.strip("[]").split(", ")
    return next((frame for frame in frames if not frame.startswith(("java.", "app//py4j"))), frames[0])
