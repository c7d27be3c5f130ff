"""The command that `spark-submit` came to, kept so that the next start needs no shell and no JVM to work it out."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tauro.launch.cache import cache_folder
from tauro.launch.private_files import read_private, write_private
from tauro.launch.secret_words import Redact, may_hold_secret
from tauro.launch.switches import is_off

SWITCH = "TAURO_DIRECT_JAVA"
"""The environment variable that, set to `off`, has every JVM started by `spark-submit`."""

ADDRESS_VARIABLE = "_PYSPARK_DRIVER_CONN_INFO_PATH"
"""The environment variable that tells a JVM the file to write its address to."""

LAUNCHER_OPTIONS = "SPARK_LAUNCHER_OPTS"
"""The environment variable with Java's options for the JVM that works the command out."""

KEPT_AT_MOST = 32
_VERSION = 1
"""Of what is kept, and of what a key is made of."""
_MAIN = "org.apache.spark.deploy.SparkSubmit"
_SCRIPTS = ("spark-submit", "spark-class", "load-spark-env.sh", "find-spark-home")
_READ = ("SPARK_", "PYSPARK_", "JAVA_", "JDK_", "HADOOP_", "YARN_", "LD_", "DYLD_")
"""How the names of the variables begin that `spark-submit` looks at."""
_SET = frozenset(
    {
        "LD_LIBRARY_PATH",
        "PYTHONHASHSEED",
        "SPARK_BEELINE_OPTS",
        "SPARK_CONF_DIR",
        "SPARK_ENV_LOADED",
        "SPARK_HOME",
        "SPARK_SCALA_VERSION",
    }
)
"""The variables that `spark-submit` sets for the JVM."""
_OF_SHELLS = frozenset(("_", "SHLVL", "PWD", "OLDPWD"))
_OUR_OWN = frozenset((ADDRESS_VARIABLE, LAUNCHER_OPTIONS, "SPARK_CONNECT_MODE"))


@dataclass(frozen=True, slots=True)
class JavaCommand:
    """What `spark-submit` executes in the end."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    """Those that it sets before."""


def key_of(command: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Names a command together with all that decides what `spark-submit` makes of it.

    Args:
        command: the call of `spark-submit`.
        environment: the variables that it gets.

    Returns:
        None where that can't be told: with a `spark-env.sh`, which may do anything, scripts that are not those of
        pyspark, or outside of Linux.
    """
    home, java = home_of(command), Path(environment.get("JAVA_HOME", ""), "bin", "java")
    if home is None:
        return None
    conf = Path(environment.get("SPARK_CONF_DIR") or home / "conf")
    if (
        sys.platform != "linux"
        or is_off(SWITCH, environment)
        or not (java.is_absolute() and conf.is_absolute())
        or {"BASH_ENV", "SPARK_PRINT_LAUNCH_COMMAND"} & environment.keys()
        or any(word.startswith("--properties-file") for word in command)
        or (conf / "spark-env.sh").exists()
    ):
        return None
    scripts = _scripts(home)
    if scripts is None:
        return None
    try:
        files = [scripts, *(_digest(_bytes_of(conf / name)) for name in ("spark-defaults.conf", "java-opts"))]
        stamps = [_stamp(home / "jars"), _stamp(java.resolve())]
    except OSError:
        return None
    names = {name for name in environment if name.startswith(_READ) or name in _SET} - _OUR_OWN
    read = [(name, environment[name]) for name in sorted(names)]
    return _digest(json.dumps([_VERSION, list(command), read, files, stamps]).encode())


def home_of(command: Sequence[str]) -> Path | None:
    """The folder of the Spark whose `spark-submit` a command calls; None if it calls something else."""
    program = Path(command[0])
    is_it = program.is_absolute() and program.name == _SCRIPTS[0] and program.parent.name == "bin"
    return program.parent.parent if is_it else None


def find(key: str | None, environment: Mapping[str, str]) -> JavaCommand | None:
    """What is kept under a key.

    Args:
        key: of `key_of`.
        environment: tells where it is kept.
    """
    file = _file(key, environment)
    told = read_private(file) if file is not None else None
    if told is None:
        return None
    words, variables = told.get("words"), told.get("variables")
    if not isinstance(words, list) or not words or not isinstance(variables, dict):
        return None
    return JavaCommand(tuple(map(str, words)), {str(name): str(value) for name, value in variables.items()})


def keep(key: str, environment: Mapping[str, str], pid: int, redact: Redact) -> None:
    """Keeps the command of a JVM that runs; does nothing where it holds what looks secret, or more than is known.

    Args:
        key: of `key_of`, for the call of `spark-submit` that the JVM came from.
        environment: the variables that `spark-submit` got.
        pid: the JVM's.
        redact: replaces the secrets that are known.
    """
    file, found = _file(key, environment), _command_of(pid, environment)
    if file is None or found is None:
        return
    texts = [*found.words, *(f"{name}={value}" for name, value in found.variables.items())]
    if may_hold_secret(texts, redact):
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        if write_private(file, {"words": found.words, "variables": dict(found.variables)}):
            for old in sorted(file.parent.glob("*.json"), key=_age)[KEPT_AT_MOST:]:
                old.unlink(missing_ok=True)


def forget(key: str | None, environment: Mapping[str, str]) -> None:
    """Removes what is kept under a key."""
    file = _file(key, environment)
    if file is not None:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _file(key: str | None, environment: Mapping[str, str]) -> Path | None:
    folder = cache_folder(environment)
    return folder / "commands" / f"{key}.json" if folder is not None and key is not None else None


def _command_of(pid: int, environment: Mapping[str, str]) -> JavaCommand | None:
    """The command of a process, with the variables that it has beyond `environment`; None if it is none of Spark's."""
    try:
        words = tuple(_told(pid, "cmdline"))
        has = dict(item.split("=", 1) for item in _told(pid, "environ"))
    except (OSError, ValueError):
        return None
    has = {name: value for name, value in has.items() if name not in _OF_SHELLS | _OUR_OWN}
    changed = {name: value for name, value in has.items() if environment.get(name) != value}
    lacks = environment.keys() - has.keys() - _OF_SHELLS - _OUR_OWN
    is_known = _MAIN in words and os.path.isabs(words[0]) and not lacks and changed.keys() <= _SET
    return JavaCommand(words, changed) if is_known else None


def _told(pid: int, name: str) -> Iterator[str]:
    """The texts, each with a NUL behind it, in a file of a process."""
    text = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "surrogateescape")
    return iter(text.split("\0")[:-1])


def _scripts(home: Path) -> str | None:
    """A digest of the scripts behind `spark-submit`; None unless they are those that pyspark brings."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        return None
    own = Path(spec.origin).parent / "bin"
    try:
        texts = [(home / "bin" / name).read_bytes() for name in _SCRIPTS]
        is_known = home / "bin" == own or texts == [(own / name).read_bytes() for name in _SCRIPTS]
    except OSError:
        return None
    return _digest(b"\0".join(texts)) if is_known else None


def _stamp(path: Path) -> list[str | int]:
    found = path.stat()
    return [str(path), found.st_mtime_ns, found.st_size]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0
