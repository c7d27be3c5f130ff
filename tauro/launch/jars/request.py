"""What the jars of a session are resolved from, read out of its settings."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tauro.launch.installed import InstalledSpark
from tauro.launch.settings import Setting, listed

DEFAULT_REPOSITORY = "https://repo1.maven.org/maven2/"
"""Maven Central, where the variable DEFAULT_ARTIFACT_REPOSITORY, which Spark reads too, names no other."""

_COORDINATE = re.compile(r"[^\s:/]+[:/][^\s:/]+:[^\s:/]+")
_CHANGES = re.compile(r".*-SNAPSHOT|latest\..*|.*\+|[\[(\]].*", re.IGNORECASE)
"""A version behind which not always the same file stands."""


@dataclass(frozen=True, slots=True)
class JarRequest:
    """Coordinates, and everything that tells which files they stand for."""

    coordinates: tuple[str, ...]
    """Each once, in a fixed order."""
    spark_version: str
    scala_version: str
    shipped: str = ""
    """A checksum over the names of the jars that Spark brings; empty where these are not left out."""
    excludes: tuple[str, ...] = ()
    """`group:artifact` that are not wanted."""
    repositories: tuple[str, ...] = ()
    """`spark.jars.repositories`, in the order in which they are asked."""
    central: str = DEFAULT_REPOSITORY
    """The repository that is asked first; an `ivy_settings` names its own."""
    ivy_settings: Path | None = None
    ivy_settings_sha256: str = ""
    ivy_folder: str | None = None
    """`spark.jars.ivy`: where Ivy keeps what it has downloaded. Does not change which files they are."""
    java_options: tuple[str, ...] = ()
    """The `-D...` that the user's Spark is given, such as a proxy. Change no file either."""

    @property
    def key(self) -> str:
        """The name under which the files are remembered; it tells no password in a repository's address."""
        told = {
            "coordinates": self.coordinates,
            "spark": self.spark_version,
            "scala": self.scala_version,
            "shipped": self.shipped,
            "excludes": self.excludes,
            "repositories": self.repositories,
            "central": "" if self.ivy_settings else self.central,
            "ivy_settings": self.ivy_settings_sha256,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def request_of(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> JarRequest | None:
    """What a session's `spark.jars.packages` are resolved from.

    Args:
        settings: of the session.
        spark: the installed Spark.
        environment: what DEFAULT_ARTIFACT_REPOSITORY and SPARK_SUBMIT_OPTS are read from.

    Returns:
        None if there are none, or if they have to be resolved at every start: a version that changes, such as a
        SNAPSHOT, coordinates or an ivysettings file that only Spark itself can make sense of.
    """
    values = {name: setting.value for name, setting in settings.items()}
    coordinates = sorted(set(listed(values.get("spark.jars.packages", ""))))
    if not coordinates or any(not _is_fixed(coordinate) for coordinate in coordinates):
        return None
    ivy_settings, checksum = None, ""
    if named := values.get("spark.jars.ivySettings", "").strip():
        ivy_settings = _local_file(named)
        try:
            checksum = hashlib.sha256(ivy_settings.read_bytes()).hexdigest() if ivy_settings else ""
        except OSError:
            checksum = ""
        if not checksum:
            return None
    return JarRequest(
        coordinates=tuple(coordinate.replace("/", ":") for coordinate in coordinates),
        spark_version=spark.version,
        scala_version=spark.scala_version,
        shipped="" if _has_user_classes_first(values) else _checksum(spark.jars),
        excludes=tuple(sorted(set(listed(values.get("spark.jars.excludes", ""))))),
        repositories=tuple(listed(values.get("spark.jars.repositories", ""))),
        central=environment.get("DEFAULT_ARTIFACT_REPOSITORY") or DEFAULT_REPOSITORY,
        ivy_settings=ivy_settings,
        ivy_settings_sha256=checksum,
        ivy_folder=values.get("spark.jars.ivy", "").strip() or None,
        java_options=_java_options(values, environment),
    )


def _is_fixed(coordinate: str) -> bool:
    return bool(_COORDINATE.fullmatch(coordinate)) and not _CHANGES.fullmatch(coordinate.rpartition(":")[2])


def _has_user_classes_first(values: Mapping[str, str]) -> bool:
    """Whether the session's own jars go before Spark's, so that none of them may be left out."""
    return any(values.get(f"spark.{side}.userClassPathFirst", "").lower() == "true" for side in ("driver", "executor"))


def _local_file(named: str) -> Path | None:
    """The file of a path or a `file:` URL; None for any other."""
    parts = urlsplit(named)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme and len(parts.scheme) > 1 else Path(named).absolute()


def _checksum(names: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


def _java_options(values: Mapping[str, str], environment: Mapping[str, str]) -> tuple[str, ...]:
    texts = (
        values.get("spark.driver.defaultJavaOptions", ""),
        values.get("spark.driver.extraJavaOptions", ""),
        environment.get("SPARK_SUBMIT_OPTS", ""),
    )
    found = []
    for text in texts:
        try:
            found += [word for word in shlex.split(text) if word.startswith("-D")]
        except ValueError:  # a quote is not closed: Spark is to say so
            continue
    return tuple(found)
