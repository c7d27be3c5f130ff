"""The Spark settings of a session, each with the place that it comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.coordinates import Coordinate, coordinates_for
from tauro.launch.jars.stores import store_jars
from tauro.launch.machine import Machine

FROM_COMMAND = "--conf"
FROM_PIPELINE = "pipeline"
FROM_PROJECT = "global_settings.spark_config"
FROM_ENVIRONMENT = "environment (spark-defaults)"
FROM_TAURO = "tauro default"

SUBMITTED = "spark.tauro.submitted"
"""The setting that bears the run's id in a JVM that `tauro submit` has given all settings and the project's code."""

OF_EVERY_SESSION = {
    "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled": ("false", "Spark 4.2.0 hangs with it (SPARK-58241)"),
    "spark.sql.legacy.parameterSubstitution.constantsOnly": ("true", "named SQL parameters work under Delta too"),
    "spark.sql.session.timeZone": ("UTC", "the same rows on every machine"),
    "spark.sql.variable.substitute": ("false", "SQL text reaches Spark as it was written"),
}
"""Name -> value and reason: what a session is given wherever it runs."""

_DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
_DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


@dataclass(frozen=True, slots=True)
class Setting:
    """One Spark setting."""

    name: str
    value: str
    origin: str
    """Where the value comes from: `pipeline`, `global_settings.spark_config`, `tauro default: <why>`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a project wants of a session."""

    root: Path
    """The project's folder."""
    is_local: bool = True
    """Whether the driver does all the work."""
    formats: frozenset[str] = frozenset()
    """The formats of its entries; `table` stands for the catalog."""
    jdbc_urls: frozenset[str] = frozenset()
    schemes: frozenset[str] = frozenset()
    """Of its remote paths, such as `s3a`."""
    project: Mapping[str, str] = field(default_factory=dict)
    """`spark_config` of its settings."""
    pipeline: Mapping[str, str] = field(default_factory=dict)
    """`spark_config` of the pipeline that is about to run, where that is known."""
    command: Mapping[str, str] = field(default_factory=dict)
    """What the call names itself."""


def settings_for(
    needs: Needs, spark: InstalledSpark, machine: Machine, environment: Mapping[str, str]
) -> dict[str, Setting]:
    """Every setting that a session is started with, by name; it looks at nothing but its arguments.

    The nearest wins: the command, the pipeline, the project, the environment, Tauro's default. To the lists
    `spark.jars.packages` and `spark.sql.extensions` is added what the project's formats need and nobody provides.

    Args:
        needs: what the project wants.
        spark: the installed Spark.
        machine: what a local session may use.
        environment: the settings that the user's Spark has already; see `spark_defaults`.

    Raises:
        MissingExtraError: the project uses Delta, and delta-spark is not installed.
    """
    settings: dict[str, Setting] = {}
    for origin, values in (
        (FROM_COMMAND, needs.command),
        (FROM_PIPELINE, needs.pipeline),
        (FROM_PROJECT, needs.project),
        (FROM_ENVIRONMENT, environment),
    ):
        for name, value in values.items():
            settings.setdefault(name, Setting(name, _located(name, value, origin, needs.root), origin))
    for name, (value, why) in _defaults(needs, settings, machine).items():
        settings.setdefault(name, Setting(name, value, f"{FROM_TAURO}: {why}"))
    provided = _all_provided(settings, spark)
    _complete(settings, "spark.jars.packages", _missing_packages(needs, provided, spark), "the project's formats")
    stores = store_jars(needs.schemes, spark.hadoop_version, provided)
    _complete(settings, "spark.jars.packages", [str(one) for one in stores.coordinates], "the project's paths")
    _complete(settings, "spark.jars.excludes", list(stores.excludes), "a part of the SDK is enough")
    if "delta" in needs.formats:
        _complete(settings, "spark.sql.extensions", [_DELTA_EXTENSION], "the project uses Delta")
    return dict(sorted(settings.items()))


def listed(value: str) -> list[str]:
    """The items of a setting that is a list with commas."""
    return [item.strip() for item in value.split(",") if item.strip()]


def jars_of(settings: Mapping[str, Setting]) -> list[str]:
    """The jars that a session is given: files, or coordinates."""
    names = [name for name in ("spark.jars", "spark.jars.packages") if name in settings]
    return [item for name in names for item in listed(settings[name].value)]


def _located(name: str, value: str, origin: str, root: Path) -> str:
    """`value`, with the jars that a project names by a relative path looked for in the project."""
    if name != "spark.jars" or origin == FROM_ENVIRONMENT:
        return value
    return ",".join(jar if ":" in jar else str(root / jar) for jar in listed(value))


