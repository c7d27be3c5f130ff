"""Ivy is asked as Spark would ask it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tauro.errors import SessionError
from tauro.launch.jars.ivy import Resolved, module_xml, resolve, settings_xml
from tauro.launch.jars.request import JarRequest
from tests.support.fake_ivy import fake_ivy, fake_spark

REQUEST = JarRequest(("com.example:own:1.0",), "4.2.0", "2.13")
EVERY: Callable[[Resolved], bool] = lambda _: True  # noqa: E731 - a predicate as any other


def settings(request: JarRequest, **more: bool) -> ElementTree.Element:
    return ElementTree.fromstring(settings_xml(request, Path("/work"), **more))


def roots(found: ElementTree.Element, chain: str) -> list[str | None]:
    inside = found.find(f".//chain[@name='{chain}']")
    assert inside is not None
    return [one.get("root") or one.get("ref") or one.get("name") for one in inside]


def test_the_repositories_are_those_of_spark_in_its_order() -> None:
    request = replace(REQUEST, central="https://mirror/maven&more/")
    found = settings(request)
    assert found.find("settings").get("defaultResolver") == "spark-list"
    assert roots(found, "spark-list") == [
        "file:${user.home}/.m2/repository",
        "local-ivy-cache",
        "https://mirror/maven&more/",
        "https://repos.spark-packages.org/",
    ]
    assert len(roots(settings(request, with_maven_cache=False), "spark-list")) == 3


def test_repositories_of_the_user_come_after_these() -> None:
    found = settings(replace(REQUEST, repositories=("https://one", "https://two")))
    assert found.find("settings").get("defaultResolver") == "user-list"
    assert roots(found, "user-list") == ["spark-list", "https://one", "https://two"]


def test_settings_of_the_user_stand_in_place_of_these(tmp_path: Path) -> None:
    own = tmp_path / "own.xml"
    own.write_text("<ivysettings><settings defaultResolver='mirror'/></ivysettings>")
    found = settings(replace(REQUEST, ivy_settings=own))
    assert found.find("include").get("file") == str(own)
    assert found.find("settings") is None
    assert found.find("resolvers") is None
    completed = settings(replace(REQUEST, ivy_settings=own, repositories=("https://one",)))
    assert roots(completed, "user-list") == ["mirror", "https://one"]


def test_settings_of_the_user_that_are_no_xml_are_named(tmp_path: Path) -> None:
    own = tmp_path / "own.xml"
    own.write_text("<ivysettings>")
    with pytest.raises(SessionError, match=r"own\.xml is no XML"):
        settings(replace(REQUEST, ivy_settings=own))


@pytest.mark.parametrize(
    ("change", "cache"),
    [
        ({}, "${user.home}/.ivy2.5.2/cache"),
        ({"ivy_folder": "/elsewhere"}, "/elsewhere/cache"),
        ({"java_options": ("-Da=b", "-Divy.home=/home")}, "/home/cache"),
    ],
)
def test_ivy_keeps_its_files_where_spark_keeps_them(change: dict[str, str], cache: str) -> None:
    caches = settings(replace(REQUEST, **change)).find("caches")
    assert caches.attrib == {"defaultCacheDir": cache, "resolutionCacheDir": "/work/reports"}


def test_scala_spark_itself_and_what_the_user_excludes_are_not_asked_for() -> None:
    found = ElementTree.fromstring(module_xml(replace(REQUEST, excludes=("org.slf4j:slf4j-api",))))
    assert [one.attrib for one in found.iter("dependency")] == [
        {"org": "com.example", "name": "own", "rev": "1.0", "conf": "default->default(runtime)"}
    ]
    excluded = [f"{one.get('org')}:{one.get('module')}" for one in found.iter("exclude")]
    assert "*:scala-library" in excluded
    assert "org.apache.spark:spark-core_*" in excluded
    assert "org.apache.spark:spark-avro_*" not in excluded
    assert excluded[-1] == "org.slf4j:slf4j-api"


def test_what_can_not_be_found_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    ivy = fake_ivy(tmp_path / "ivy")
    with pytest.raises(SessionError, match=r"jars of com\.example:own:1\.0") as caught:
        resolve(REQUEST, fake_spark(tmp_path), ivy.java, _work(tmp_path), EVERY)
    assert "com.example#own;1.0: not found" in str(caught.value)
    assert "`tauro jars fetch`" in str(caught.value)
    assert len(ivy.calls()) == 2, "the second time without Maven's cache, as Spark does"


def test_an_error_tells_no_password(tmp_path: Path) -> None:
    java = fake_ivy(tmp_path / "ivy").java
    java.write_text("#!/bin/sh\necho 'Server access error at url https://me:hunter2@example.com/maven'\nexit 1\n")
    with pytest.raises(SessionError, match=r"at url https://\*\*\*@example\.com") as caught:
        resolve(REQUEST, fake_spark(tmp_path), java, _work(tmp_path), EVERY)
    assert "hunter2" not in str(caught.value)


def test_proxies_reach_ivy(tmp_path: Path) -> None:
    ivy = fake_ivy(tmp_path / "ivy")
    ivy.publish("own")
    request = replace(REQUEST, java_options=("-Dhttps.proxyHost=proxy",))
    found = resolve(request, fake_spark(tmp_path), ivy.java, _work(tmp_path), EVERY)
    assert [(jar.coordinate, jar.name) for jar in found] == [("com.example:own:1.0", "com.example_own-1.0.jar")]
    assert " -Dhttps.proxyHost=proxy " in ivy.calls()[0]


def test_a_broken_file_in_the_cache_of_ivy_is_dropped_and_asked_for_again(tmp_path: Path) -> None:
    ivy = fake_ivy(tmp_path / "ivy")
    jar = ivy.publish("own")
    jar.write_bytes(jar.read_bytes()[:-40])
    with pytest.raises(SessionError, match="not found"):  # there is nowhere to download it from
        resolve(REQUEST, fake_spark(tmp_path), ivy.java, _work(tmp_path), EVERY)
    assert not jar.exists()
    assert len(ivy.calls()) == 2


def _work(folder: Path) -> Path:
    (folder / "work").mkdir()
    return folder / "work"
