"""JVMs that live for a test or two compile fast rather than well, which halves what they take of a core."""

from __future__ import annotations

from collections.abc import MutableMapping

FIRST_TIER = "-XX:TieredStopAtLevel=1"
SMALL_COLLECTOR = "-XX:+UseSerialGC"
_VARIABLE = "SPARK_SUBMIT_OPTS"


def start_quickly(environment: MutableMapping[str, str]) -> None:
    """Has the JVMs that are started with these variables spend little on compiling; long work is slower in them."""
    given = environment.get(_VARIABLE, "")
    if FIRST_TIER not in given:
        environment[_VARIABLE] = f"{given} {FIRST_TIER}".strip()
