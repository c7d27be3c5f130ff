"""Formats lead to Maven artefacts that match the installed Spark."""

from __future__ import annotations

import pytest

from tauro.errors import MissingExtraError
from tauro.launch.jars.coordinates import JDBC_DRIVERS, Coordinate, coordinates_for, jdbc_driver


def named(
    formats: set[str], urls: set[str] = frozenset(), spark: str = "4.2.0", delta: str | None = "4.4.0"
) -> list[str]:
    return [str(one) for one in coordinates_for(formats, urls, spark, "2.13", delta)]


def test_the_formats_that_spark_knows_need_nothing() -> None:
    assert named({"parquet", "csv", "json", "orc", "text", "xml", "table", "query", "memory"}, delta=None) == []


@pytest.mark.parametrize(
    ("spark", "delta", "expected"),
    [
        ("4.0.0", "4.0.0", "io.delta:delta-spark_2.13:4.0.0"),
        ("4.0.1", "4.0.1", "io.delta:delta-spark_2.13:4.0.1"),
        ("4.1.0", "4.1.0", "io.delta:delta-spark_4.1_2.13:4.1.0"),
        ("4.2.0", "4.4.0", "io.delta:delta-spark_4.2_2.13:4.4.0"),
        ("4.2.1.dev0", "4.10.0", "io.delta:delta-spark_4.2_2.13:4.10.0"),
    ],
)
def test_delta_names_its_spark_since_version_4_1(spark: str, delta: str, expected: str) -> None:
    assert named({"delta", "parquet"}, spark=spark, delta=delta) == [expected]


def test_delta_without_its_package_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"tauro\[spark\]"):
        named({"delta"}, delta=None)


def test_avro_has_the_version_of_spark() -> None:
    assert named({"avro"}, spark="4.1.1") == ["org.apache.spark:spark-avro_2.13:4.1.1"]


def test_each_database_brings_its_driver_once() -> None:
    urls = {"jdbc:postgresql://a/b", "jdbc:postgresql://c/d?user=e", "JDBC:SQLite:/f.db"}
    assert named({"jdbc"}, urls) == ["org.postgresql:postgresql:42.7.13", "org.xerial:sqlite-jdbc:3.50.3.0"]


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("jdbc:postgresql://host/db", "org.postgresql.Driver"),
        ("jdbc:mysql://host/db", "com.mysql.cj.jdbc.Driver"),
        ("jdbc:mariadb://host/db", "org.mariadb.jdbc.Driver"),
        ("jdbc:sqlserver://host;databaseName=db", "com.microsoft.sqlserver.jdbc.SQLServerDriver"),
        ("jdbc:oracle:thin:@host:1521/db", "oracle.jdbc.OracleDriver"),
        ("jdbc:sqlite:/a.db", "org.sqlite.JDBC"),
        ("jdbc:h2:mem:db", "org.h2.Driver"),
    ],
)
def test_a_url_tells_its_driver_class(url: str, driver: str) -> None:
    found = jdbc_driver(url)
    assert found is not None
    assert found.class_name == driver


@pytest.mark.parametrize("url", ["jdbc:unheard:of", "postgresql://host/db", ""])
def test_a_url_of_an_unknown_kind_has_no_driver_of_ours(url: str) -> None:
    assert jdbc_driver(url) is None
    assert named({"jdbc"}, {url}) == []


@pytest.mark.parametrize(
    ("name", "is_delta"),
    [
        ("delta-spark_2.13-4.0.0.jar", True),
        ("/opt/jars/delta-spark_4.2_2.13-4.4.0.jar", True),
        ("s3a://jars/delta-spark_4.1_2.13-4.1.0-SNAPSHOT.jar", True),
        ("delta-spark.jar", True),
        ("io.delta:delta-spark_2.13:4.0.0", True),
        ("delta-storage-4.4.0.jar", False),
        ("my-delta-spark_2.13-4.0.0.jar", False),
        ("delta-spark-extras-1.0.jar", False),
        ("com.example:delta-spark_2.13:4.0.0", False),
        ("io.delta:delta-storage:4.4.0", False),
    ],
)
def test_an_artefact_is_known_by_its_jar_and_by_its_coordinate(name: str, is_delta: bool) -> None:
    assert Coordinate("io.delta", "delta-spark_4.2_2.13", "4.4.0").is_among(["other.jar", name]) is is_delta


def test_every_driver_is_known_by_its_own_jar_and_by_no_other() -> None:
    jars = {kind: f"{one.coordinate.artifact}-{one.coordinate.version}.jar" for kind, one in JDBC_DRIVERS.items()}
    for kind, driver in JDBC_DRIVERS.items():
        assert [other for other, jar in jars.items() if driver.coordinate.is_among([jar])] == [kind]
