"""Versions that have to fit each other before a session is started: pyspark's, Spark's, and Delta's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tauro.errors import MismatchError


def check_spark(pyspark_version: str, jars_version: str, where: str) -> None:
    """Refuses a pyspark that is made for another Spark.

    Args:
        pyspark_version: of the package that Python imports.
        jars_version: of the Spark that it is going to talk to.
        where: where that one is.

    Raises:
        MismatchError: their minor versions differ.
    """
    if minor_of(pyspark_version) != minor_of(jars_version):
        raise MismatchError(
            f"pyspark is {pyspark_version}, and the Spark in {where} is {jars_version}: they must be the same",
            fix=f"pip install 'pyspark=={jars_version}', or point SPARK_HOME at a Spark {minor_of(pyspark_version)}",
        )


def check_delta(jars: Iterable[str], spark_version: str) -> None:
    """Refuses a jar of Delta whose name tells that it is made for another Spark.

    Args:
        jars: files or Maven coordinates; others than Delta's are let through.
        spark_version: of the Spark that they are for.

    Raises:
        MismatchError: a jar does not fit.
    """
    for jar in jars:
        found = re.search(_DELTA, jar)
        if found is None:
            continue
        made_for = found["spark"] or _SPARK_OF_DELTA.get(minor_of(found["version"]))
        if made_for is not None and made_for != minor_of(spark_version):
            raise MismatchError(
                f"{jar} is made for Spark {made_for}, and this is Spark {spark_version}",
                where="spark.jars or spark.jars.packages",
                fix="leave it out: Tauro brings the Delta that fits; or name the one for this Spark",
            )


def minor_of(version: str) -> str:
    """Major and minor of a version: `4.2` of `4.2.0`."""
    return ".".join(re.findall(r"\d+", version)[:2])


_DELTA = r"(?<![a-z])delta-spark_(?:(?P<spark>\d+\.\d+)_)?\d+\.\d+[-:](?P<version>\d+\.\d+[^/]*?)(?:\.jar)?$"
_SPARK_OF_DELTA = {"4.0": "4.0", "3.3": "3.5", "3.2": "3.5", "3.1": "3.5", "3.0": "3.5"}
"""Which Spark a Delta is for whose name does not tell."""
