"""An archive is made for one Java, one Spark and one set of jars, and only where Java would take it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tauro.launch.archive.request import ArchiveRequest, archive_request
from tauro.launch.java import find_java_home
from tests.support.fake_java import FakeJava, fake_java


@pytest.fixture
def java(tmp_path: Path) -> FakeJava:
    return fake_java(tmp_path)


def request_of(java: FakeJava, environment: dict[str, str] | None = None, **more: str) -> ArchiveRequest | None:
    environment = java.environment | (environment or {})
    return archive_request(java.settings(**more), java.spark, find_java_home(environment), environment)


def later(path: Path) -> None:
    os.utime(path, (path.stat().st_mtime + 5, path.stat().st_mtime + 5))


def test_the_same_session_wants_the_same_archive_whatever_else_it_sets(java: FakeJava) -> None:
    assert java.request().key == java.request(app_name="x", driver_extraJavaOptions="-Dmy.own=1 -Xss4m").key
    assert java.request(driver_memory="4g").key == java.request(driver_memory="8g", master="local[8]").key


def test_an_upgraded_java_and_an_upgraded_spark_want_another(java: FakeJava, tmp_path: Path) -> None:
    keys = [java.request().key]
    (java.home / "release").write_text('JAVA_VERSION="17.0.2"\n')
    keys.append(java.request().key)
    later(java.home / "bin" / "java")
    keys.append(java.request().key)
    later(next((java.spark.home / "jars").iterdir()))
    keys.append(java.request().key)
    jar = tmp_path / "own.jar"
    jar.write_text("1")
    keys += [java.request(jars=str(jar)).key, java.request(driver_extraClassPath=str(jar)).key]
    later(jar)
    keys += [java.request(jars=str(jar)).key, java.request(driver_extraClassPath=f"{tmp_path}/*").key]
    keys.append(java.request(sql_catalogImplementation="hive").key)
    keys.append(java.request(driver_extraJavaOptions="-XX:ObjectAlignmentInBytes=16").key)
    keys.append(java.request(driver_memory="40g").key)
    assert len(set(keys)) == len(keys)


def test_options_that_change_how_java_lays_objects_out_are_taken_over(java: FakeJava) -> None:
    assert java.request(driver_extraJavaOptions="-XX:-UseCompressedOops -Da=b").options == ("-XX:-UseCompressedOops",)
    assert java.request(driver_memory="32g").options == ("-XX:-UseCompressedOops",)
    assert java.request(driver_memory="31744m").options == ()


@pytest.mark.parametrize(
    "more",
    [
        {"master": "yarn"},
        {"jars_packages": "com.example:own:1.0"},
        {"jars": "s3a://bucket/own.jar"},
        {"jars": "/nowhere/own.jar"},
        {"driver_extraJavaOptions": "-XX:SharedArchiveFile=/mine.jsa"},
        {"driver_extraJavaOptions": "-Xshare:off"},
        {"driver_defaultJavaOptions": "-javaagent:/opt/agent.jar"},
        {"driver_extraJavaOptions": "-agentlib:jdwp=transport=dt_socket"},
        {"driver_extraJavaOptions": "--patch-module=java.base=/x"},
    ],
)
def test_sessions_that_java_takes_no_archive_for_want_none(java: FakeJava, more: dict[str, str]) -> None:
    assert request_of(java, **more) is None


def test_a_folder_that_holds_something_is_nothing_for_an_archive(java: FakeJava, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    assert request_of(java, {"SPARK_CONF_DIR": str(folder)}) is not None
    folder.mkdir()
    assert request_of(java, {"SPARK_CONF_DIR": str(folder)}) is not None
    (folder / "log4j2.properties").touch()
    for name in ("SPARK_CONF_DIR", "HADOOP_CONF_DIR", "SPARK_DIST_CLASSPATH"):
        assert request_of(java, {name: str(folder)}) is None
    assert request_of(java, driver_extraClassPath=str(folder)) is None


def test_an_agent_in_a_variable_is_seen(java: FakeJava) -> None:
    assert request_of(java, {"JAVA_TOOL_OPTIONS": "-javaagent:/opt/agent.jar"}) is None
