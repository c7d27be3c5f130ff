"""A session on a cluster is given the project's code, and shown to have executors whose Python fits."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from loguru import logger
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from tauro.errors import RunInterruptedError
from tauro.launch.bundle import code_bundle, tauro_bundle
from tauro.launch.settings import SUBMITTED
from tauro.spark.mismatches import mismatch_in
from tauro.spark.needs import Project, data_folders
from tauro.spark.stops import Stopped

PATIENCE_S = 30.0
"""How long the first executor may take before that is worth a warning."""

_TAG = "tauro-first-look"
_POLL_S = 0.1


def give_code(spark: SparkSession, project: Project, environment: Mapping[str, str]) -> None:
    """Lets the executors import the modules of a project, and Tauro's; again only if the project's have changed.

    Args:
        spark: a session on a cluster.
        project: the project.
        environment: tells where bundles are kept.

    Raises:
        InvalidValueError: the project's code is too large.
    """
    context = spark.sparkContext
    settings = context.getConf()
    if settings.contains(SUBMITTED) and settings.get("spark.submit.pyFiles"):  # they came with --py-files
        return
    for bundle in (code_bundle(project.root, environment, data_folders(project)), tauro_bundle(environment)):
        if bundle is not None and (context.applicationId, bundle.name) not in _given:
            _given.add((context.applicationId, bundle.name))
            context.addPyFile(str(bundle))


def look_at_executors(spark: SparkSession, stopped: Stopped) -> None:
    """Warns where Python functions can't run on the cluster, before hours of work lead to the first of them.

    It takes one task that does nothing. A cluster without executors at the moment is waited for, as any job would.

    Args:
        spark: a new session on a cluster.
        stopped: tells whether the wait is to be called off.

    Raises:
        RunInterruptedError: it was.
    """
    context = spark.sparkContext
    errors: list[Exception] = []

    def look() -> None:
        context.addJobTag(_TAG)
        context.setJobDescription("looks whether Python functions can run")
        try:
            context.parallelize([0], 1).map(str).collect()
        except (PySparkException, Py4JError, OSError) as error:
            errors.append(error)

    thread = threading.Thread(target=look, name=_TAG, daemon=True)
    thread.start()
    warn_at: float | None = time.monotonic() + PATIENCE_S
    while thread.is_alive():
        thread.join(_POLL_S)
        why = stopped()
        if why is not None:
            context.cancelJobsWithTag(_TAG)
            raise RunInterruptedError(f"{why} while Spark was waiting for executors")
        if warn_at is not None and time.monotonic() > warn_at:
            warn_at = None
            logger.warning("{}", _no_executors(context))
    if errors:
        told = mismatch_in(str(errors[0]), spark.version)
        logger.warning("Python functions can't run on this cluster: {}", told or errors[0])


def _no_executors(context: SparkContext) -> str:
    page = f"; see {context.uiWebUrl}" if context.uiWebUrl else ""
    return (
        f"no executor of {context.master} has answered for {PATIENCE_S:g} s: the cluster is busy, has too little memory"
        f" or cores for spark.executor.memory and spark.executor.cores, or its executors fail at their start{page}"
    )


_given: set[tuple[str, str]] = set()
"""The bundles, by application, that executors have been given."""
