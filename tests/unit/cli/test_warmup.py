"""`tauro warmup` makes what is missing and tells what there is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tauro.config import Context
from tauro.launch.archive.making import make
from tauro.launch.archive.settings import archive_store, wanted_archive
from tauro.launch.installed import installed_spark
from tauro.spark.needs import unresolved_settings
from tests.support.fake_java import FakeJava, fake_java
from tests.support.jvms import own_archive
from tests.unit.cli.conftest import Called

Tauro = Callable[..., Called]


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeJava:
    """A Java that runs nothing, and an empty cache."""
    java = fake_java(tmp_path / "made")
    for name, value in (java.environment | own_archive()).items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    for name in ("TAURO_ARCHIVE", "TAURO_JARS", "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT", "SPARK_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    return java


def test_what_is_there_is_told_and_not_made_again(tauro: Tauro, project: Path, java: FakeJava) -> None:
    settings = unresolved_settings(Context.from_project(project))
    store, request = archive_store(os.environ), wanted_archive(settings, installed_spark(), os.environ)
    assert store is not None
    assert request is not None
    made = make(request, store, os.environ, training=java.training())
    assert made is not None
    told = tauro("warmup", "--json").document
    assert told["folder"] == str(java.archives)
    assert [archive["file"] for archive in told["archives"]] == [str(made.path)]
    said = tauro("warmup", "--pipeline", "daily")
    assert (said.code, said.err) == (0, "")
    assert str(made.path) in said.out
    assert java.trained() == 1


def test_a_failure_is_told_with_what_java_said(tauro: Tauro, project: Path, java: FakeJava) -> None:
    called = tauro("warmup", "--pipeline", "daily")
    assert called.code == 3
    assert "tauro.exec.archive_training ended with" in called.err
    assert "Spark did not start" in called.err


def test_where_nothing_can_be_made_that_is_said(
    tauro: Tauro, project: Path, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xshare:off")
    called = tauro("warmup")
    assert called.code == 0
    assert "no session of the project can start with an archive" in called.out
    assert tauro("warmup", "--json").document["archives"] == []
    monkeypatch.setenv("TAURO_ARCHIVE", "off")
    called = tauro("warmup")
    assert called.code == 2
    assert "unset TAURO_ARCHIVE" in called.err
    assert tauro("warmup", "--pipeline", "dally").code == 2


def test_a_folder_that_can_not_be_made_is_told(
    tauro: Tauro, project: Path, java: FakeJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAURO_CACHE", "/proc/nowhere")
    called = tauro("warmup")
    assert called.code == 3
    assert "name another folder in TAURO_CACHE" in called.err
