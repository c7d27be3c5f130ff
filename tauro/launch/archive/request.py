"""What a class data archive is made for: it fits this Java, these jars and these options, and no others."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from tauro.launch.installed import InstalledSpark
from tauro.launch.java import JavaHome
from tauro.launch.java_options import given_options, is_local, mebibytes
from tauro.launch.settings import Setting, listed

Stamp = tuple[str, int, int]
"""A file's path, its size in bytes, and when it was changed, in seconds: copies and images keep no more."""

_VERSION = 1
"""Of what is done to make an archive."""

_UNFIT = re.compile(
    r"-Xshare\b|-XX:(SharedArchiveFile|ArchiveClassesAtExit|SharedClassListFile|DumpLoadedClassList|Flags|VMOptionsFile)="
    r"|-XX:[+-](AutoCreateSharedArchive|DynamicDumpSharedSpaces|RequireSharedSpaces|UseSharedSpaces)\b"
    r"|-(javaagent|agentlib|agentpath|Xrun|Xbootclasspath)|--(patch-module|limit-modules|upgrade-module-path)\b"
    r"|-Djava\.system\.class\.loader=|@"
)
"""Options with which Java takes no archive, or another one."""
_MATTERS = re.compile(
    r"-XX:[+-](UseCompressedOops|UseCompressedClassPointers|UseCompactObjectHeaders|CompactStrings"
    r"|BytecodeVerification\w+|Use(Z|Shenandoah|Epsilon)GC|UnlockExperimentalVMOptions)\b|-XX:ObjectAlignmentInBytes="
)
"""Options that an archive has to be made with."""
_LARGE_HEAP = "-XX:-UseCompressedOops"
"""What a heap of 32 GiB and more comes to."""
_FOLDERS = ("HADOOP_CONF_DIR", "YARN_CONF_DIR")
_TRAINED = ("spark.jars", "spark.driver.extraClassPath")


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """Everything that decides whether an archive fits."""

    java_home: Path
    java_version: str
    spark_home: Path
    spark_version: str
    files: tuple[Stamp, ...]
    """Java's own, and the jars."""
    options: tuple[str, ...] = ()
    """Those that it has to be made with."""
    formats: tuple[str, ...] = ()
    """What sessions bring along beside Parquet: `delta`, `table`."""
    settings: tuple[tuple[str, str], ...] = ()
    """Those that bring the jars."""

    @property
    def key(self) -> str:
        """The name under which the archive is kept."""
        told = [
            _VERSION,
            str(self.java_home),
            self.java_version,
            str(self.spark_home),
            self.spark_version,
            self.files,
            self.options,
            self.formats,
            self.settings,
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def archive_request(
    settings: Mapping[str, Setting], spark: InstalledSpark, java: JavaHome, environment: Mapping[str, str]
) -> ArchiveRequest | None:
    """What a session's archive is made for.

    Args:
        settings: of the session, with its jars as files.
        spark: the installed Spark.
        java: the one that it runs on.
        environment: the process's.

    Returns:
        None where Java would take no archive: with a folder on the class path that holds something, such as a `conf`
        folder of Spark, with an agent, or with an archive of the user's own; and for sessions that are not local, or
        that leave it to Spark to find their jars.
    """
    values = {name: setting.value for name, setting in settings.items()}
    if not is_local(settings) or listed(values.get("spark.jars.packages", "")):
        return None
    given = list(given_options(settings, environment, spark.home))
    if any(_UNFIT.match(word) for word in given) or "SPARK_PREPEND_CLASSES" in environment:
        return None
    options = [word for word in given if _MATTERS.match(word)]
    if mebibytes(values.get("spark.driver.memory", "")) >= 32 * 1024:
        options.append(_LARGE_HEAP)
    try:
        files = sorted(
            {
                *_stamps(_java_files(java)),
                *_stamps(spark.home / "jars" / name for name in spark.jars),
                *_stamps(_class_path(values, spark, environment)),
                *_stamps(Path(jar.removeprefix("file:")) for jar in listed(values.get("spark.jars", ""))),
            }
        )
    except OSError:  # a folder that holds something, or a jar that is not on this machine
        return None
    has = {
        "delta": "delta" in values.get("spark.sql.catalog.spark_catalog", ""),
        "table": values.get("spark.sql.catalogImplementation") == "hive",
    }
    return ArchiveRequest(
        java_home=java.path,
        java_version=java.version,
        spark_home=spark.home,
        spark_version=spark.version,
        files=tuple(files),
        options=tuple(options),
        formats=tuple(name for name, is_there in has.items() if is_there),
        settings=tuple((name, values[name]) for name in _TRAINED if values.get(name, "").strip()),
    )


def stamp(path: Path) -> Stamp:
    """A file as it is now.

    Raises:
        OSError: there is none.
    """
    found = path.stat()
    if not path.is_file():
        raise IsADirectoryError(f"{path} is no file")
    return str(path), found.st_size, int(found.st_mtime)


def _stamps(paths: Iterator[Path]) -> Iterator[Stamp]:
    return map(stamp, paths)


def _java_files(java: JavaHome) -> Iterator[Path]:
    """The program, and what tells one build from another; a Java that is wrapped has the program alone."""
    yield java.java
    for name in ("release", "lib/modules", "lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll"):
        if (java.path / name).is_file():
            yield java.path / name


def _class_path(values: Mapping[str, str], spark: InstalledSpark, environment: Mapping[str, str]) -> Iterator[Path]:
    """The files on the class path beside Spark's own.

    Raises:
        OSError: there is a folder that holds something.
    """
    entries = [
        *values.get("spark.driver.extraClassPath", "").split(os.pathsep),
        environment.get("SPARK_CONF_DIR") or str(spark.home / "conf"),
        *(environment.get(name, "") for name in _FOLDERS),
        *environment.get("SPARK_DIST_CLASSPATH", "").split(os.pathsep),
    ]
    for entry in entries:
        if entry.endswith("*"):
            yield from (Path(name) for name in sorted(glob(f"{entry}.[jJ][aA][rR]")))
        elif entry and Path(entry).is_dir():
            if any(Path(entry).iterdir()):
                raise IsADirectoryError(f"{entry} holds something")
        elif entry and Path(entry).exists():
            yield Path(entry)
