"""A session takes its jars from the store, in place of having Spark resolve them at every start."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tauro.launch.defaults import submit_settings
from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.request import JarRequest, request_of
from tauro.launch.jars.store import JarList, JarStore, store_folder
from tauro.launch.java import find_java
from tauro.launch.settings import FROM_TAURO, Setting, listed
from tauro.launch.switches import is_off

SWITCH = "TAURO_JARS"
"""The environment variable that, set to `off`, has Spark resolve the packages itself."""

PACKAGES = "spark.jars.packages"
STORED_PACKAGES = "spark.tauro.jars.packages"
"""The setting that tells what the session's jars were fetched for."""

_UNFIT = frozenset(",*?[]{}#%\\")
"""What a path in `spark.jars` can't hold."""


def with_stored_jars(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> dict[str, Setting]:
    """The settings, with `spark.jars` in place of `spark.jars.packages` where the store has them; starts nothing.

    Args:
        settings: of the session.
        spark: the installed Spark.
        environment: the process's.
    """
    store, request = store_of(environment), wanted_jars(settings, spark, environment)
    found = store.find(request) if store and request and not why_unfit(store) else None
    return _with(settings, store, found) if store and found else dict(settings)


def with_fetched_jars(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> tuple[dict[str, Setting], str | None]:
    """Like `with_stored_jars`, but what the store lacks is fetched.

    Returns:
        The settings, and why the store could not be used, where that is worth a warning: then they are those given.

    Raises:
        SessionError: some jars can't be had, or there is no Java.
    """
    store, request = store_of(environment), wanted_jars(settings, spark, environment)
    if store is None or request is None:
        return dict(settings), None
    if why := why_unfit(store):
        return dict(settings), why
    try:
        return _with(settings, store, fetch(request, spark, store, find_java(environment))), None
    except OSError as error:
        return dict(settings), f"the jar store can't be used, so that Spark fetches jars at every start: {error}"


def fetch(
    request: JarRequest, spark: InstalledSpark, store: JarStore, java: Path, *, is_thorough: bool = False
) -> JarList:
    """What a request stands for: from the store, or else resolved and put there.

    Args:
        request: what is asked for.
        spark: the Spark that brings Ivy, and that may have some of the jars.
        store: where they are kept.
        java: the program `java`.
        is_thorough: whether what the store has is read, to be fetched again if it is damaged.

    Raises:
        SessionError: some jars can't be had.
        OSError: the store can't be written, or Ivy not be run.
    """
    found = store.find(request, is_thorough=is_thorough)
    if found is not None:
        return found
    from tauro.launch.jars.ivy import resolve  # hardly ever needed, and slower to import than all the rest
    from tauro.launch.jars.shipped import is_shipped

    with store.changing() as work:
        found = store.find(request, is_thorough=is_thorough)  # another process may have been faster
        if found is not None:
            return found
        jars = resolve(request, spark, java, work, lambda jar: not (request.shipped and is_shipped(jar, spark)))
        return store.put(request, jars, work)


def store_of(environment: Mapping[str, str]) -> JarStore | None:
    """The user's store; None if it is switched off, or if there is no place for it."""
    folder = store_folder(environment)
    return None if is_off(SWITCH, environment) or folder is None else JarStore(folder)


def why_unfit(store: JarStore) -> str | None:
    """Why a session can't be given files of the store; None if it can."""
    unfit = "".join(sorted(_UNFIT & set(str(store.folder))))
    return (
        f"the jar store {store.folder} can't be used: Spark takes no path with {unfit} in spark.jars" if unfit else None
    )


def wanted_jars(
    settings: Mapping[str, Setting], spark: InstalledSpark, environment: Mapping[str, str]
) -> JarRequest | None:
    """What a session wants from the store; None if there is nothing, or if only Spark itself can get it.

    `--jars` and `--packages` in PYSPARK_SUBMIT_ARGS overrule what a session is given, so that Spark is left to it. In
    the JVM of `spark-submit` jars are the user's to bring.
    """
    if "PYSPARK_GATEWAY_PORT" in environment:
        return None
    submitted = submit_settings(environment.get("PYSPARK_SUBMIT_ARGS", ""))
    if {"spark.jars", PACKAGES} & submitted.keys():
        return None
    return request_of(settings, spark, environment)


def _with(settings: Mapping[str, Setting], store: JarStore, found: JarList) -> dict[str, Setting]:
    why = f"{FROM_TAURO}: from the jar store, for {', '.join(found.coordinates)}"
    changed = dict(settings)
    nothing = f"{FROM_TAURO}: the jar store has them"  # not left out: Spark reads its own file of defaults, too
    changed[STORED_PACKAGES] = Setting(STORED_PACKAGES, settings[PACKAGES].value, settings[PACKAGES].origin)
    changed[PACKAGES] = Setting(PACKAGES, "", nothing)
    _append(changed, "spark.jars", [str(store.path_of(jar)) for jar in found.jars], why)
    _append(changed, "spark.submit.pyFiles", _with_python(changed, store, found), why)
    return dict(sorted(changed.items()))


def _append(settings: dict[str, Setting], name: str, items: list[str], why: str) -> None:
    if not items:
        return
    given = settings.get(name)
    values = [*(listed(given.value) if given else ()), *items]
    settings[name] = Setting(name, ",".join(values), f"{given.origin}, completed by {why}" if given else why)


def _with_python(settings: Mapping[str, Setting], store: JarStore, found: JarList) -> list[str]:
    """The jars that bring Python modules, as some do; on this machine those that are installed go before."""
    master = settings.get("spark.master")
    is_local = master is not None and master.value.startswith("local")
    return [
        str(store.path_of(jar))
        for jar in found.jars
        if jar.python and not (is_local and all(find_spec(name) is not None for name in jar.python))
    ]
