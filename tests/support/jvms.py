"""JVMs that live for a test or two spend little on starting and compiling, which more than halves what they take."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

from tauro.launch.java_options import quoted

FIRST_TIER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
"""With the room for compiled code that Java has by itself: a single tier has a fifth of it, too little for Spark."""
SMALL_COLLECTOR = "-XX:+UseSerialGC"
OPTIONS = f"{SMALL_COLLECTOR} {FIRST_TIER}"
"""Of a JVM that lives briefly."""
INTERPRETED = "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"
"""Settings of Spark where nobody gives others: compiling code for each query is most of what one of few rows takes."""
ARCHIVE = Path(sys.prefix) / "tests.jsa"
"""Spark's classes as `tests/spark/test_archive.py` left them; kept between test runs."""
ARCHIVED = f"{quoted(f'-XX:SharedArchiveFile={ARCHIVE}')} -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off"
"""Takes classes from there; Java goes on in silence where there is no archive, or one that does not fit."""
_VARIABLE = "SPARK_SUBMIT_OPTS"
_QUICK = f"{FIRST_TIER} {ARCHIVED}"


def start_quickly(environment: MutableMapping[str, str]) -> None:
    """Has the JVMs that are started with these variables spend little on compiling; long work is slower in them."""
    given = environment.get(_VARIABLE, "")
    if FIRST_TIER not in given:
        environment[_VARIABLE] = f"{given} {_QUICK} {INTERPRETED}".strip()


def plain_environment() -> dict[str, str]:
    """The variables of this process, without those that somebody has set for Spark, pyspark, Tauro or one test."""
    kept = ("TAURO_ARCHIVE", _VARIABLE)
    is_theirs = ("SPARK_", "PYSPARK_", "TAURO_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if name in kept or not name.startswith(is_theirs)}


def compiling() -> dict[str, str]:
    """Variables with which Spark compiles its queries, as it does for users."""
    return {_VARIABLE: os.environ[_VARIABLE].replace(INTERPRETED, "").strip()}


def own_archive() -> dict[str, str]:
    """Variables with which a JVM takes no archive that Tauro has not given it."""
    return {_VARIABLE: os.environ[_VARIABLE].replace(ARCHIVED, "").strip()}
