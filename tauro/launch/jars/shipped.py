"""Which jars a session can do without, because Spark brings them itself."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.ivy import Resolved

_SAME = 0.5
"""How much of a jar must be in another of the same name, for both to be the same artefact: groups tell little, as jars
of Spark's do not say theirs, and names such as `core` are common."""


def is_shipped(jar: Resolved, spark: InstalledSpark) -> bool:
    """Whether Spark brings a jar in the same version or a newer one, or with all that is in it.

    Spark's classes go first, so that its own version is the one that would be used in any case.
    """
    return any(_is_in(jar, other) for other in _namesakes(jar, spark))


def _namesakes(jar: Resolved, spark: InstalledSpark) -> list[Path]:
    artifact = jar.coordinate.split(":")[1]
    pattern = re.compile(rf"{re.escape(artifact)}-\d[^/]*\.jar")
    return [spark.home / "jars" / name for name in spark.jars if pattern.fullmatch(name)]


def _is_in(jar: Resolved, other: Path) -> bool:
    """Whether Spark's jar `other` does for `jar`."""
    if jar.path.name == other.name:
        return True
    mine, theirs = _entries(jar.path), _entries(other)
    if not mine or not theirs:
        return False
    if mine <= theirs:
        return True
    _, artifact, version = jar.coordinate.split(":")
    newest = other.name.removeprefix(f"{artifact}-").removesuffix(".jar")
    return _numbers(newest) >= _numbers(version) and len(mine & theirs) >= _SAME * len(mine)


def _entries(jar: Path) -> set[str]:
    """The classes and resources of a jar."""
    try:
        with zipfile.ZipFile(jar) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):  # which is for others to complain of
        return set()
    return {name for name in names if not name.startswith("META-INF/") and not name.endswith("/")}


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
