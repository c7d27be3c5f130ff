"""Which Maven artefacts a project's formats need, in the versions that match the installed Spark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tauro.errors import MissingExtraError


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A Maven artefact."""

    group: str
    artifact: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether one of `names` is this artefact in any version, for any Scala.

        Args:
            names: jar files' names or paths, or Maven coordinates.
        """
        stem = re.escape(self.artifact.partition("_")[0])
        jar = re.compile(rf"(.*[/\\])?{stem}(_[\d.]+)*(-\d.*)?\.jar")
        coordinate = re.compile(rf"{re.escape(self.group)}:{stem}(_[\d.]+)*(:.*)?")
        return any(jar.fullmatch(name) or coordinate.fullmatch(name) for name in names)


@dataclass(frozen=True, slots=True)
class JdbcDriver:
    """What Spark needs to talk to one kind of database."""

    coordinate: Coordinate
    class_name: str


JDBC_DRIVERS = {
    "postgresql": JdbcDriver(Coordinate("org.postgresql", "postgresql", "42.7.13"), "org.postgresql.Driver"),
    "mysql": JdbcDriver(Coordinate("com.mysql", "mysql-connector-j", "9.4.0"), "com.mysql.cj.jdbc.Driver"),
    "mariadb": JdbcDriver(Coordinate("org.mariadb.jdbc", "mariadb-java-client", "3.5.5"), "org.mariadb.jdbc.Driver"),
    "sqlserver": JdbcDriver(
        Coordinate("com.microsoft.sqlserver", "mssql-jdbc", "13.6.2.jre11"),
        "com.microsoft.sqlserver.jdbc.SQLServerDriver",
    ),
    "oracle": JdbcDriver(Coordinate("com.oracle.database.jdbc", "ojdbc11", "23.9.0.25.07"), "oracle.jdbc.OracleDriver"),
    "sqlite": JdbcDriver(Coordinate("org.xerial", "sqlite-jdbc", "3.50.3.0"), "org.sqlite.JDBC"),
    "h2": JdbcDriver(Coordinate("com.h2database", "h2", "2.3.232"), "org.h2.Driver"),
}
"""By the word after `jdbc:` in a URL."""


def jdbc_driver(url: str) -> JdbcDriver | None:
    """The driver for a JDBC URL; None if Tauro knows none, so that the project has to name one itself.

    Spark finds no driver by itself in jars that were added to a running JVM: its reader and writer want the option
    `driver` with the driver's `class_name`.
    """
    scheme = re.match(r"\s*jdbc:([a-z0-9]+):", url, re.IGNORECASE)
    return JDBC_DRIVERS.get(scheme[1].lower()) if scheme else None


def coordinates_for(
    formats: Iterable[str],
    jdbc_urls: Iterable[str],
    spark_version: str,
    scala_version: str,
    delta_version: str | None,
) -> tuple[Coordinate, ...]:
    """The artefacts that Spark lacks for these formats, each once and in a fixed order; often none.

    Args:
        formats: the formats that a project uses, such as `parquet`, `delta`.
        jdbc_urls: the URLs of its JDBC entries.
        spark_version: of the installed Spark, such as `4.2.0`.
        scala_version: of the installed Spark, such as `2.13`.
        delta_version: of the installed delta-spark; None if it is not installed.

    Raises:
        MissingExtraError: `delta` is used, and delta-spark is not installed.
    """
    used = set(formats)
    found = []
    if "delta" in used:
        if delta_version is None:
            raise MissingExtraError("delta-spark", "spark", needed_for="format 'delta'")
        found.append(_delta(spark_version, scala_version, delta_version))
    if "avro" in used:
        found.append(Coordinate("org.apache.spark", f"spark-avro_{scala_version}", spark_version))
    drivers = [driver.coordinate for url in jdbc_urls if (driver := jdbc_driver(url)) is not None]
    return (*found, *sorted(set(drivers), key=str))


def _delta(spark_version: str, scala_version: str, delta_version: str) -> Coordinate:
    """Delta's artefact: since Delta 4.1 its name tells the Spark it was made for."""
    if _numbers(delta_version) < (4, 1):
        return Coordinate("io.delta", f"delta-spark_{scala_version}", delta_version)
    spark_minor = ".".join(map(str, _numbers(spark_version)))
    return Coordinate("io.delta", f"delta-spark_{spark_minor}_{scala_version}", delta_version)


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