def _defaults(needs: Needs, settings: Mapping[str, Setting], machine: Machine) -> dict[str, tuple[str, str]]:
    """Name -> value and reason."""
    defaults = {
        "spark.app.name": (f"tauro {needs.root.name}", "the project's folder"),
        "spark.log.level": ("ERROR", "the terminal shows Tauro's progress"),
        "spark.scheduler.mode": ("FAIR", "nodes that run at once share the cores"),
        **OF_EVERY_SESSION,
        "spark.ui.showConsoleProgress": ("false", "the terminal shows Tauro's progress"),
    }
    if "delta" in needs.formats:
        defaults["spark.sql.catalog.spark_catalog"] = (_DELTA_CATALOG, "the project uses Delta")
    if "s3a" in needs.schemes:
        defaults["spark.hadoop.fs.s3a.performance.flags"] = (
            "create,mkdir",
            "a store has no folders to look after",
        )
    if needs.is_local:
        defaults |= _local_defaults(needs, settings, machine)
    return defaults


def _local_defaults(needs: Needs, settings: Mapping[str, Setting], machine: Machine) -> dict[str, tuple[str, str]]:
    master = settings["spark.master"].value if "spark.master" in settings else "local[*]"
    defaults = {
        "spark.driver.bindAddress": ("127.0.0.1", "nothing listens beyond this machine"),
        "spark.driver.host": ("127.0.0.1", "nothing listens beyond this machine"),
        "spark.driver.memory": (f"{_heap_mebibytes(machine)}m", "half of the memory; the driver does all the work"),
        "spark.executorEnv.PYTHONPATH": (str(needs.root), "Python workers find the project's modules"),
        "spark.master": (master, "all cores of this machine"),
        "spark.sql.shuffle.partitions": (str(_cores_of(master, machine)), "one for each core"),
        "spark.sql.warehouse.dir": (str(needs.root / "spark-warehouse"), "the catalog's tables lie in the project"),
        "spark.ui.enabled": ("false", "no port is taken"),
    }
    if "delta" in needs.formats:
        defaults["spark.databricks.delta.snapshotPartitions"] = ("1", "a small table's log is read fastest in one go")
    if "table" in needs.formats:
        metastore = f"jdbc:derby:;databaseName={needs.root / 'metastore_db'};create=true"
        defaults |= {
            "spark.hadoop.javax.jdo.option.ConnectionURL": (metastore, "the catalog lies in the project"),
            "spark.sql.catalogImplementation": ("hive", "the catalog knows its tables in the next run too"),
        }
    return defaults


def _all_provided(settings: Mapping[str, Setting], spark: InstalledSpark) -> list[str]:
    """The jars that Spark brings, and the jars and coordinates that the user names."""
    provided = list(spark.jars)
    for name in ("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath"):
        if name in settings:
            provided += _provided(name, settings[name].value)
    return provided


def _missing_packages(needs: Needs, provided: list[str], spark: InstalledSpark) -> list[str]:
    """What the formats need, less what is provided in some version."""
    formats = needs.formats - ({"delta"} if _ANY_DELTA.is_among(provided) else set())
    wanted = coordinates_for(formats, needs.jdbc_urls, spark.version, spark.scala_version, spark.delta_version)
    return [str(coordinate) for coordinate in wanted if not coordinate.is_among(provided)]


def _provided(name: str, value: str) -> list[str]:
    """Jars, with globs resolved, or coordinates, that one setting names."""
    entries = value.split(os.pathsep) if name.endswith("ClassPath") else listed(value)
    found = []
    for entry in entries:
        is_pattern = "*" in entry and name != "spark.jars.packages"
        found += glob(entry.removeprefix("file:")) if is_pattern else [entry]
    return found


def _complete(settings: dict[str, Setting], name: str, wanted: list[str], why: str) -> None:
    """Adds what is `wanted`, and not there yet, to the list `name`."""
    given = settings.get(name)
    there = listed(given.value) if given else []
    missing = [item for item in wanted if item not in there]
    if missing:
        origin = f"{FROM_TAURO}: {why}"
        if given:
            origin = f"{given.origin}, completed by {origin}"
        settings[name] = Setting(name, ",".join([*there, *missing]), origin)


def _cores_of(master: str, machine: Machine) -> int:
    """The cores that `local`, `local[4]`, `local[*]` or `local[4, 2]` uses."""
    told = re.fullmatch(r"local(?:\[\s*(\d+|\*)\s*(?:,.*)?\])?", master.strip())
    if told is None or told[1] == "*":
        return machine.cores
    return int(told[1] or 1)


def _heap_mebibytes(machine: Machine) -> int:
    """Half of the memory, but at least 1 GiB, and less than the 32 GiB at which Java's pointers grow."""
    return min(max(machine.memory_bytes // 2 // 1024**2, 1024), 31 * 1024)


_ANY_DELTA = Coordinate("io.delta", "delta-spark", "")
