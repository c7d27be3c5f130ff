"""JVMs that live for a test or two compile fast rather than well, which halves what they take of a core."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

FIRST_TIER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
"""With the room for compiled code that Java has by itself: a single tier has a fifth of it, too little for Spark."""
SMALL_COLLECTOR = "-XX:+UseSerialGC"
OPTIONS = f"{SMALL_COLLECTOR} {FIRST_TIER}"
"""Of a JVM that lives briefly."""
_VARIABLE = "SPARK_SUBMIT_OPTS"


def start_quickly(environment: MutableMapping[str, str]) -> None:
    """Has the JVMs that are started with these variables spend little on compiling; long work is slower in them."""
    given = environment.get(_VARIABLE, "")
    if FIRST_TIER not in given:
        environment[_VARIABLE] = f"{given} {FIRST_TIER}".strip()


def plain_environment() -> dict[str, str]:
    """The variables of this process, without those that somebody has set for Spark, pyspark, Tauro or one test."""
    kept = ("TAURO_ARCHIVE", _VARIABLE)
    is_theirs = ("SPARK_", "PYSPARK_", "TAURO_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if name in kept or not name.startswith(is_theirs)}
