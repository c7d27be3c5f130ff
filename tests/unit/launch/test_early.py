"""The JVM of the next session is started as the last one was, and let go where that is wrong."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tauro.launch import early
from tauro.launch.archive import settings as archive_settings
from tauro.launch.early import EarlyJvm
from tauro.launch.java_options import DEFAULT_OPTIONS
from tauro.launch.last_starts import FILE, KEPT_AT_MOST
from tauro.launch.processes import Process, is_running
from tauro.launch.settings import Setting
from tests.support.standin import Standin

SOON_S = 5.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
def spark(tmp_path: Path) -> Standin:
    return Standin(tmp_path / "spark")


@pytest.fixture(autouse=True)
def _ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", early.SWITCH):
        monkeypatch.delenv(name, raising=False)
    yield
    early.close()


def environment() -> dict[str, str]:
    """What a session's JVM gets."""
    return {"PYSPARK_PYTHON": sys.executable, **os.environ, "JAVA_HOME": "/java"}


def run(root: Path, command: list[str], *, env: str | None = None, pipeline: str | None = None) -> EarlyJvm | None:
    """What a session gets that is opened with this command, and goes well."""
    early.begin(root, env, pipeline)
    taken = early.take(command, environment())
    early.remember(command, environment(), str)
    early.close()
    return taken


def kept(root: Path) -> list[dict[str, object]]:
    starts: list[dict[str, object]] = json.loads((root / ".tauro" / FILE).read_text())["starts"]
    return starts


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    return is_running(Process(pid)) in (False, None) and not Path(f"/proc/{pid}/stat").exists()


def test_the_second_start_is_early_and_the_same(root: Path, spark: Standin) -> None:
    command = spark.command("--conf", "spark.a=1")
    assert run(root, command) is None
    early.begin(root, None, None)
    taken = early.take(command, environment())
    assert taken is not None
    address = taken.starting.address()
    assert address is not None
    assert (address.port, address.secret) == (258, "key")
    early.close()
    assert taken.starting.process.poll() is None, "who has taken it ends it"
    assert early.take(command, environment()) is None
    taken.let_go()
    assert taken.starting.process.wait(SOON_S) != 0


def test_what_is_kept_is_the_owners_alone(root: Path, spark: Standin) -> None:
    run(root, spark.command())
    assert stat.S_IMODE((root / ".tauro" / FILE).stat().st_mode) == 0o600
    assert (root / ".tauro" / ".gitignore").read_text() == "*\n"
    (root / ".tauro" / FILE).chmod(0o644)
    assert run(root, spark.command()) is None
    assert spark.pids() == []


