"""Reading a Delta table as of the version that a run has settled on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from tauro.io.formats.base import condition_of
from tauro.io.ports import Format, ReadRequest
from tauro.io.writing import spark_errors

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TOO_OLD = "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION"
_IS_AGE_CHECKED = "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration"
_lock = Lock()


def read_pinned(form: Format, request: ReadRequest) -> DataFrame:
    """The rows of a version that was the newest when the run began.

    Delta 4 refuses versions that were committed longer ago than `delta.deletedFileRetentionDuration`, even where the
    version was the newest one a moment ago and its files have that time still to come; it looks at that while a plan
    is analyzed, and not when it runs.
    """
    try:
        return form.read(request)
    except spark_errors() as error:
        if condition_of(error) != _TOO_OLD:
            raise
    with _whatever_its_age(request.session):
        return form.read(request)


@contextmanager
def _whatever_its_age(session: SparkSession) -> Iterator[None]:
    with _lock:
        before = session.conf.get(_IS_AGE_CHECKED, None)
        session.conf.set(_IS_AGE_CHECKED, "false")
        try:
            yield
        finally:
            if before is None:
                session.conf.unset(_IS_AGE_CHECKED)
            else:
                session.conf.set(_IS_AGE_CHECKED, before)
