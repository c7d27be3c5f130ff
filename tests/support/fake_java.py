"""A Java, a Spark and a training that make archives of classes without any JVM."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tauro.launch.archive.request import ArchiveRequest, archive_request
from tauro.launch.installed import InstalledSpark
from tauro.launch.java import find_java_home
from tauro.launch.settings import Setting
from tests.support.fake_ivy import fake_spark

_JAVA = """#!/bin/sh
echo "$@" >> {home}/calls
for word do
    case "$word" in
        -XX:SharedClassListFile=*) classes="${{word#*=}}" ;;
        -XX:SharedArchiveFile=*) archive="${{word#*=}}" ;;
        -Xshare:dump) dumps=yes ;;
    esac
done
[ ! -e {home}/fails ] || exit 3
[ -z "$dumps" ] || cat "$classes" > "$archive"
"""
_TRAINING = """
import json, os, pathlib, shlex, sys, time

told = json.load(sys.stdin)
pathlib.Path({log!r}).open("a").write("trained\\n")
until, parent = time.monotonic() + {delay_s}, os.getppid()
while time.monotonic() < until and os.getppid() == parent:
    time.sleep(0.02)
options = shlex.split(told["settings"]["spark.driver.defaultJavaOptions"])
classes = next(word for word in options if word.startswith("-XX:DumpLoadedClassList="))
pathlib.Path(classes.partition("=")[2]).write_text("java/lang/Object\\n" * 100)
pathlib.Path(told["class_path"]).write_text("a.jar:b.jar")
"""


@dataclass(frozen=True)
class FakeJava:
    """What archives are made with."""

    home: Path
    spark: InstalledSpark

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which it is found, and a cache of its own."""
        return {"JAVA_HOME": str(self.home), "TAURO_CACHE": str(self.home.parent / "cache"), "PATH": "/usr/bin:/bin"}

    @property
    def archives(self) -> Path:
        """Where they are kept."""
        return self.home.parent / "cache" / "archives"

    def settings(self, **more: str) -> dict[str, Setting]:
        """Those of a local session; `driver_memory` stands for `spark.driver.memory`."""
        values = {"spark.master": "local[2]"} | {
            f"spark.{name.replace('_', '.')}": value for name, value in more.items()
        }
        return {name: Setting(name, value, "pipeline") for name, value in values.items()}

    def request(self, **more: str) -> ArchiveRequest:
        """What an archive for such a session is made for."""
        java = find_java_home(self.environment)
        request = archive_request(self.settings(**more), self.spark, java, self.environment)
        assert request is not None
        return request

    def training(self, delay_s: float = 0.0) -> list[str]:
        """A program in place of the one that runs Spark; see `trained`."""
        return [sys.executable, "-c", _TRAINING.format(log=str(self.home / "training"), delay_s=delay_s)]

    def trained(self) -> int:
        """How often that program was started."""
        log = self.home / "training"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def calls(self) -> list[str]:
        """The arguments of each call of `java`."""
        return (self.home / "calls").read_text().splitlines()


def fake_java(folder: Path) -> FakeJava:
    """Makes one in a folder of its own."""
    home = folder / "java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text(_JAVA.format(home=home))
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text('JAVA_VERSION="17.0.1"\n')
    jar = "spark-core_2.13-4.2.0.jar"
    return FakeJava(home, fake_spark(folder / "spark", {jar: {"org/Spark.class": "1"}}))
