"""Sessions are given files of the store, where there are any, and start as before where the store fails."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tauro.errors import SessionError
from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.settings import fetch, store_of, wanted_jars, with_fetched_jars, with_stored_jars
from tauro.launch.jars.store import JarStore
from tauro.launch.settings import FROM_ENVIRONMENT, Setting
from tests.support.fake_ivy import FakeIvy, fake_ivy, fake_spark

OWN = "com.example:own:1.0"


@pytest.fixture
def ivy(tmp_path: Path) -> FakeIvy:
    ivy = fake_ivy(tmp_path / "java")
    ivy.publish("own")
    ivy.publish("python", {"com/example/P.class": "", "no_such_module/__init__.py": ""})
    ivy.publish("installed", {"com/example/P.class": "", "json/__init__.py": ""})
    ivy.publish("slf4j", {"org/slf4j.class": "1"})
    return ivy


@pytest.fixture
def spark(tmp_path: Path) -> InstalledSpark:
    return fake_spark(tmp_path / "spark", {"slf4j-2.0.jar": {"org/slf4j.class": "2"}})


@pytest.fixture
def environment(tmp_path: Path, ivy: FakeIvy) -> dict[str, str]:
    return {"TAURO_CACHE": str(tmp_path / "cache"), "JAVA_HOME": str(ivy.folder)}


def given(packages: str = OWN, origin: str = "pipeline", **more: str) -> dict[str, Setting]:
    values = {"spark.jars.packages": packages} | {
        f"spark.{name.replace('_', '.')}": value for name, value in more.items()
    }
    return {name: Setting(name, value, origin) for name, value in values.items()}


def names(settings: dict[str, Setting], name: str = "spark.jars") -> list[str]:
    return [Path(jar).name for jar in settings[name].value.split(",")]


def test_the_first_start_fetches_and_the_next_ones_do_not(
    ivy: FakeIvy, spark: InstalledSpark, environment: dict[str, str]
) -> None:
    assert with_stored_jars(given(), spark, environment) == given(), "only looking fetches nothing"
    assert ivy.calls() == []
    first, warning = with_fetched_jars(given(), spark, environment)
    assert warning is None
    assert names(first) == ["com.example_own-1.0.jar"]
    assert Path(first["spark.jars"].value).is_file()
    assert first["spark.jars"].origin == f"tauro default: from the jar store, for {OWN}"
    assert first["spark.jars.packages"].value == ""
    assert first["spark.tauro.jars.packages"].value == OWN
    assert first["spark.tauro.jars.packages"].origin == "pipeline"
    assert with_stored_jars(given(), spark, environment) == first
    assert with_fetched_jars(given(), spark, environment) == (first, None)
    assert with_fetched_jars(first, spark, environment) == (first, None)
    assert len(ivy.calls()) == 1


def test_what_spark_brings_is_left_out_unless_the_users_classes_go_first(
    spark: InstalledSpark, environment: dict[str, str]
) -> None:
    both = f"{OWN},org.slf4j:slf4j:1.0"
    assert names(with_fetched_jars(given(both), spark, environment)[0]) == ["com.example_own-1.0.jar"]
    first = given(both, driver_userClassPathFirst="true")
    assert len(names(with_fetched_jars(first, spark, environment)[0])) == 2
    nothing, _ = with_fetched_jars(given("org.slf4j:slf4j:1.0"), spark, environment)
    assert "spark.jars" not in nothing
    assert nothing["spark.jars.packages"].value == ""


def test_the_users_jars_stay_and_come_first(spark: InstalledSpark, environment: dict[str, str]) -> None:
    found, _ = with_fetched_jars(given(jars="/opt/a.jar,/opt/b.jar"), spark, environment)
    assert names(found) == ["a.jar", "b.jar", "com.example_own-1.0.jar"]
    assert found["spark.jars"].origin == f"pipeline, completed by tauro default: from the jar store, for {OWN}"


def test_python_modules_inside_a_jar_can_be_imported_as_spark_lets_them(
    spark: InstalledSpark, environment: dict[str, str]
) -> None:
    packages = "com.example:installed:1.0,com.example:python:1.0"
    local, _ = with_fetched_jars(given(packages, master="local[2]"), spark, environment)
    assert names(local, "spark.submit.pyFiles") == ["com.example_python-1.0.jar"]
    cluster, _ = with_fetched_jars(given(packages, master="yarn"), spark, environment)
    assert len(names(cluster, "spark.submit.pyFiles")) == 2
    assert "spark.submit.pyFiles" not in with_fetched_jars(given(), spark, environment)[0]


@pytest.mark.parametrize(
    "more",
    [
        {"TAURO_JARS": "off"},
        {"PYSPARK_SUBMIT_ARGS": "--packages a:b:1 pyspark-shell"},
        {"PYSPARK_SUBMIT_ARGS": "--conf spark.jars=/opt/a.jar pyspark-shell"},
        {"PYSPARK_GATEWAY_PORT": "1234"},
    ],
)
def test_spark_is_left_to_it_where_it_is_told_so_and_where_its_own_arguments_overrule(
    ivy: FakeIvy, spark: InstalledSpark, environment: dict[str, str], more: dict[str, str]
) -> None:
    with_fetched_jars(given(), spark, environment)
    assert with_stored_jars(given(), spark, environment | more) == given()
    assert with_fetched_jars(given(), spark, environment | more) == (given(), None)
    assert len(ivy.calls()) == 1


def test_packages_from_the_environment_are_not_resolved_again_by_spark(
    spark: InstalledSpark, environment: dict[str, str]
) -> None:
    found, _ = with_fetched_jars(given(origin=FROM_ENVIRONMENT), spark, environment)
    assert found["spark.jars.packages"].value == ""


def test_a_damaged_file_is_fetched_again(ivy: FakeIvy, spark: InstalledSpark, environment: dict[str, str]) -> None:
    first, _ = with_fetched_jars(given(), spark, environment)
    jar = Path(first["spark.jars"].value)
    whole = jar.read_bytes()
    jar.write_bytes(b"half")
    assert with_stored_jars(given(), spark, environment) == given()
    assert with_fetched_jars(given(), spark, environment) == (first, None)
    assert jar.read_bytes() == whole
    assert len(ivy.calls()) == 2


def test_without_network_what_is_stored_is_used_and_else_the_error_tells_what_to_do(
    ivy: FakeIvy, spark: InstalledSpark, environment: dict[str, str]
) -> None:
    first, _ = with_fetched_jars(given(), spark, environment)
    for jar in (ivy.folder / "repository").iterdir():
        jar.unlink()
    assert with_fetched_jars(given(), spark, environment) == (first, None)
    with pytest.raises(SessionError, match=r"jars of com\.example:python:1\.0") as caught:
        with_fetched_jars(given("com.example:python:1.0"), spark, environment)
    assert "`tauro jars fetch`" in str(caught.value)


def test_a_cache_that_can_not_be_written_leaves_the_start_as_it_was(
    spark: InstalledSpark, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file, so that no folder can be made")
    settings, warning = with_fetched_jars(given(), spark, environment)
    assert settings == given()
    assert warning is not None
    assert "jar store can't be used" in warning


def test_a_disk_that_is_full_leaves_the_start_as_it_was_and_no_rubbish(
    ivy: FakeIvy, spark: InstalledSpark, environment: dict[str, str], tmp_path: Path
) -> None:
    ivy.publish("own", {"com/example/Big.class": "x" * 300_000})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))  # writing on is refused, as on a full disk
    try:
        settings, warning = with_fetched_jars(given(), spark, environment)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert settings == given()
    assert warning is not None
    assert not list((tmp_path / "cache").rglob("*.jar"))
    assert with_fetched_jars(given(), spark, environment)[1] is None


def test_a_folder_that_spark_can_not_be_told_of_is_not_used(
    spark: InstalledSpark, environment: dict[str, str], tmp_path: Path
) -> None:
    settings, warning = with_fetched_jars(given(), spark, environment | {"TAURO_CACHE": str(tmp_path / "a,b")})
    assert settings == given()
    assert warning is not None
    assert not (tmp_path / "a,b").exists()


def test_two_that_fetch_at_once_get_the_same_and_ivy_runs_once(tmp_path: Path, spark: InstalledSpark) -> None:
    ivy = fake_ivy(tmp_path / "slow", delay_s=0.3)
    ivy.publish("own")
    request = wanted_jars(given(), spark, {})
    assert request is not None
    stores = [JarStore(tmp_path / "cache") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda store: fetch(request, spark, store, ivy.java), stores))
    assert len(set(found)) == 1
    assert len(ivy.calls()) == 1


def test_two_that_can_not_lock_each_other_out_still_get_the_same(
    tmp_path: Path, spark: InstalledSpark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", lambda *_: (_ for _ in ()).throw(OSError("no locks on this file system")))
    ivy = fake_ivy(tmp_path / "slow", delay_s=0.3)
    ivy.publish("own")
    request = wanted_jars(given(), spark, {})
    assert request is not None
    store = JarStore(tmp_path / "cache")
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: fetch(request, spark, store, ivy.java), range(3)))
    assert len(set(found)) == 1
    assert len(ivy.calls()) == 3
    assert store.find(request, is_thorough=True) == found[0]
    assert sorted(os.listdir(store.folder)) == ["files", "lists", "lock"]


def test_one_that_is_killed_while_it_fetches_is_in_nobodys_way(tmp_path: Path, spark: InstalledSpark) -> None:
    slow = fake_ivy(tmp_path / "slow", delay_s=60)
    environment = {"TAURO_CACHE": str(tmp_path / "cache"), "JAVA_HOME": str(slow.folder)}
    program = f"""
from pathlib import Path
from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.settings import with_fetched_jars
from tauro.launch.settings import Setting

spark = InstalledSpark(Path({str(spark.home)!r}), "4.2.0", "2.13", {spark.jars!r})
with_fetched_jars({{"spark.jars.packages": Setting("spark.jars.packages", {OWN!r}, "")}}, spark, {environment!r})
"""
    killed = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        while not slow.calls():
            assert killed.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(killed.pid, signal.SIGKILL)  # itself alone: what stands for Ivy lives on, as Ivy would
        killed.wait()
    quick = fake_ivy(tmp_path / "quick")
    quick.publish("own")
    try:
        found, warning = with_fetched_jars(given(), spark, environment | {"JAVA_HOME": str(quick.folder)})
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
    assert warning is None
    assert names(found) == ["com.example_own-1.0.jar"]


def test_without_a_store_there_is_none_to_look_into() -> None:
    assert store_of({"TAURO_JARS": "OFF", "TAURO_CACHE": "/cache"}) is None
