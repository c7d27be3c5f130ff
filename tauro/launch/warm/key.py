"""What a warm JVM is made for: as soon as one part of it differs, a run needs another JVM."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from glob import glob
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tauro.launch.installed import InstalledSpark
from tauro.launch.java import JavaHome
from tauro.launch.settings import listed

_NOISE = frozenset(
    (
        "COLUMNS",
        "GPG_TTY",
        "INVOCATION_ID",
        "LINES",
        "OLDPWD",
        "PWD",
        "SHLVL",
        "SSH_CLIENT",
        "SSH_CONNECTION",
        "SSH_TTY",
        "TERM",
        "TAURO_VERBOSE",
        "TAURO_WARM",
        "TERM_SESSION_ID",
        "TMUX",
        "TMUX_PANE",
        "WINDOWID",
        "XDG_SESSION_ID",
        "_",
    )
)
"""The variables that shells, terminals and Tauro set, and that no job looks at."""

_FREE = (
    *("spark.app.name", "spark.cores.max", "spark.databricks.delta.", "spark.default.parallelism"),
    *("spark.driver.bindAddress", "spark.driver.host", "spark.driver.maxResultSize", "spark.dynamicAllocation."),
    *("spark.eventLog.", "spark.executor.", "spark.executorEnv.", "spark.io.", "spark.kryo", "spark.local.dir"),
    *("spark.locality.", "spark.log.level", "spark.memory.", "spark.python.", "spark.rdd.", "spark.reducer."),
    *("spark.scheduler.", "spark.serializer", "spark.shuffle.", "spark.speculation", "spark.sql.", "spark.stage."),
    *("spark.task.", "spark.tauro.", "spark.ui.", "spark.broadcast.", "spark.cleaner.", "spark.checkpoint."),
)
"""How the names of the settings begin that a new SparkContext takes from its run; all others need another JVM."""

_FIXED = (
    *("spark.executor.extraClassPath", "spark.executor.extraJavaOptions", "spark.sql.broadcastExchange."),
    *("spark.sql.catalogImplementation", "spark.sql.codegen.cache.", "spark.sql.codegen.comments", "spark.sql.hive."),
    *("spark.sql.resultQueryStage.", "spark.sql.subquery.maxThreadThreshold", "spark.sql.warehouse.dir"),
    *("spark.sql.event.truncate.length", "spark.sql.streaming.stateStore.", "spark.sql.filesourcePartitionFileCache"),
)
"""Those among them that Spark reads once for each JVM."""

_ARCHIVE = re.compile(r'\s*("-XX:SharedArchiveFile=[^"]*"|-XX:SharedArchiveFile=\S*|-Xshare:auto|-Xlog:cds\S*)\s*')
"""The options that load classes from an archive: one that has been made meanwhile is no reason to start again."""


@dataclass(frozen=True, slots=True)
class WarmKey:
    """What decides whether a run can use a JVM; digests in place of values, which may be secret."""

    salt: str
    folder: str
    """The working directory."""
    java: str
    spark: str
    tauro: str
    jars: str
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> WarmKey:  # Any: whatever JSON holds
        """A key as a file has it.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        texts = {name: str(told[name]) for name in ("salt", "folder", "java", "spark", "tauro", "jars")}
        return cls(**texts, settings=dict(told["settings"]), environment=dict(told["environment"]))

    def differences(self, other: WarmKey) -> list[str]:
        """The parts that differ, in words; both must have the same salt."""
        found = [
            words
            for name, words in (
                ("folder", "the working directory"),
                ("java", "Java"),
                ("spark", "Spark"),
                ("tauro", "Tauro's version"),
                ("jars", "a jar"),
            )
            if getattr(self, name) != getattr(other, name)
        ]
        found += [f"the setting {name}" for name in _changed(self.settings, other.settings)]
        return found + [f"the variable {name}" for name in _changed(self.environment, other.environment)]


def key_for(
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    java: JavaHome,
    spark: InstalledSpark,
    salt: str | None = None,
) -> WarmKey:
    """The key of the JVM that a session needs.

    Args:
        settings: every setting of the session.
        environment: the JVM's variables.
        java: the Java that it runs on.
        spark: the Spark that it runs.
        salt: that of the key to be compared with; a new one if None.
    """
    salt, static = salt or secrets.token_hex(8), static_settings(settings)
    return WarmKey(
        salt=salt,
        folder=os.getcwd(),
        java=f"{java.version} in {java.path}",
        spark=f"{spark.version} in {spark.home}",
        tauro=_version(),
        jars=_digest(salt, "\n".join(_stamps(settings))),
        settings={name: _digest(salt, _ARCHIVE.sub("", value)) for name, value in sorted(static.items())},
        environment={name: _digest(salt, value) for name, value in sorted(environment.items()) if name not in _NOISE},
    )


def static_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that a JVM is started with, and that no later run can change in it."""
    return {name: value for name, value in settings.items() if is_static(name)}


def is_static(name: str) -> bool:
    """Whether another value of this setting needs another JVM."""
    return name.startswith(_FIXED) or not name.startswith(_FREE)


def _version() -> str:
    try:
        return version("tauro")
    except PackageNotFoundError:  # it was not installed, but put on the path
        return ""


def _changed(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\0{text}".encode(errors="surrogateescape")).hexdigest()[:16]


def _stamps(settings: Mapping[str, str]) -> Iterator[str]:
    """Size and time of each file on this machine that the settings bring: it may be another one by now."""
    paths = [jar.removeprefix("file:") for jar in listed(settings.get("spark.jars", ""))]
    paths += settings.get("spark.driver.extraClassPath", "").split(os.pathsep)
    paths += [path.removeprefix("file:") for path in listed(settings.get("spark.submit.pyFiles", ""))]
    paths += [path.removeprefix("file:") for path in listed(settings.get("spark.files", ""))]
    for path in paths:
        for found in sorted(glob(path)) if path else ():
            try:
                told = Path(found).stat()
            except OSError:
                continue
            yield f"{found}\0{told.st_size}\0{told.st_mtime_ns}"
