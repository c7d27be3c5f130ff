"""Which Spark is installed, read from its files without importing it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from tauro.errors import MissingExtraError, SessionError


@dataclass(frozen=True, slots=True)
class InstalledSpark:
    """The Spark that a session made here would run on."""

    home: Path
    """SPARK_HOME, or pyspark's own folder."""
    version: str
    """Of its jars, such as `4.2.0`."""
    scala_version: str
    """Of its jars, such as `2.13`."""
    jars: tuple[str, ...] = ()
    """The names of the jars that it brings."""
    delta_version: str | None = None
    """Of the package delta-spark; None if it is not installed."""

    @property
    def hadoop_version(self) -> str | None:
        """Of the Hadoop that it brings, such as `3.5.0`; None for one without."""
        found = (re.fullmatch(r"hadoop-client-api-(\d.*)\.jar", jar) for jar in self.jars)
        return next((one[1] for one in found if one), None)


def installed_spark(environment: Mapping[str, str] | None = None) -> InstalledSpark:
    """The Spark in SPARK_HOME, or else the one inside the package pyspark.

    Args:
        environment: what SPARK_HOME is read from; the process's own by default.

    Raises:
        MissingExtraError: pyspark is not installed.
        SessionError: its folder holds no Spark.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise MissingExtraError("pyspark", "spark", needed_for="a Spark session")
    named = (os.environ if environment is None else environment).get("SPARK_HOME")
    home = Path(named) if named else Path(spec.origin).parent
    jars = tuple(sorted(jar.name for jar in (home / "jars").glob("*.jar")))
    for jar in jars:
        core = re.fullmatch(r"spark-core_(\d+\.\d+)-(.+)\.jar", jar)
        if core:
            return InstalledSpark(
                home, version=core[2], scala_version=core[1], jars=jars, delta_version=_delta_version()
            )
    raise SessionError(
        f"{home} holds no Spark: no spark-core jar in {home / 'jars'}",
        fix="point SPARK_HOME at a Spark 4 distribution, or unset it to use the one that pyspark brings",
    )


def _delta_version() -> str | None:
    try:
        return version("delta-spark")
    except PackageNotFoundError:
        return None
