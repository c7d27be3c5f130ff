"""The settings that the user's Spark has before Tauro says anything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

_SUBMIT_OPTIONS = {
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-memory": "spark.driver.memory",
    "--jars": "spark.jars",
    "--master": "spark.master",
    "--name": "spark.app.name",
    "--packages": "spark.jars.packages",
    "--repositories": "spark.jars.repositories",
}


def spark_defaults(spark_home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of the file `spark-defaults.conf`, and those of the variable PYSPARK_SUBMIT_ARGS, which win.

    Args:
        spark_home: the installed Spark's folder.
        environment: what SPARK_CONF_DIR and PYSPARK_SUBMIT_ARGS are read from.
    """
    folder = Path(environment.get("SPARK_CONF_DIR") or spark_home / "conf")
    try:
        text = (folder / "spark-defaults.conf").read_text(encoding="utf-8")
    except OSError:
        text = ""
    return _file_settings(text) | submit_settings(environment.get("PYSPARK_SUBMIT_ARGS", ""))


def submit_settings(arguments: str) -> dict[str, str]:
    """What `spark-submit` makes of its arguments, as PYSPARK_SUBMIT_ARGS holds them; nothing else overrules these."""
    words = shlex.split(arguments)
    found = {}
    for word, following in pairwise(words):
        if word in ("--conf", "-c") and "=" in following:
            name, _, value = following.partition("=")
            found[name] = value
        elif word in _SUBMIT_OPTIONS:
            found[_SUBMIT_OPTIONS[word]] = following
    return found


def _file_settings(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        pair = re.match(r"\s*([^\s#!=:][^\s=:]*)(?:\s*[=:]\s*|\s+)(.*?)\s*$", line)
        if pair:
            found[pair[1]] = pair[2]
    return found
