"""Sessions with a JVM beside this process: the one there is, a local one, or one on a cluster."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loguru import logger
from pyspark import SparkConf, SparkContext, __version__
from pyspark.sql import SparkSession

from tauro.errors import InvalidValueError, SessionError, UnsupportedError
from tauro.launch import early
from tauro.launch.archive.settings import discard_archive, with_archive
from tauro.launch.installed import installed_spark
from tauro.launch.jars.settings import with_fetched_jars
from tauro.launch.java import java_environment
from tauro.launch.java_options import names_this_machine
from tauro.launch.processes import Process, is_running, jvm_of_this_process
from tauro.launch.settings import FROM_TAURO, SUBMITTED, Setting, jars_of
from tauro.launch.switches import is_off
from tauro.launch.warm.place import SWITCH
from tauro.model import Options
from tauro.spark.active import active_session
from tauro.spark.gateway import Jvm
from tauro.spark.needs import Project, unresolved_settings
from tauro.spark.stops import whom_to_ask
from tauro.spark.versions import check_delta, check_spark

if TYPE_CHECKING:
    from tauro.spark.warm import WarmJvm

VERBOSE_VARIABLE = "TAURO_VERBOSE"
"""The environment variable that, set to 1, lets the JVM print to stderr."""

_POLL_S = 0.05
_CRASHED = re.compile(r"killed by SIG(SEGV|BUS|ILL|ABRT|FPE)\b")
"""How a JVM ends that Java itself has brought down."""


@dataclass(slots=True)
class _Own:
    """The session that this process made."""

    jvm: Jvm | WarmJvm
    settings: Mapping[str, Setting]
    users: int = 1
    """How often it was opened and not given back."""


_lock = threading.Lock()
_own: _Own | None = None
_submitted: Process | None = None
"""The JVM of `spark-submit` in which this process has opened its session."""


def open_local(project: Project, pipeline_config: Options) -> SparkSession:
    """The session there is, or a new one on this machine."""
    return _open(project, pipeline_config)


def open_distributed(project: Project, pipeline_config: Options) -> SparkSession:
    """The session there is, or a new one on the cluster that `spark.master` names.

    Raises:
        InvalidValueError: nothing names a master.
    """
    return _open(project, pipeline_config)


def release(spark: SparkSession) -> None:
    """Ends the session if this process made it and nobody else uses it."""
    global _own
    with _lock:
        if _own is None or not _is_same(spark, _own.jvm.session):
            return
        _own.users -= 1
        if _own.users == 0:
            own, _own = _own, None
            death = own.jvm.death()
            own.jvm.end()
            if death is not None and _CRASHED.search(death):
                discard_archive(own.settings, os.environ)
            else:
                _make_archive(own.settings)


def cluster_spark() -> str | None:
    """The version of the Spark that a session on a cluster runs; None if there is none, or a local one."""
    context = SparkContext._active_spark_context
    if context is None or names_this_machine(str(context.master)):
        return None
    return str(context.version)


def jvm_death(wait_s: float = 0.0) -> str | None:
    """How the JVM of the session that this process made has ended; None if it lives, or there is none.

    Args:
        wait_s: how long to wait for an end that seems near.
    """
    own = _own
    if own is not None:
        return own.jvm.death(wait_s)
    until = time.monotonic() + wait_s
    while _submitted is not None:
        if is_running(_submitted) is False:
            return f"it was process {_submitted.pid}, of spark-submit"
        if time.monotonic() >= until:
            break
        time.sleep(_POLL_S)
    return None


def _open(project: Project, pipeline_config: Options) -> SparkSession:
    global _own
    with _lock:
        if _own is not None and _own.jvm.death() is not None:
            _own.jvm.end()
            _own = None
        existing = active_session()
        if existing is not None:
            if _is_on_cluster(existing):
                _give_code(existing, project)
            if _own is not None and _is_same(existing, _own.jvm.session):
                _own.users += 1
            return existing
        if _own is not None:  # somebody else stopped the session
            _own.jvm.end()
            _own = None
        if "PYSPARK_GATEWAY_PORT" in os.environ:
            return _session_in_submitted_jvm(project, pipeline_config)
        settings = unresolved_settings(project, pipeline_config)
        _refuse_remote(settings)
        if "spark.master" not in settings:
            raise InvalidValueError(
                "mode 'distributed' needs a master",
                where="global_settings: spark_config",
                fix="name it, for example: spark.master: spark://host:7077, yarn, or k8s://https://host:443",
            )
        spark = installed_spark()
        check_spark(__version__, spark.version, str(spark.home))
        check_delta(jars_of(settings), spark.version)
        plain, warning = with_fetched_jars(settings, spark, os.environ)
        if warning:
            logger.warning(warning)
        settings = with_archive(plain, spark, os.environ)
        try:
            _own = _started(project, settings)
        except SessionError as error:
            if not _CRASHED.search(str(error)) or not discard_archive(settings, os.environ):
                raise
            logger.warning("Java has crashed; starting it again without its archive of classes, which is removed")
            _own = _started(project, plain)
        if _is_on_cluster(_own.jvm.session):
            try:
                _prepare(_own.jvm.session, project)
            except BaseException:
                own, _own = _own, None
                own.jvm.end()
                raise
        return _own.jvm.session


def _is_on_cluster(spark: SparkSession) -> bool:
    """Whether others than the driver do a classic session's work."""
    return isinstance(spark, SparkSession) and not names_this_machine(str(spark.sparkContext.master))


