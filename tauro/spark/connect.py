"""Sessions on a Spark Connect server."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc  # noqa: F401  where it is missing, the extra is named
from loguru import logger
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from tauro.errors import InvalidValueError, SessionError
from tauro.launch import early
from tauro.launch.settings import FROM_TAURO, Setting
from tauro.model import Options
from tauro.spark.active import active_session
from tauro.spark.needs import REMOTE, Project, connect_settings, remote_url
from tauro.spark.remote import FEW_RETRIES, remote_session_of
from tauro.spark.shipping import ship_modules

_ENABLED = "SPARK_CONNECT_MODE_ENABLED"
"""The variable by which pyspark's functions know that they are used over Connect."""


@dataclass(slots=True)
class _Own:
    """The session that this process made."""

    session: SparkSession
    had_variable: bool
    """Whether `_ENABLED` was set before."""
    users: int = 1
    """How often it was opened and not given back."""


_lock = threading.Lock()
_own: _Own | None = None


def open_connect(project: Project, pipeline_config: Options) -> SparkSession:
    """The session there is, or a new one on the server that `spark.remote`, or SPARK_REMOTE, names.

    Raises:
        InvalidValueError: nothing names a server, or the URL is none.
        SessionError: the server can't be reached, or refuses.
    """
    global _own
    with _lock:
        ship_modules(project.root)
        existing = active_session()
        if existing is not None:
            if _own is not None and existing is _own.session:
                _own.users += 1
            return existing
        if _own is not None:  # somebody else stopped it, or its server was started anew
            _end(_own)
            _own = None
        url = remote_url(project, pipeline_config, os.environ)
        if url is None:
            raise InvalidValueError(
                "mode 'connect' needs a server",
                where="global_settings: spark_config",
                fix=f"name it, for example: {REMOTE}: sc://host:15002, or set SPARK_REMOTE",
            )
        early.forget()
        _own = _connected(url, connect_settings(project, pipeline_config), project)
        return _own.session


def release(spark: SparkSession) -> None:
    """Ends the session if this process made it and nobody else uses it."""
    global _own
    with _lock:
        if _own is None or spark is not _own.session:
            return
        _own.users -= 1
        if _own.users == 0:
            own, _own = _own, None
            _end(own)


def _connected(url: str, settings: Mapping[str, Setting], project: Project) -> _Own:
    had_variable = _ENABLED in os.environ
    _hush()
    try:
        session = SparkSession.builder.remote(url).getOrCreate()
    except (PySparkException, ValueError) as error:
        _forget_variable(had_variable)
        raise InvalidValueError(
            f"no session at {project.redact(url.partition(';')[0])}: {_first_line(error)}",
            where=f"{REMOTE} in spark_config, or SPARK_REMOTE",
            fix="write it as sc://host:port/;user_id=NAME",
        ) from error
    own = _Own(session, had_variable)
    try:
        with _impatient(session):
            _apply(session, settings)
    except PySparkException as error:
        place = remote_session_of(session)
        _end(own)
        raise SessionError(
            f"the Spark Connect server {place.server if place else ''} can't be reached: {_first_line(error)}",
            fix="start it, or check the URL, its token and use_ssl",
        ) from error
    return own


def _apply(session: SparkSession, settings: Mapping[str, Setting]) -> None:
    """Sets what can be set in a session; the rest is the server's own.

    Raises:
        PySparkException: the server does not answer.
    """
    session.version  # noqa: B018  asks the server
    for setting in settings.values():
        if session.conf.get(setting.name, None) == setting.value:
            continue
        try:
            session.conf.set(setting.name, setting.value)
        except PySparkException as error:
            if not (error.getCondition() or "").startswith("CANNOT_MODIFY"):
                raise
            if not setting.origin.startswith(FROM_TAURO):
                logger.warning("{} is the Spark Connect server's to set: that of {} has no effect", *_named(setting))


def _named(setting: Setting) -> tuple[str, str]:
    return setting.name, setting.origin


def _end(own: _Own) -> None:
    with suppress(PySparkException, OSError), _impatient(own.session):
        own.session.stop()
    _forget_variable(own.had_variable)


def _forget_variable(had_variable: bool) -> None:
    if not had_variable:
        os.environ.pop(_ENABLED, None)  # else classic sessions that follow in this process would be sought on a server


@contextmanager
def _impatient(session: SparkSession) -> Iterator[None]:
    """Has a server that does not answer asked again for seconds, in the block, rather than for minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    client: Any = session.client  # Any: pyspark types it as if it were a method
    before = list(client.get_retry_policies())
    client.set_retry_policies([DefaultPolicy(max_retries=FEW_RETRIES)])
    try:
        yield
    finally:
        client.set_retry_policies(before)


def _hush() -> None:
    """Keeps pyspark from printing what it raises anyway: every error as JSON on stderr, and a server that is away."""
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")


def _first_line(error: BaseException) -> str:
    """What an error of the network is about, or any other's first line."""
    details = re.search(r'details = "(.+)"', str(error))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return details[1] if details else lines[0] if lines else type(error).__name__
