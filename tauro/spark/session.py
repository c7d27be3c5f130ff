"""Where a run's Spark session comes from, by the project's mode."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tauro.errors import UnsupportedError
from tauro.model import Mode, Options
from tauro.registry import Registry
from tauro.spark.needs import Project

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Opener = Callable[[Project, Options], "SparkSession"]
"""Makes or finds a session for a project, given the `spark_config` of the pipeline that is about to run."""

SESSION_MODES: Registry[Opener] = Registry(
    "session mode",
    {
        Mode.LOCAL.value: "tauro.spark.classic:open_local",
        Mode.DISTRIBUTED.value: "tauro.spark.classic:open_distributed",
        Mode.CONNECT.value: "tauro.spark.connect:open_connect",
        Mode.DATABRICKS.value: "tauro.spark.databricks:open_databricks",
    },
    group="tauro.session_modes",
    extras={
        Mode.LOCAL.value: "spark",
        Mode.DISTRIBUTED.value: "spark",
        Mode.CONNECT.value: "connect",
        Mode.DATABRICKS.value: "spark",
    },
)


def open_session(context: Project, pipeline_config: Options | None = None) -> SparkSession:
    """The session that a project runs on: the one there is, or else a new one as the project's mode says.

    Args:
        context: the project.
        pipeline_config: `spark_config` of the pipeline that is about to run, where that is known. In a session that
            is there already, see `tauro.spark.runtime.runtime_settings`.

    Raises:
        UnsupportedError: there is no such mode.
        InvalidValueError: nothing names the cluster's master, or the Spark Connect server.
        MissingExtraError: pyspark, or what its client for Spark Connect needs, is not installed.
        SessionError: Spark could not be started or reached; or there is no session of Databricks.
    """
    mode = context.settings.mode
    if mode not in SESSION_MODES:
        raise UnsupportedError(
            f"there is no mode {str(mode)!r}",
            where="global_settings: mode",
            fix=f"use one of: {', '.join(SESSION_MODES)}",
        )
    return SESSION_MODES[mode](context, pipeline_config or {})


def stop_session(spark: SparkSession) -> None:
    """Gives back what `open_session` returned.

    A session that Tauro made is stopped, together with its JVM if it has one, when everyone who opened it has given it
    back; any other is left alone. Doing it once too often changes nothing.
    """
    for module in ("tauro.spark.classic", "tauro.spark.connect"):
        if module in sys.modules:  # else it has made none
            sys.modules[module].release(spark)


def how_the_jvm_died(wait_s: float = 0.0) -> str | None:
    """How the JVM under the session that Tauro made has ended, in words; None if it lives, or there is none.

    Args:
        wait_s: how long to wait for an end that seems near.
    """
    if "tauro.spark.classic" not in sys.modules:  # no session was opened
        return None
    from tauro.spark.classic import jvm_death

    return jvm_death(wait_s)


def version_on_cluster() -> str | None:
    """The version of the Spark that the session of this process runs on a cluster; None if there is no such session."""
    if "tauro.spark.classic" not in sys.modules:
        return None
    from tauro.spark.classic import cluster_spark

    return cluster_spark()
