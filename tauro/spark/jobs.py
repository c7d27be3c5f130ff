"""Marks the Spark jobs of a node, so that they can be found and cancelled from another thread.

A mark belongs to a thread, and Spark keeps it there: threads of a pool would carry it on to their next node, which is
why `tag` takes it away again. Threads that a node's own function starts bear it only if they are pyspark's
`InheritableThread`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from pyspark.sql import SparkSession

from tauro.spark.remote import attached

DESCRIPTION = "spark.job.description"
"""The local property that Spark shows for a job."""

POOL = "spark.scheduler.pool"
"""The local property that names a job's pool; within a pool the first job that came has all the cores."""


@contextmanager
def tag(spark: SparkSession, name: str, description: str | None = None) -> Iterator[None]:
    """Marks the jobs that this thread starts in the block; a classic session is this thread's active one from then on.

    Args:
        spark: a classic session, or one over Spark Connect.
        name: what `cancel` is told; unique for each attempt, so that no later one is hit.
        description: what Spark shows for the jobs; `name` by default. Over Connect it is not set.
    """
    mark = _mark(name)
    if not is_classic(spark):
        spark.addTag(mark)
        try:
            yield
        finally:
            spark.removeTag(mark)
        return
    context = spark.sparkContext
    activate(spark)
    with local_property(spark, DESCRIPTION, description or name), local_property(spark, POOL, mark):
        context.addJobTag(mark)
        try:
            yield
        finally:
            context.removeJobTag(mark)


def cancel(spark: SparkSession, name: str) -> None:
    """Cancels the jobs under way that are marked `name`; others go on.

    Jobs that start afterwards are not hit: repeat it, every 0.2 s or so, until the marked thread is done.

    Raises:
        pyspark.errors.PySparkException: the Spark Connect server does not answer.
    """
    mark = _mark(name)
    if is_classic(spark):  # interruptTag finds nothing in a classic session (pyspark 4.2.0)
        spark.sparkContext.cancelJobsWithTag(mark)
    else:
        with attached(spark) as client:
            client.interrupt_tag(mark)


def activate(spark: SparkSession) -> None:
    """Makes a classic session the active one of this thread, so that `SparkSession.getActiveSession()` finds it."""
    jvm: Any = spark._jvm  # Any: py4j's objects have no types
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(spark._jsparkSession)


def is_classic(spark: object) -> bool:
    """Whether a session has its JVM beside this process; pyspark's types do not tell the two kinds apart."""
    return isinstance(spark, SparkSession)


@contextmanager
def local_property(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """Sets a local property of this thread in a classic session for as long as the block lasts."""
    context = spark.sparkContext
    before = context.getLocalProperty(name)
    context.setLocalProperty(name, value)
    try:
        yield
    finally:
        context.setLocalProperty(name, before)  # type: ignore[arg-type]  # None, which pyspark passes on, removes it


def _mark(name: str) -> str:
    """`name` as Spark takes it: a tag may hold no comma."""
    return "tauro " + quote(name, safe=" /:.()[]'\"<>=+@#&*!?")
