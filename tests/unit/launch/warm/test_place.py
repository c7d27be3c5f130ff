"""Where a warm JVM is written down, who can enter it, what it is made for, and who listens on its port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tauro.launch.installed import InstalledSpark
from tauro.launch.java import JavaHome
from tauro.launch.private_files import write_private
from tauro.launch.warm.jvm import fitting
from tauro.launch.warm.key import WarmKey, is_static, key_for, static_settings
from tauro.launch.warm.lock import FileLock
from tauro.launch.warm.place import UntrustedFolderError, WarmPlace, is_kept, is_supported, known_places, place_of
from tauro.launch.warm.port import listens
from tauro.launch.warm.state import document_of, read_state
from tests.support.warm_standin import standin

pytestmark = pytest.mark.skipif(not is_supported(), reason="warm JVMs are kept on Linux")

JAVA = JavaHome(Path("/java"), "17.0.1", "PATH")
SPARK = InstalledSpark(Path("/spark"), "4.2.0", "2.13")


def test_each_project_has_a_place_of_its_own_in_the_folder_of_the_login(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    one, other = place_of(tmp_path / "a", environment), place_of(tmp_path / "b", environment)
    assert one is not None
    assert other is not None
    assert one.folder != other.folder
    assert one.folder.parent == tmp_path / "tauro-warm"
    assert not is_kept(tmp_path / "a", environment)


def test_a_login_folder_that_others_can_enter_is_left_for_the_cache(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    place = place_of(tmp_path / "a", {"XDG_RUNTIME_DIR": str(tmp_path), "TAURO_CACHE": str(tmp_path / "cache")})
    assert place is not None
    assert place.folder.parent != tmp_path / "tauro-warm"


def test_a_place_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    place = WarmPlace(tmp_path / "warm" / "place")
    place.make()
    assert place.folder.stat().st_mode & 0o777 == 0o700
    place.folder.chmod(0o750)
    with pytest.raises(UntrustedFolderError, match="not its user's alone"):
        place.make()
    with pytest.raises(UntrustedFolderError):
        place.check()
    place.folder.rmdir()
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o700)
    place.folder.symlink_to(target)
    with pytest.raises(UntrustedFolderError):
        place.make()


def test_places_of_running_jvms_are_found_unless_others_can_enter_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "TAURO_CACHE": str(tmp_path / "none")}
    place = place_of(tmp_path / "a", environment)
    assert place is not None
    place.make()
    place.state.write_text("{}")
    assert place in list(known_places(environment))
    place.folder.chmod(0o755)
    assert place not in list(known_places(environment))


def test_a_lock_is_exclusive_and_goes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = "from tauro.launch.warm.lock import FileLock; from pathlib import Path; import sys, time\n"
    code += f"lock = FileLock.take(Path({str(path)!r})); print('has it', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert FileLock.take(path) is None
        holder.kill()
        lock = FileLock.take(path, wait_s=5)
    assert lock is not None
    assert lock.is_in_place
    path.unlink()
    assert not lock.is_in_place
    lock.release()
    lock.release()


def test_a_forked_child_does_not_hold_the_lock_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = "from tauro.launch.warm.lock import FileLock; from pathlib import Path; import os, time\n"
    code += f"lock = FileLock.take(Path({str(path)!r}))\nif os.fork() == 0: time.sleep(3); os._exit(0)\nos._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    before = time.monotonic()
    lock = FileLock.take(path, wait_s=2)
    assert lock is not None
    assert time.monotonic() - before < 2
    lock.release()


@pytest.mark.parametrize(
    "name", ["spark.driver.memory", "spark.driver.extraJavaOptions", "spark.jars", "spark.hadoop.a", "spark.unheard.of"]
)
def test_a_setting_that_counts_once_or_is_unknown_means_another_jvm(name: str) -> None:
    assert is_static(name)
    one = key_for({name: "1"}, {}, JAVA, SPARK)
    assert key_for({name: "2"}, {}, JAVA, SPARK, one.salt).differences(one)[-1] == f"the setting {name}"


def test_a_setting_that_a_new_context_takes_does_not() -> None:
    one = key_for({"spark.sql.shuffle.partitions": "1", "spark.app.name": "a"}, {}, JAVA, SPARK)
    assert one.differences(key_for({"spark.sql.shuffle.partitions": "2"}, {}, JAVA, SPARK, one.salt)) == []
    assert static_settings({"spark.sql.ansi.enabled": "true", "spark.master": "local"}) == {"spark.master": "local"}


def test_an_archive_that_was_made_meanwhile_is_no_reason_for_another_jvm() -> None:
    name = "spark.driver.defaultJavaOptions"
    one = key_for({name: "-XX:+UseSerialGC"}, {}, JAVA, SPARK)
    later = {name: "-XX:SharedArchiveFile=/a/b.jsa -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off -XX:+UseSerialGC"}
    assert one.differences(key_for(later, {}, JAVA, SPARK, one.salt)) == []


def test_variables_count_but_those_of_shells_and_none_is_written_down(tmp_path: Path) -> None:
    one = key_for({}, {"PWD": "/a", "TOKEN": "sesame"}, JAVA, SPARK)
    assert one.differences(key_for({}, {"PWD": "/b", "TOKEN": "sesame"}, JAVA, SPARK, one.salt)) == []
    assert one.differences(key_for({}, {"TOKEN": "other"}, JAVA, SPARK, one.salt)) == ["the variable TOKEN"]
    assert "sesame" not in repr(one)


def test_java_spark_folder_and_jars_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "a.jar"
    jar.write_text("one")
    settings = {"spark.jars": str(jar)}
    one = key_for(settings, {}, JAVA, SPARK)

    def differences(java: JavaHome = JAVA, spark: InstalledSpark = SPARK) -> list[str]:
        return one.differences(key_for(settings, {}, java, spark, one.salt))

    assert differences() == []
    assert differences(java=replace(JAVA, version="21")) == ["Java"]
    assert differences(spark=replace(SPARK, version="4.3.0")) == ["Spark"]
    jar.write_text("another")
    assert differences() == ["a jar"]
    jar.write_text("one")
    monkeypatch.chdir(tmp_path)
    assert "the working directory" in differences()


def test_a_key_is_read_as_it_was_written() -> None:
    key = key_for({"spark.master": "local"}, {"A": "1"}, JAVA, SPARK)
    told = {name: getattr(key, name) for name in key.__slots__}
    assert WarmKey.read(told) == key


def test_a_port_is_the_jvms_only_as_long_as_the_jvm_itself_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(os.getpid(), port)
        with subprocess.Popen(["sleep", "60"]) as other:
            assert not listens(other.pid, port)
            other.kill()
    assert not listens(os.getpid(), port)


def test_no_secret_is_sent_to_a_port_that_somebody_else_took_over(tmp_path: Path) -> None:
    with standin(tmp_path) as one, socket.create_server(("127.0.0.1", 0)) as stranger:
        state = one.start()
        os.kill(state.keeper.pid, 19)  # SIGSTOP: it would write the state again
        try:
            stranger.settimeout(0.5)
            write_private(one.place.state, document_of(replace(state, port=stranger.getsockname()[1])))
            assert fitting(one.place, one.wanted()) == (None, ["somebody else listens on its port"])
            with pytest.raises(TimeoutError):
                stranger.accept()
        finally:
            os.kill(state.keeper.pid, 18)  # SIGCONT


def test_a_state_of_another_version_or_without_a_field_is_none(tmp_path: Path) -> None:
    with standin(tmp_path) as one:
        state = one.start()
        os.kill(state.keeper.pid, 19)
        try:
            document = document_of(state)
            write_private(one.place.state, {**document, "version": 99})
            assert read_state(one.place) is None
            document.pop("jvm")
            write_private(one.place.state, document)
            assert read_state(one.place) is None
        finally:
            os.kill(state.keeper.pid, 18)
