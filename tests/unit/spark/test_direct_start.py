"""A JVM is started without `spark-submit` where its command is known, and with it where that fails."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL

import pytest

from tauro.launch.jvm_start import Address, StartingJvm
from tauro.spark.jvm_process import end_process, start_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a command is kept on Linux alone")
JAVA = r"""#!/bin/sh
folder=$(dirname "$0")
case "$*" in
*org.apache.spark.launcher.Main*)
    echo >> "$folder/launched"
    printf '\0\n'
    while [ "$1" != org.apache.spark.launcher.Main ]; do shift; done
    shift
    printf '%s\0' "$0" "$@" ;;
*)
    echo "$PYTHONHASHSEED $*" >> "$folder/started"
    printf '\0\0\1\2\0\0\0\3key' > "$_PYSPARK_DRIVER_CONN_INFO_PATH.new"
    mv "$_PYSPARK_DRIVER_CONN_INFO_PATH.new" "$_PYSPARK_DRIVER_CONN_INFO_PATH"
    read line ;;
esac
"""


class Spark:
    """The real scripts of Spark, with a `java` that plays the launcher and the JVM."""

    def __init__(self, folder: Path) -> None:
        spec = find_spec("pyspark")
        assert spec is not None
        assert spec.origin is not None
        self.command = [
            str(Path(spec.origin).parent / "bin" / "spark-submit"),
            "--conf",
            "spark.a=1 2",
            "pyspark-shell",
        ]
        self.bin = folder / "java" / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "java").write_text(JAVA)
        (self.bin / "java").chmod(0o755)
        (folder / "conf").mkdir()
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
        self.environment = {
            **mine,
            "JAVA_HOME": str(self.bin.parent),
            "SPARK_CONF_DIR": str(folder / "conf"),
            "TAURO_CACHE": str(folder / "cache"),
        }
        self.cache = folder / "cache" / "commands"

    def start(self) -> tuple[Address | None, StartingJvm]:
        """Starts it, keeps its command, and ends it."""
        noted: list[StartingJvm] = []
        address = start_process(self.command, self.environment, DEVNULL, noted.append)
        noted[-1].keep_command(str)
        end_process(noted[-1].process)
        return address, noted[-1]

    def launched(self) -> int:
        """How often the launcher ran."""
        return len((self.bin / "launched").read_text().splitlines())

    def started(self) -> list[str]:
        """What the JVMs got."""
        return (self.bin / "started").read_text().splitlines()


@pytest.fixture
def spark(tmp_path: Path) -> Spark:
    return Spark(tmp_path)


def test_the_second_start_needs_no_launcher_and_runs_the_same(spark: Spark) -> None:
    for is_direct in (False, True, True):
        address, jvm = spark.start()
        assert (address, jvm.is_direct) == (Address(258, "key"), is_direct)
    assert spark.launched() == 1
    assert len(spark.started()) == 3
    assert len(set(spark.started())) == 1
    assert spark.started()[0].startswith("0 org.apache.spark.deploy.SparkSubmit")
    assert "spark.a=1 2" in spark.started()[0]


@pytest.mark.parametrize("words", [["/bin/sh", "-c", "exit 3"], ["/no/such/java", "-version"]])
def test_a_command_that_fails_is_made_anew(spark: Spark, words: list[str]) -> None:
    spark.start()
    (file,) = spark.cache.iterdir()
    file.write_text(json.dumps({"words": words, "variables": {}}))
    address, jvm = spark.start()
    assert (address, jvm.is_direct) == (Address(258, "key"), False)
    assert spark.launched() == 2
    assert spark.start()[1].is_direct


def test_one_that_was_ended_by_a_signal_is_not_started_again(spark: Spark) -> None:
    spark.start()
    (file,) = spark.cache.iterdir()
    file.write_text(json.dumps({"words": ["/bin/sh", "-c", "kill -TERM $$"], "variables": {}}))
    noted: list[StartingJvm] = []
    assert start_process(spark.command, spark.environment, DEVNULL, noted.append) is None
    assert len(noted) == 1
    assert file.exists()