def _prepare(spark: SparkSession, project: Project) -> None:
    """Makes a new session on a cluster fit for the project's Python functions."""
    from tauro.spark.cluster import look_at_executors

    _give_code(spark, project)
    look_at_executors(spark, whom_to_ask())


def _give_code(spark: SparkSession, project: Project) -> None:
    from tauro.spark.cluster import give_code  # local sessions need none of it

    give_code(spark, project, os.environ)


def _started(project: Project, settings: Mapping[str, Setting]) -> _Own:
    """A session in a JVM of its own, or in the project's warm one."""
    values = {name: setting.value for name, setting in settings.items()}
    is_quiet = os.environ.get(VERBOSE_VARIABLE) != "1"
    warm = _in_warm_jvm(project, values, is_quiet=is_quiet)
    if warm is not None:
        early.forget()
    return _Own(warm or Jvm(values, java_environment(), is_quiet=is_quiet, redact=project.redact), settings)


def _in_warm_jvm(project: Project, values: Mapping[str, str], *, is_quiet: bool) -> WarmJvm | None:
    """A session in the project's warm JVM, if that is asked for and can be had."""
    is_asked_for = not is_off(SWITCH, os.environ) if os.environ.get(SWITCH) else project.settings.warm
    if not is_asked_for:
        return None
    from tauro.spark.warm import warm_session  # for those alone who want it

    return warm_session(project.root, values, project.settings.warm_idle_s, is_quiet=is_quiet)


def _make_archive(settings: Mapping[str, Setting]) -> None:
    """Lets the next session start faster, where this one had no archive of classes."""
    from tauro.launch.archive.making import make_in_background  # nobody waits for its import any more

    make_in_background(settings, installed_spark(), os.environ)


def _is_same(one: SparkSession, other: SparkSession) -> bool:
    """Whether two sessions, perhaps clones of each other, live in one SparkContext."""
    return isinstance(one, SparkSession) and one.sparkContext is other.sparkContext


def _refuse_remote(settings: Mapping[str, Setting]) -> None:
    for place, is_given in (
        ("SPARK_REMOTE", "SPARK_REMOTE" in os.environ),
        ("spark.remote", "spark.remote" in settings),
    ):
        if is_given:
            raise UnsupportedError(
                f"{place} names a Spark Connect server, and the project's mode is another",
                fix=f"mode: connect, or unset {place}",
            )


def _session_in_submitted_jvm(project: Project, pipeline_config: Options) -> SparkSession:
    """The first session in the JVM of `spark-submit`, whose own settings stand."""
    global _submitted
    SparkContext._ensure_initialized()
    _submitted = jvm_of_this_process()
    submitted = SparkConf()
    settings = unresolved_settings(project, pipeline_config, submitted=dict(submitted.getAll()))
    _refuse_remote(settings)
    jvm: Any = SparkContext._jvm  # Any: py4j's objects have no types
    jars_version = str(jvm.org.apache.spark.package.SPARK_VERSION())
    check_spark(__version__, jars_version, "the JVM of spark-submit")
    check_delta(jars_of(settings), jars_version)
    builder = SparkSession.builder
    for setting in settings.values() if not submitted.contains(SUBMITTED) else ():
        is_asked_for = not setting.origin.startswith(FROM_TAURO) and setting.name not in _OF_SUBMIT
        is_about_sql = setting.name.startswith("spark.sql.") and not submitted.contains(setting.name)
        if is_asked_for or is_about_sql:
            builder = builder.config(setting.name, setting.value)
    session = builder.getOrCreate()
    if _is_on_cluster(session):
        _prepare(session, project)
    return session


_OF_SUBMIT = frozenset({"spark.master", "spark.submit.deployMode"})
"""What `spark-submit` has decided."""
