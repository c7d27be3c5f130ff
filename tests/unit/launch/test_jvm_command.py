"""The command behind `spark-submit` is kept where it is surely the same the next time; Python stands in for the JVM."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tauro.launch.jvm_command import KEPT_AT_MOST, find, forget, keep, key_of

SPEC = find_spec("pyspark")
assert SPEC is not None
assert SPEC.origin is not None
HOME = Path(SPEC.origin).parent
COMMAND = [str(HOME / "bin" / "spark-submit"), "--conf", "spark.a=1", "pyspark-shell"]
MAIN = "org.apache.spark.deploy.SparkSubmit"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a call of `spark-submit`, with folders for settings, Java and the cache of its own."""
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    (tmp_path / "conf").mkdir()
    return {
        "JAVA_HOME": str(tmp_path / "java"),
        "SPARK_CONF_DIR": str(tmp_path / "conf"),
        "TAURO_CACHE": str(tmp_path / "cache"),
        "PATH": "/bin",
    }


def key(environment: dict[str, str], command: list[str] | None = None) -> str:
    found = key_of(command or COMMAND, environment)
    assert found is not None
    return found


class Jvms:
    """Processes with the words of a JVM."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, environment: dict[str, str], *words: str) -> int:
        """Its id."""
        program = [sys.executable, "-c", "import time; time.sleep(60)", *words]
        process = subprocess.Popen(program, env=environment)
        self._running.append(process)
        while MAIN.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes() and MAIN in words:
            time.sleep(0.01)  # it has not become that program yet
        return process.pid

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def jvms() -> Iterator[Jvms]:
    running = Jvms()
    yield running
    running.end()


@pytest.mark.skipif(sys.platform != "linux", reason="a command is kept on Linux alone")
class TestKept:
    def test_the_next_start_finds_the_command_and_what_was_set_for_it(
        self, environment: dict[str, str], jvms: Jvms
    ) -> None:
        name = key(environment)
        assert find(name, environment) is None
        pid = jvms.start({**environment, "PYTHONHASHSEED": "0", "_": "x"}, MAIN, "a b")
        keep(name, environment, pid, str)
        kept = find(name, environment)
        assert kept is not None
        assert kept.words == (sys.executable, "-c", "import time; time.sleep(60)", MAIN, "a b")
        assert kept.variables == {"PYTHONHASHSEED": "0"}
        (file,) = Path(environment["TAURO_CACHE"], "commands").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        forget(name, environment)
        assert find(name, environment) is None

    def test_what_decides_about_it_is_in_its_name(self, environment: dict[str, str], tmp_path: Path) -> None:
        name = key(environment)
        assert name == key({**environment, "PATH": "/elsewhere", "LANG": "C"})
        assert name != key(environment, [*COMMAND[:2], "spark.a=2", "pyspark-shell"])
        assert name != key({**environment, "SPARK_SUBMIT_OPTS": "-Da=b"})
        assert name != key({**environment, "JAVA_TOOL_OPTIONS": "-Da=b"})
        assert name != key({**environment, "HADOOP_CONF_DIR": "/etc/hadoop"})
        assert name != key({**environment, "PYTHONHASHSEED": "7"})

    @pytest.mark.parametrize("file", ["conf/spark-defaults.conf", "conf/java-opts", "java/bin/java"])
    def test_files_decide_too(self, environment: dict[str, str], tmp_path: Path, file: str) -> None:
        name = key(environment)
        (tmp_path / file).write_text("spark.driver.memory 2g\n")
        assert key(environment) != name

    @pytest.mark.parametrize(
        "variables", [{"BASH_ENV": "/a"}, {"SPARK_PRINT_LAUNCH_COMMAND": "1"}, {"TAURO_DIRECT_JAVA": "off"}]
    )
    def test_where_it_cant_be_told_there_is_no_name(
        self, environment: dict[str, str], variables: dict[str, str]
    ) -> None:
        assert key_of(COMMAND, environment | variables) is None

    def test_a_script_of_the_users_may_do_anything(self, environment: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "conf" / "spark-env.sh").touch()
        assert key_of(COMMAND, environment) is None

    def test_scripts_that_are_not_pysparks_are_left_to_themselves(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        own = tmp_path / "spark"
        (own / "jars").mkdir(parents=True)
        (own / "bin").mkdir()
        for name in ("spark-submit", "spark-class", "load-spark-env.sh", "find-spark-home"):
            (own / "bin" / name).write_bytes((HOME / "bin" / name).read_bytes())
        command = [str(own / "bin" / "spark-submit"), *COMMAND[1:]]
        assert key_of(command, environment) is not None
        with (own / "bin" / "spark-class").open("a") as script:
            script.write("# changed\n")
        assert key_of(command, environment) is None

    @pytest.mark.parametrize(
        "command", [["sh", "-c", "exit"], [COMMAND[0], "--properties-file", "a.conf", "pyspark-shell"]]
    )
    def test_other_commands_have_no_name(self, environment: dict[str, str], command: list[str]) -> None:
        assert key_of(command, environment) is None

    @pytest.mark.parametrize("word", ["-Dproxy.password=abc", "spark.a=hunter2"])
    def test_nothing_secret_is_kept(self, environment: dict[str, str], jvms: Jvms, word: str) -> None:
        pid = jvms.start(environment, MAIN, word)
        keep(key(environment), environment, pid, lambda text: text.replace("hunter2", "***"))
        assert not Path(environment["TAURO_CACHE"]).exists()

    def test_a_process_that_has_more_than_is_known_is_not_kept(self, environment: dict[str, str], jvms: Jvms) -> None:
        for variables in ({**environment, "OTHER": "1"}, {"PATH": "/bin"}):
            keep(key(environment), environment, jvms.start(variables, MAIN), str)
        keep(key(environment), environment, jvms.start(environment, "something.else"), str)
        assert not Path(environment["TAURO_CACHE"]).exists()

    def test_the_oldest_make_room(self, environment: dict[str, str], jvms: Jvms, tmp_path: Path) -> None:
        folder = tmp_path / "cache" / "commands"
        folder.mkdir(parents=True)
        for at in range(KEPT_AT_MOST):
            (folder / f"{at}.json").touch()
            os.utime(folder / f"{at}.json", (at, at))
        keep(key(environment), environment, jvms.start(environment, MAIN), str)
        names = {path.name for path in folder.iterdir()}
        assert len(names) == KEPT_AT_MOST
        assert f"{key(environment)}.json" in names
        assert "0.json" not in names
