"""Making an archive never stands in a run's way, whatever becomes of it."""

from __future__ import annotations

import json
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
from tauro.launch.archive.making import make, make_in_background
from tauro.launch.archive.request import ArchiveRequest
from tauro.launch.archive.settings import discard_archive, with_archive
from tauro.launch.archive.store import ArchiveStore, StoredArchive
from tauro.launch.java_options import DEFAULT_OPTIONS
from tests.support.fake_java import FakeJava, fake_java
from tests.support.jvms import own_archive


@pytest.fixture
def java(tmp_path: Path) -> FakeJava:
    return fake_java(tmp_path)


def made(
    java: FakeJava, request: ArchiveRequest | None = None, delay_s: float = 0.0, *, waits: bool = True
) -> StoredArchive | None:
    store = ArchiveStore(java.archives)
    return make(request or java.request(), store, java.environment, waits=waits, training=java.training(delay_s))


def leftovers(java: FakeJava) -> list[str]:
    return [path.name for path in java.archives.glob("making-*")]


def test_an_archive_is_made_of_what_the_training_loads_and_tried_before_it_is_kept(java: FakeJava) -> None:
    found = made(java, java.request(driver_extraJavaOptions="-XX:-UseCompressedOops"))
    assert found is not None
    assert found.path.read_text() == "java/lang/Object\n" * 100
    dump, trial = java.calls()
    assert "-Xshare:dump" in dump
    assert "-Xshare:on" in trial
    for call in (dump, trial):
        assert "-XX:-UseCompressedOops -cp a.jar:b.jar" in call
    assert leftovers(java) == []


def test_what_is_there_is_not_made_again(java: FakeJava) -> None:
    assert made(java) == made(java)
    assert java.trained() == 1


def test_a_session_uses_the_archive_that_fits_and_says_so(java: FakeJava) -> None:
    settings = java.settings(driver_defaultJavaOptions="-Dmine=1")
    assert with_archive(settings, java.spark, java.environment) == settings
    found = made(java)
    assert found is not None
    used = with_archive(settings, java.spark, java.environment)[DEFAULT_OPTIONS]
    assert used.value == (
        f"-XX:SharedArchiveFile={found.path} -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off -Dmine=1"
    )
    assert used.origin == "tauro default: the class data archive for Spark 4.2.0 on Java 17.0.1; pipeline"
    assert with_archive(settings, java.spark, java.environment | {"TAURO_ARCHIVE": "off"}) == settings
    again = with_archive({**settings, DEFAULT_OPTIONS: used}, java.spark, java.environment)
    assert again[DEFAULT_OPTIONS] == used, "once is enough"
    (java.home / "release").write_text('JAVA_VERSION="17.0.2"\n')
    assert with_archive(settings, java.spark, java.environment) == settings


def test_an_archive_that_java_crashed_with_is_not_used_again(java: FakeJava) -> None:
    assert not discard_archive(java.settings(), java.environment)
    made(java)
    used = with_archive(java.settings(), java.spark, java.environment)
    assert discard_archive(used, java.environment)
    assert with_archive(java.settings(), java.spark, java.environment) == java.settings()
    mine = java.settings(driver_defaultJavaOptions=f"-XX:SharedArchiveFile=/mine/{'a' * 32}.jsa")
    assert not discard_archive(mine, java.environment), "that is the user's"


def test_two_at_once_make_one(java: FakeJava) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: made(java, delay_s=0.5), range(2)))
    assert both[0] == both[1]
    assert both[0] is not None
    assert java.trained() == 1


def test_the_background_leaves_it_to_another_process_that_is_at_it(java: FakeJava) -> None:
    with ArchiveStore(java.archives).making(waits=True):
        assert made(java, waits=False) is None
    assert java.trained() == 0


def test_a_failing_java_is_told_and_leaves_no_archive(java: FakeJava) -> None:
    (java.home / "fails").touch()
    with pytest.raises(SessionError, match=r"java -Xshare:dump .*ended with 3"):
        made(java)
    store = ArchiveStore(java.archives)
    assert store.find(java.request()) is None
    assert not store.may_try(java.request()), "the next run does not try it again"
    assert leftovers(java) == []
    (java.home / "fails").unlink()
    assert made(java) is not None, "warmup does"


