"""Versions and programs that differ between a driver and its cluster, read from what Spark says when it fails."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from tauro.errors import MismatchError
from tauro.spark.versions import minor_of

_PYTHON = "spark.pyspark.python, or the variable PYSPARK_PYTHON,"
_PACK = "`tauro submit --pack venv` takes this one along"


@dataclass(frozen=True, slots=True)
class _Sign:
    """What Spark says of one kind of mismatch."""

    pattern: re.Pattern[str]
    message: str
    fix: str


_SIGNS = (
    _Sign(
        re.compile(r"Python in worker has different version:? *\(?(?P<theirs>[\d., '()]+?)\)?:? than that in driver"),
        "the executors run Python {theirs}, the driver runs {python}: their minor versions must be the same",
        f"name a Python {{python}} of the executors in {_PYTHON} or: {_PACK}",
    ),
    _Sign(
        re.compile(r'Cannot run program "(?P<program>[^"]*python[^"]*)"[^\n]*error=(?:2|13)\b'),
        "an executor can't run {program}, the Python that the driver asks for",
        f"install Python {{python}} there, or name the executors' own in {_PYTHON} or: {_PACK}",
    ),
    _Sign(
        re.compile(r"ModuleNotFoundError: No module named '(?P<module>[^']+)'"),
        "the executors' Python has no module {module!r}",
        f"a module of the project has to lie below its folder, as the project's code goes to the executors by itself; "
        f"install any other there, or: {_PACK}",
    ),
    _Sign(
        re.compile(r"UnsupportedClassVersionError: (?P<what>\S+) has been compiled by a more recent version"),
        "the Java of an executor is too old for {what}",
        "run the cluster's executors on Java 17 or newer, at least the one that the jars were made for",
    ),
    _Sign(
        re.compile(r"InvalidClassException: (?P<what>org\.apache\.spark\.\S+); local class incompatible"),
        "the cluster runs another version of Spark than the driver, which runs {spark}: {what} differs",
        "install the pyspark whose version is that of the cluster, which its web page tells, here",
    ),
    _Sign(
        re.compile(
            r"(?P<what>NoSuchMethodError|NoClassDefFoundError|AbstractMethodError|NoSuchFieldError): [^\n]*\n"
            r"(?:\s+at [^\n]*\n){0,3}\s+at (?:io\.delta|org\.apache\.spark\.sql\.delta)\."
        ),
        "Delta's jar does not fit Spark {spark}: {what}",
        "leave it out: Tauro brings the Delta that fits; or name the one for this Spark, delta-spark_{minor}_2.13",
    ),
)


def mismatch_in(text: str, spark_version: str) -> MismatchError | None:
    """The mismatch that a failure on a cluster comes from; None if it comes from something else.

    Args:
        text: what was raised, with the causes and stack traces of the JVM.
        spark_version: of the driver.
    """
    for sign in _SIGNS:
        found = sign.pattern.search(text)
        if found is not None:
            facts = {"python": _python(), "spark": spark_version, "minor": minor_of(spark_version), **found.groupdict()}
            return MismatchError(_filled(sign.message, facts), fix=_filled(sign.fix, facts))
    return None


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _filled(text: str, facts: dict[str, str]) -> str:
    return text.format(**{name: value.strip(" ()") for name, value in facts.items()})
