"""The settings of one pipeline, in a session that runs already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from tauro.errors import UnsupportedError
from tauro.launch.jars.settings import PACKAGES, STORED_PACKAGES
from tauro.launch.settings import listed
from tauro.model import Options
from tauro.model.settings import as_spark_options
from tauro.spark.needs import REMOTE, settings_of_the_server
from tauro.spark.remote import remote_session_of


@contextmanager
def runtime_settings(spark: SparkSession, spark_config: Options) -> Iterator[None]:
    """Gives a session the `spark_config` of a pipeline for as long as the block lasts.

    Args:
        spark: the session; frames made before keep seeing its settings, so a clone would not do.
        spark_config: the pipeline's settings.

    Raises:
        UnsupportedError: one of them only has an effect when a session starts, and this session has another value.
    """
    not_its_own = {REMOTE}  # which has led to the session
    if remote_session_of(spark) is not None:
        not_its_own.update(settings_of_the_server(spark_config))  # `tauro validate` warns of them
    with ExitStack() as stack:
        for name, value in as_spark_options(spark_config).items():
            if name in not_its_own:
                continue
            before = spark.conf.get(name, None)
            if before == value or _is_among(spark, name, value):
                continue
            try:
                spark.conf.set(name, value)
            except PySparkException as error:
                raise UnsupportedError(
                    f"{name} can't be changed to {value!r} in a session that runs; it has {before!r}",
                    where="spark_config of the pipeline",
                    fix=f"move {name} to spark_config of global_settings",
                ) from error
            stack.callback(_put_back, spark, name, before)
        yield


def _put_back(spark: SparkSession, name: str, before: str | None) -> None:
    with suppress(Py4JError, PySparkException, OSError):  # a JVM, or a server, that is gone has no settings
        if before is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, before)


def _is_among(spark: SparkSession, name: str, value: str) -> bool:
    """Whether all that a list asks for was in the session from its start, to which Tauro may have added."""
    if name not in _LISTS:
        return False
    there = listed(spark.conf.get(name, None) or "")
    if name == PACKAGES:
        there += listed(spark.conf.get(STORED_PACKAGES, None) or "")
    return set(listed(value)) <= set(there)


_LISTS = frozenset({"spark.jars", "spark.sql.extensions", "spark.submit.pyFiles", PACKAGES})
