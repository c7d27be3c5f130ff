"""A local session loads its classes from an archive, where one was made that fits it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tauro.errors import SessionError
from tauro.launch.archive.request import ArchiveRequest, archive_request
from tauro.launch.archive.store import ArchiveStore
from tauro.launch.cache import cache_folder
from tauro.launch.defaults import submit_settings
from tauro.launch.installed import InstalledSpark
from tauro.launch.java import find_java_home
from tauro.launch.java_options import DEFAULT_OPTIONS, with_options
from tauro.launch.settings import Setting
from tauro.launch.switches import is_off

SWITCH = "TAURO_ARCHIVE"
"""The environment variable that, set to `off`, has no archive used and none made."""

_QUIET = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
"""What has Java go on in silence without an archive that it can't use."""
_UNFIT = re.compile(r"[:;,\"'\\{}%$]")
"""What the path of an archive can't hold: Java and Spark would read more than one word."""
_USED = re.compile(r"-XX:SharedArchiveFile=(?P<folder>[^\"]*)/(?P<key>[0-9a-f]{32})\.jsa")


def with_archive(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> dict[str, Setting]:
    """The settings, with the archive for them where there is one; starts nothing.

    Args:
        settings: of the session, with its jars as files.
        spark: the installed Spark.
        environment: the process's.
    """
    store = archive_store(environment)
    request = wanted_archive(settings, spark, environment) if store is not None else None
    found = store.find(request) if store is not None and request is not None else None
    if found is None:
        return dict(settings)
    why = f"the class data archive for Spark {found.spark_version} on Java {found.java_version}"
    return with_options(settings, [f"-XX:SharedArchiveFile={found.path}", *_QUIET], why, environment)


def wanted_archive(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> ArchiveRequest | None:
    """What a session's archive would be made for; None if Java would not take one, or Tauro does not start the JVM."""
    if {"PYSPARK_GATEWAY_PORT", "SPARK_REMOTE"} & environment.keys():
        return None
    if DEFAULT_OPTIONS in submit_settings(environment.get("PYSPARK_SUBMIT_ARGS", "")):
        return None
    try:
        java = find_java_home(environment)
    except SessionError:
        return None
    return archive_request(settings, spark, java, environment)


def archive_store(environment: Mapping[str, str]) -> ArchiveStore | None:
    """The user's store; None if it is switched off, or if there is no place that Java can read it from."""
    folder = cache_folder(environment)
    if folder is None or is_off(SWITCH, environment) or _UNFIT.search(str(folder)):
        return None
    return ArchiveStore(folder / "archives")


def discard_archive(settings: Mapping[str, Setting], environment: Mapping[str, str]) -> bool:
    """Removes the archive that a JVM had which has crashed: it may be to blame.

    Args:
        settings: of the session in that JVM.
        environment: the process's.

    Returns:
        Whether it had one.
    """
    store, given = archive_store(environment), settings.get(DEFAULT_OPTIONS)
    used = _USED.search(given.value) if given is not None else None
    if store is None or used is None or used["folder"] != str(store.folder):
        return False
    store.discard(used["key"])
    return True
