"""The jars that a project's formats need come by themselves, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tauro.errors import SessionError
from tauro.launch.installed import installed_spark
from tauro.launch.jars.request import request_of
from tauro.launch.jars.settings import fetch
from tauro.launch.jars.store import JarList, JarStore
from tauro.launch.java import find_java
from tauro.launch.settings import Setting
from tests.support.fake_ivy import write_jar

pytestmark = pytest.mark.spark

NO_NETWORK = "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=1 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=1"


def test_delta_and_a_driver_come_by_themselves_and_the_next_start_needs_no_network(tmp_path: Path) -> None:
    first = in_process(
        tmp_path,
        {"spark.jars.ivy": str(Path(sys.prefix) / "jars" / "ivy")},
        f"""
spark.range(4).write.format("delta").save({str(tmp_path / "lake")!r})
print(spark.read.format("delta").load({str(tmp_path / "lake")!r}).count())
print(spark.sql("select id from delta.`{tmp_path / "lake"}` where id < :least", {{"least": 2}}).count())
access = {{"url": url, "dbtable": "r", "driver": jdbc_driver(url).class_name}}
spark.range(3).write.format("jdbc").options(**access).save()
print(spark.read.format("jdbc").options(**access).load().count())
""",
    )
    assert first == ["4", "2", "3"]
    second = in_process(
        tmp_path,
        {"spark.jars.ivy": str(tmp_path / "empty"), "spark.driver.extraJavaOptions": NO_NETWORK},
        f'print(spark.read.format("delta").load({str(tmp_path / "lake")!r}).count())',
    )
    assert second == ["4"]
    assert not (tmp_path / "empty").exists(), "neither Tauro nor Spark has run Ivy"


def in_process(folder: Path, settings: dict[str, str], work: str) -> list[str]:
    """What a program prints that opens a session of a project with Delta and a database in a process of its own."""
    program = f"""
from tauro.config import Context
from tauro.launch.jars.coordinates import jdbc_driver
from tauro.spark.session import open_session, stop_session

url = "jdbc:h2:mem:rows;DB_CLOSE_DELAY=-1"
settings = {{"output_path": "out", "spark_config": {settings | {"spark.master": "local[2]"}!r}}}
outputs = {{
    "lake": {{"format": "delta", "path": "lake"}},
    "rows": {{"format": "jdbc", "options": {{"url": url, "dbtable": "r"}}}},
}}
spark = open_session(Context(settings, {{}}, {{}}, {{}}, outputs, root={str(folder)!r}))
{work}
stop_session(spark)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TAURO_CACHE": str(folder / "cache of mine")},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def test_a_mirror_is_followed_and_a_broken_file_in_the_cache_of_ivy_is_downloaded_again(tmp_path: Path) -> None:
    publish(tmp_path / "mirror", "own", needs=["its"])
    publish(tmp_path / "mirror", "its", needs=["slf4j-api"])
    publish(tmp_path / "mirror", "slf4j-api")
    environment = {"DEFAULT_ARTIFACT_REPOSITORY": (tmp_path / "mirror").as_uri()}
    found = fetched(tmp_path / "first", environment, jars_excludes="com.example:slf4j-api")
    assert sorted(jar.coordinate for jar in found.jars) == ["com.example:its:1.0", "com.example:own:1.0"]
    (cached,) = (tmp_path / "first" / "ivy").rglob("own-1.0.jar")
    cached.write_bytes(cached.read_bytes()[:-30])
    again = fetched(tmp_path / "first", environment, jars_excludes="com.example:slf4j-api", store="second")
    assert set(again.jars) == set(found.jars)


def test_ivy_settings_of_the_user_are_followed_and_completed_by_repositories(tmp_path: Path) -> None:
    publish(tmp_path / "one", "own", needs=["its"])
    publish(tmp_path / "two", "its")
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(
        f"""<ivysettings><settings defaultResolver="mine"/><resolvers>
        <ibiblio name="mine" m2compatible="true" root="{(tmp_path / "one").as_uri()}"/>
        </resolvers></ivysettings>"""
    )
    with pytest.raises(SessionError, match=r"com\.example#its;1\.0: not found"):
        fetched(tmp_path, {}, jars_ivySettings=str(settings))
    found = fetched(tmp_path, {}, jars_ivySettings=str(settings), jars_repositories=(tmp_path / "two").as_uri())
    assert [jar.name for jar in found.jars] == ["com.example_own-1.0.jar", "com.example_its-1.0.jar"]


def test_a_repository_that_does_not_answer_is_told(tmp_path: Path) -> None:
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(
        """<ivysettings><settings defaultResolver="mine"/><resolvers>
        <ibiblio name="mine" m2compatible="true" root="http://127.0.0.1:1/maven"/>
        </resolvers></ivysettings>"""
    )
    with pytest.raises(SessionError, match=r"jars of com\.example:own:1\.0\n(.*\n)*.*[Cc]onnection refused"):
        fetched(tmp_path, {}, jars_ivySettings=str(settings))


def fetched(folder: Path, environment: dict[str, str], *, store: str = "store", **more: str) -> JarList:
    """What the real Ivy makes of com.example:own, with caches in `folder` and nothing of the user's."""
    values = {
        "spark.jars.packages": "com.example:own:1.0",
        "spark.jars.ivy": str(folder / "ivy"),
        "spark.driver.extraJavaOptions": f"{NO_NETWORK} -Duser.home={folder}",
    } | {f"spark.{name.replace('_', '.')}": value for name, value in more.items()}
    settings = {name: Setting(name, value, "pipeline") for name, value in values.items()}
    spark = installed_spark()
    request = request_of(settings, spark, environment)
    assert request is not None
    return fetch(request, spark, JarStore(folder / store), find_java())


def publish(repository: Path, artifact: str, needs: list[str] | None = None) -> None:
    """Puts com.example:`artifact`:1.0 into a Maven repository."""
    folder = repository / "com" / "example" / artifact / "1.0"
    write_jar(folder / f"{artifact}-1.0.jar", {f"com/example/{artifact}.class": artifact})
    dependencies = "".join(
        f"<dependency><groupId>com.example</groupId><artifactId>{name}</artifactId><version>1.0</version></dependency>"
        for name in needs or []
    )
    (folder / f"{artifact}-1.0.pom").write_text(
        f"""<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>
        <artifactId>{artifact}</artifactId><version>1.0</version><dependencies>{dependencies}</dependencies></project>"""
    )
