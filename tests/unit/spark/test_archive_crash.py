"""A Java that crashes with its archive of classes is started again without; the archive is not used again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from loguru import logger

from tauro.config import Context
from tauro.errors import SessionError
from tauro.launch.archive.making import make
from tauro.launch.archive.settings import archive_store, wanted_archive
from tauro.launch.installed import installed_spark
from tauro.spark.needs import session_settings, unresolved_settings
from tauro.spark.session import open_session
from tests.support.fake_java import FakeJava, fake_java
from tests.support.jvms import own_archive

OPTIONS = "spark.driver.defaultJavaOptions"


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeJava:
    """A Java that runs nothing, and an empty cache."""
    java = fake_java(tmp_path / "made")
    monkeypatch.setenv("JAVA_HOME", str(java.home))
    monkeypatch.setenv("TAURO_CACHE", java.environment["TAURO_CACHE"])
    monkeypatch.setenv("TAURO_ARCHIVE", "on")
    for name, value in own_archive().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tauro.spark.classic.active_session", lambda: None)  # that of other tests
    for name in ("PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT", "SPARK_CONF_DIR", "TAURO_VERBOSE"):
        monkeypatch.delenv(name, raising=False)
    return java


@pytest.fixture
def project(java: FakeJava, tmp_path: Path) -> Context:
    """A project that has an archive."""
    project = Context({"output_path": "out"}, {}, {}, {}, {}, root=tmp_path, environ={})
    store = archive_store(os.environ)
    request = wanted_archive(unresolved_settings(project), installed_spark(), os.environ)
    assert store is not None
    assert request is not None
    make(request, store, os.environ, training=java.training())
    return project


def submitted(monkeypatch: pytest.MonkeyPatch, script: str) -> list[str]:
    """Has every JVM be a shell that runs `script`; the options of each."""
    given: list[str] = []

    def command(settings: dict[str, str], _: object) -> list[str]:
        given.append(settings[OPTIONS])
        return ["sh", "-c", script, "sh", settings[OPTIONS]]

    monkeypatch.setattr("tauro.spark.gateway.spark_submit", command)
    return given


def test_settings_name_the_archive_and_why(project: Context) -> None:
    found = session_settings(project)[OPTIONS]
    assert found.value.startswith("-XX:SharedArchiveFile=")
    assert found.origin.startswith("tauro default: the class data archive for Spark ")
    assert "-XX:MetaspaceSize=256m" in found.value


def test_a_crash_costs_a_second_start(project: Context, java: FakeJava, monkeypatch: pytest.MonkeyPatch) -> None:
    given = submitted(monkeypatch, 'case "$1" in *SharedArchiveFile*) kill -SEGV $$ ;; esac; echo plain >&2; exit 7')
    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    try:
        with pytest.raises(SessionError, match=r"exit code 7[^$]*plain"):
            open_session(project)
    finally:
        logger.remove(sink)
    assert ["SharedArchiveFile" in options for options in given] == [True, False]
    assert said == ["Java has crashed; starting it again without its archive of classes, which is removed\n"]
    assert list(java.archives.glob("*.jsa")) == []
    assert "SharedArchiveFile" not in session_settings(project)[OPTIONS].value


def test_any_other_failure_leaves_the_archive(
    project: Context, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = submitted(monkeypatch, "exit 7")
    with pytest.raises(SessionError, match="exit code 7"):
        open_session(project)
    assert len(given) == 1
    assert len(list(java.archives.glob("*.jsa"))) == 1
