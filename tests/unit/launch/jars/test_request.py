"""What jars are remembered by follows from everything that may change them, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.request import JarRequest, request_of
from tauro.launch.settings import Setting

SPARK = InstalledSpark(Path("/spark"), "4.2.0", "2.13", ("guava-33.jar",), "4.4.0")
OWN = "com.example:own:1.0"


def asked(
    packages: str = OWN, environment: dict[str, str] | None = None, spark: InstalledSpark = SPARK, **more: str
) -> JarRequest | None:
    values = {"spark.jars.packages": packages} | {
        f"spark.{name.replace('_', '.')}": value for name, value in more.items()
    }
    settings = {name: Setting(name, value, "pipeline") for name, value in values.items()}
    return request_of(settings, spark, environment or {})


def key(*args: object, **more: object) -> str:
    request = asked(*args, **more)  # type: ignore[arg-type]  # as `asked`
    assert request is not None
    return request.key


def test_the_order_of_coordinates_and_how_they_are_written_do_not_count() -> None:
    assert key("a:b:1, c:d:2") == key("c/d:2,a:b:1,a:b:1")


@pytest.mark.parametrize("packages", ["", " , "])
def test_without_packages_nothing_is_asked_for(packages: str) -> None:
    assert asked(packages) is None


@pytest.mark.parametrize("version", ["1.0-SNAPSHOT", "latest.release", "1.+", "[1.0,2.0)", "(,1.0]"])
def test_a_version_that_changes_is_left_to_spark(version: str) -> None:
    assert asked(f"a:b:1,com.example:own:{version}") is None


@pytest.mark.parametrize("coordinate", ["own.jar", "a:b", "a:b:1:tests", "a: b:1"])
def test_what_is_no_coordinate_is_left_to_spark(coordinate: str) -> None:
    assert asked(coordinate) is None


def test_every_thing_that_may_change_the_files_changes_the_key(tmp_path: Path) -> None:
    settings = tmp_path / "ivysettings.xml"
    settings.write_text("<ivysettings/>")
    keys = [
        key(),
        key("com.example:own:1.1"),
        key(spark=replace(SPARK, version="4.2.1")),
        key(spark=replace(SPARK, scala_version="3")),
        key(spark=replace(SPARK, jars=("guava-34.jar",))),
        key(driver_userClassPathFirst="true"),
        key(jars_excludes="a:b"),
        key(jars_repositories="https://one,https://two"),
        key(jars_repositories="https://two,https://one"),
        key(environment={"DEFAULT_ARTIFACT_REPOSITORY": "https://mirror"}),
        key(jars_ivySettings=str(settings)),
    ]
    settings.write_text("<ivysettings><!-- another --></ivysettings>")
    keys.append(key(jars_ivySettings=settings.as_uri()))
    assert len(set(keys)) == len(keys)


def test_where_ivy_keeps_its_files_and_java_options_change_no_file() -> None:
    assert key(jars_ivy="/elsewhere", driver_extraJavaOptions="-Dhttp.proxyHost=proxy") == key()


def test_proxies_are_taken_from_where_spark_takes_them() -> None:
    request = asked(
        driver_extraJavaOptions="-Xmx1g -Dhttps.proxyHost=proxy '-Da=b c'",
        driver_defaultJavaOptions='-Dbroken="',
        environment={"SPARK_SUBMIT_OPTS": "-Dhttps.proxyPort=3128"},
    )
    assert request is not None
    assert request.java_options == ("-Dhttps.proxyHost=proxy", "-Da=b c", "-Dhttps.proxyPort=3128")


@pytest.mark.parametrize("named", ["/not/there.xml", "https://host/ivysettings.xml"])
def test_ivy_settings_that_can_not_be_read_are_left_to_spark(named: str) -> None:
    assert asked(jars_ivySettings=named) is None
