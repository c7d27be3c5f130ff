"""A `java` that does as Ivy does with a folder of jars, and a Spark with a few jars in it: no JVM is started."""

from __future__ import annotations

import os
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tauro.launch.installed import InstalledSpark

_PROGRAM = """#!{python}
import os, pathlib, sys, time
from xml.etree import ElementTree

words = sys.argv[1:]
ivy = pathlib.Path(words[words.index("-ivy") + 1])
here = pathlib.Path({folder!r})
with (here / "calls").open("a") as calls:
    calls.write(" ".join(words) + "\\n")
time.sleep({delay_s})
modules = ""
for wanted in ElementTree.parse(ivy).iter("dependency"):
    group, name, version = wanted.get("org"), wanted.get("name"), wanted.get("rev")
    jar = here / "repository" / f"{{name}}-{{version}}.jar"
    if not jar.is_file():
        print(f"\\t\\t:: {{group}}#{{name}};{{version}}: not found")
        sys.exit(1)
    modules += f'<module organisation="{{group}}" name="{{name}}"><revision name="{{version}}"><artifacts>'
    modules += f'<artifact name="{{name}}" type="jar" ext="jar" location="{{jar}}"/>'
    modules += "</artifacts></revision></module>"
reports = ivy.parent / "reports"
reports.mkdir(exist_ok=True)
(reports / "tauro-jars-default.xml").write_text(f"<ivy-report><dependencies>{{modules}}</dependencies></ivy-report>")
"""


@dataclass(frozen=True)
class FakeIvy:
    """What `java` stands for, and what it was asked."""

    folder: Path

    @property
    def java(self) -> Path:
        """The program."""
        return self.folder / "bin" / "java"

    def calls(self) -> list[str]:
        """The arguments of each call."""
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def publish(self, artifact: str, files: dict[str, str] | None = None, version: str = "1.0") -> Path:
        """Puts a jar into the repository; `files` are its entries."""
        jar = self.folder / "repository" / f"{artifact}-{version}.jar"
        write_jar(jar, files or {"com/example/One.class": artifact})
        return jar


def fake_ivy(folder: Path, delay_s: float = 0.0) -> FakeIvy:
    """Makes one in a folder of its own; `java` takes `delay_s` to answer."""
    (folder / "bin").mkdir(parents=True)
    (folder / "repository").mkdir()
    java = folder / "bin" / "java"
    java.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder), delay_s=delay_s))
    java.chmod(0o755)
    (folder / "release").write_text('JAVA_VERSION="17.0.1"\n')
    return FakeIvy(folder)


def fake_spark(home: Path, jars: dict[str, dict[str, str]] | None = None) -> InstalledSpark:
    """A Spark 4.2.0 whose folder holds these jars, each with its entries."""
    for name, files in (jars or {}).items():
        write_jar(home / "jars" / name, files)
    return InstalledSpark(home, "4.2.0", "2.13", tuple(jars or ()), "4.4.0")


def write_jar(path: Path, files: dict[str, str]) -> None:
    """A jar with these entries."""
    os.makedirs(path.parent, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        for name, text in files.items():
            archive.writestr(name, text)