@pytest.mark.parametrize("what", ["command", "variable", "folder", "jar"])
def test_a_wrong_guess_is_let_go_and_not_waited_for(
    root: Path, spark: Standin, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    jar = root / "a.jar"
    jar.write_text("1")
    command = spark.command("--conf", f"spark.jars={jar}")
    run(root, command)
    early.begin(root, None, None)
    until(lambda: len(spark.pids()) == 1)
    if what == "command":
        command = spark.command()
    elif what == "variable":
        monkeypatch.setenv("SET_BY_THE_PROJECT", "1")
    elif what == "folder":
        monkeypatch.chdir(root)
    else:
        jar.write_text("another")
    assert early.take(command, environment()) is None
    until(lambda: is_gone(spark.pids()[0]))


def test_one_that_died_is_not_taken(root: Path, tmp_path: Path) -> None:
    dies = Standin(tmp_path / "other", before="exit 1")
    run(root, dies.command())
    early.begin(root, None, None)
    until(lambda: len(dies.pids()) == 1)
    until(lambda: early._guess is not None and early._guess.jvm is not None and _has_ended(early._guess.jvm))
    assert early.take(dies.command(), environment()) is None


def _has_ended(jvm: EarlyJvm) -> bool:
    return jvm.starting.process.poll() is not None


def test_nobody_wants_it_so_that_it_ends(root: Path, spark: Standin) -> None:
    run(root, spark.command())
    early.begin(root, None, None)
    until(lambda: len(spark.pids()) == 1)
    early.close()
    until(lambda: is_gone(spark.pids()[0]))


def test_nothing_is_started_before_anything_is_known(root: Path, spark: Standin) -> None:
    early.begin(root, None, None)
    assert early.take(spark.command(), environment()) is None
    assert not (root / ".tauro").exists()


@pytest.mark.parametrize("name", [early.SWITCH, "PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", "PATH"])
def test_nothing_is_started_where_it_is_switched_off_or_could_not_be_right(
    root: Path, spark: Standin, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run(root, spark.command())
    monkeypatch.setenv(name, "off")
    early.begin(root, None, None)
    assert early._guess is None


def test_a_jar_that_is_missing_is_to_be_fetched_first(root: Path, spark: Standin) -> None:
    command = spark.command("--conf", f"spark.jars={root / 'a.jar'}")
    run(root, command)
    assert run(root, command) is None
    assert spark.pids() == []


def test_pipelines_and_environments_have_their_own(root: Path, spark: Standin) -> None:
    small, large = spark.command("--conf", "spark.a=1"), spark.command("--conf", "spark.a=2")
    run(root, small, pipeline="small")
    run(root, large, pipeline="large")
    run(root, large, env="prod", pipeline="small")
    assert _taken(root, small, pipeline="small")
    assert _taken(root, large, pipeline="large")
    assert _taken(root, large, pipeline=None), "the latest stands for one that is not known"
    assert _taken(root, large, env="prod", pipeline="other")
    assert not _taken(root, large, env="dev", pipeline="small")


def _taken(root: Path, command: list[str], *, env: str | None = None, pipeline: str | None) -> bool:
    early.begin(root, env, pipeline)
    taken = early.take(command, environment())
    if taken is not None:
        taken.let_go()
    early.close()
    return taken is not None


def test_after_two_wrong_guesses_it_waits_for_one_that_is_right(root: Path, spark: Standin) -> None:
    for at in range(6):
        assert run(root, spark.command("--conf", f"spark.a={at}")) is None
    assert len(spark.pids()) <= early.MISSES
    last = spark.command("--conf", "spark.a=5")
    assert run(root, last) is None
    assert _taken(root, last, pipeline=None)


def test_variables_that_the_project_sets_each_time_are_not_fought(
    root: Path, spark: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(6):
        early.begin(root, None, None)
        monkeypatch.setenv("SET_BY_THE_PROJECT", str(at))
        assert early.take(spark.command(), environment()) is None
        early.remember(spark.command(), environment(), str)
        early.close()
    assert len(spark.pids()) <= early.MISSES


@pytest.mark.parametrize("word", ["spark.hadoop.fs.s3a.secret.key=abc", "spark.a=hunter2"])
def test_nothing_secret_is_kept_and_what_was_is_dropped(root: Path, spark: Standin, word: str) -> None:
    run(root, spark.command())
    early.begin(root, None, None)
    early.remember(spark.command("--conf", word), environment(), lambda text: text.replace("hunter2", "***"))
    assert kept(root) == []
    assert "abc" not in (root / ".tauro" / FILE).read_text()


def test_a_session_that_came_from_elsewhere_needs_none_the_next_time(root: Path, spark: Standin) -> None:
    run(root, spark.command())
    early.begin(root, None, None)
    until(lambda: len(spark.pids()) == 1)
    early.forget()
    until(lambda: is_gone(spark.pids()[0]))
    assert kept(root) == []


def test_outside_of_a_command_nothing_is_kept(root: Path, spark: Standin) -> None:
    early.remember(spark.command(), environment(), str)
    assert not (root / ".tauro").exists()


@pytest.mark.parametrize("text", ["{}", '{"version": 1, "starts": [{}]}', '{"version": 1, "starts": 3}'])
def test_what_is_damaged_is_made_anew(root: Path, spark: Standin, text: str) -> None:
    run(root, spark.command())
    (root / ".tauro" / FILE).write_text(text)
    assert run(root, spark.command()) is None
    assert _taken(root, spark.command(), pipeline=None)


def test_an_archive_of_classes_that_was_made_since_is_part_of_the_guess(
    root: Path, spark: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_archive(settings: Mapping[str, Setting], *_: object) -> dict[str, Setting]:
        options = f"-XX:SharedArchiveFile={archive} {settings[DEFAULT_OPTIONS].value}"
        return {**settings, DEFAULT_OPTIONS: Setting(DEFAULT_OPTIONS, options, "")}

    archive = tmp_path / "cache" / "archives" / "a.jsa"
    archive.parent.mkdir(parents=True)
    archive.touch()
    monkeypatch.setattr(archive_settings, "with_archive", with_archive)
    run(root, spark.command("--conf", f"{DEFAULT_OPTIONS}=-Da=b"))
    monkeypatch.setenv("TAURO_CACHE", str(tmp_path / "cache"))
    command = spark.command("--conf", f"{DEFAULT_OPTIONS}=-XX:SharedArchiveFile={archive} -Da=b")
    early.begin(root, None, None)
    taken = early.take(command, environment())
    assert taken is not None
    taken.let_go()
    early.remember(command, environment(), str)
    archive.unlink()
    assert not _taken(root, command, pipeline=None), "one that is gone is not asked for"


def test_a_project_that_cant_be_written_is_no_error(root: Path, spark: Standin) -> None:
    (root / ".tauro").touch()
    assert run(root, spark.command()) is None
    assert run(root, spark.command()) is None


def test_what_is_kept_does_not_grow_without_end(root: Path, spark: Standin) -> None:
    for at in range(KEPT_AT_MOST + 2):
        early.begin(root, "prod" if at else None, f"p{at}")
        early.remember(spark.command(), environment(), str)
    assert [start["pipeline"] for start in kept(root)] == [f"p{at}" for at in range(KEPT_AT_MOST + 1, 1, -1)]