def test_what_takes_too_long_is_ended(java: FakeJava, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauro.launch.archive.making.TIMEOUT_S", 0.5)
    with pytest.raises(SessionError, match="took more than"):
        made(java, delay_s=60)
    assert leftovers(java) == []


def test_a_full_disk_breaks_nothing(java: FakeJava) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        in_process(java, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert "SessionError" in failed.value.stderr or "OSError" in failed.value.stderr
    settings = java.settings()
    assert with_archive(settings, java.spark, java.environment) == settings
    assert made(java) is not None


def test_a_killed_one_leaves_nothing_that_could_be_used(java: FakeJava) -> None:
    process = started(java, delay_s=30)
    while java.trained() == 0:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    settings = java.settings()
    assert with_archive(settings, java.spark, java.environment) == settings
    assert not ArchiveStore(java.archives).may_try(java.request())
    assert made(java) is not None


@pytest.mark.parametrize(
    "variables",
    [
        {"TAURO_ARCHIVE": "off"},
        {"CI": "true"},
        {"PYSPARK_GATEWAY_PORT": "1234"},
        {"SPARK_REMOTE": "sc://host"},
        {"PYSPARK_SUBMIT_ARGS": "--conf spark.driver.defaultJavaOptions=-Da=b pyspark-shell"},
        {"TAURO_CACHE": "/proc/nowhere"},
        {"TAURO_CACHE": "/tmp/with:colon"},
    ],
)
def test_nothing_is_begun_where_it_would_be_of_no_use(java: FakeJava, variables: dict[str, str]) -> None:
    environment = java.environment | variables
    assert make_in_background(java.settings(), java.spark, environment) is None


def test_nothing_is_begun_for_a_session_that_has_one_or_when_it_failed_of_late(java: FakeJava) -> None:
    made(java)
    assert make_in_background(java.settings(), java.spark, java.environment) is None
    used = with_archive(java.settings(), java.spark, java.environment)
    assert make_in_background(used, java.spark, java.environment) is None
    ArchiveStore(java.archives).discard(java.request().key)
    assert make_in_background(java.settings(), java.spark, java.environment) is None


def test_the_background_is_a_session_of_its_own_that_says_nothing_and_notes_its_try(
    java: FakeJava, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = {"CI": "", "TAURO_ARCHIVE": ""}  # whatever the machine of the tests says
    process = make_in_background(
        java.settings(), java.spark, {**os.environ, **own_archive(), **java.environment, **wanted}
    )
    assert process is not None
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    tried = java.archives / f"{java.request().key}.tried"
    assert until(tried.exists)
    assert until(lambda: os.getpriority(os.PRIO_PROCESS, process.pid) == 19)
    assert process.wait(120) == 0, "the Java that it finds is none, which is nobody's business"
    assert capfd.readouterr() == ("", "")
    assert make_in_background(java.settings(), java.spark, java.environment) is None
    assert leftovers(java) == []


def until(is_so, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(is_so())


_PROGRAM = """
import json, os, sys
from pathlib import Path
from tauro.launch.archive.making import make
from tauro.launch.archive.store import ArchiveStore
from tests.support.fake_java import FakeJava
from tauro.launch.installed import InstalledSpark

home, spark, jars, delay_s = json.loads(sys.argv[1])
java = FakeJava(Path(home), InstalledSpark(Path(spark), "4.2.0", "2.13", tuple(jars)))
make(java.request(), ArchiveStore(java.archives), java.environment, training=java.training(delay_s))
"""


def started(java: FakeJava, delay_s: float = 0.0, **more) -> subprocess.Popen[str]:
    about = json.dumps([str(java.home), str(java.spark.home), java.spark.jars, delay_s])
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, about],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4]), "PYTHONDONTWRITEBYTECODE": "1"},
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def in_process(java: FakeJava, **more) -> None:
    process = started(java, **more)
    _, errors = process.communicate(timeout=60)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "make", stderr=errors)
