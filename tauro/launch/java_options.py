"""The options of a local session's JVM that Tauro chooses for the machine, put before those of the user."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tauro.launch.defaults import submit_settings
from tauro.launch.machine import Machine
from tauro.launch.settings import FROM_TAURO, Setting

DEFAULT_OPTIONS = "spark.driver.defaultJavaOptions"
EXTRA_OPTIONS = "spark.driver.extraJavaOptions"
SERIAL_UP_TO = 16 * 1024
"""The heap in MiB up to which the collector with one thread is chosen: on more, its longest pauses get long."""

_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "SPARK_SUBMIT_OPTS")
"""Where a JVM that `spark-submit` starts has options from, beside its settings."""

_COLLECTOR = re.compile(r"-XX:[+-]Use\w+GC")
_CONNECTION = "spark.hadoop.javax.jdo.option.ConnectionURL"


def with_java_options(
    settings: Mapping[str, Setting], machine: Machine, environment: Mapping[str, str], spark_home: Path
) -> dict[str, Setting]:
    """The settings of a session, with what is chosen for a JVM on this machine.

    Nothing is chosen that the user has chosen, and nothing for a session on a cluster.

    Args:
        settings: of the session.
        machine: what a local session may use.
        environment: the process's.
        spark_home: the installed Spark's folder.
    """
    if not is_local(settings):
        return dict(settings)
    given = list(given_options(settings, environment, spark_home))
    options, reasons = [], []
    for option, why, names in _choices(settings, machine):
        if not any(names.match(word) for word in given):
            options.append(option)
            reasons.append(why)
    return with_options(settings, options, "; ".join(reasons), environment)


def with_options(
    settings: Mapping[str, Setting], options: Sequence[str], why: str, environment: Mapping[str, str]
) -> dict[str, Setting]:
    """The settings, with options before those that `spark.driver.defaultJavaOptions` has: the later ones win.

    They are unchanged where PYSPARK_SUBMIT_ARGS names that setting, which nothing can overrule.

    Args:
        settings: of the session.
        options: each a word.
        why: what they are for.
        environment: the process's.
    """
    changed = dict(settings)
    if not options or DEFAULT_OPTIONS in submit_settings(environment.get("PYSPARK_SUBMIT_ARGS", "")):
        return changed
    given = settings.get(DEFAULT_OPTIONS)
    text, origin = " ".join(map(quoted, options)), f"{FROM_TAURO}: {why}"
    if given is not None and given.value.strip():
        is_ours = given.origin.startswith(FROM_TAURO)
        origin = f"{origin}; {given.origin.removeprefix(f'{FROM_TAURO}: ')}" if is_ours else f"{origin}; {given.origin}"
        text = f"{text} {given.value}"
    changed[DEFAULT_OPTIONS] = Setting(DEFAULT_OPTIONS, text, origin)
    return dict(sorted(changed.items()))


def given_options(settings: Mapping[str, Setting], environment: Mapping[str, str], spark_home: Path) -> Iterator[str]:
    """Every option that the session's JVM is given, each a word; those that no shell could read are left out."""
    texts = [settings[name].value for name in (DEFAULT_OPTIONS, EXTRA_OPTIONS) if name in settings]
    texts += [environment.get(name, "") for name in _VARIABLES]
    conf = Path(environment.get("SPARK_CONF_DIR") or spark_home / "conf")
    with suppress(OSError, ValueError):
        texts.append((conf / "java-opts").read_text(encoding="utf-8"))
    for text in texts:
        try:
            yield from shlex.split(text)
        except ValueError:  # a quote is not closed: Spark is to say so
            yield from text.split()


def is_local(settings: Mapping[str, Setting]) -> bool:
    """Whether the driver does all the work."""
    master = settings.get("spark.master")
    return master is not None and names_this_machine(master.value)


def names_this_machine(master: str) -> bool:
    """Whether a master's URL has the driver do all the work: `local`, `local[4]`, `local[*]`."""
    return re.fullmatch(r"local(\[.*\])?", master.strip()) is not None


def mebibytes(memory: str) -> int:
    """The MiB of Spark's `4g`; 0 for what only Spark can read."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b?", memory.strip().lower())
    if found is None:
        return 0
    return int(int(found[1]) * {"k": 1 / 1024, "": 1 / 1024**2, "m": 1, "g": 1024, "t": 1024**2}[found[2]])


def quoted(word: str) -> str:
    """A word as Spark reads it in a setting that holds several."""
    return f'"{word}"' if re.search(r"\s", word) else word


def _choices(settings: Mapping[str, Setting], machine: Machine) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """Options, each with its reason, and with what shows that the user has chosen."""
    heap = mebibytes(settings["spark.driver.memory"].value) if "spark.driver.memory" in settings else 1024
    if machine.cores <= 2 and 0 < heap <= SERIAL_UP_TO:
        yield "-XX:+UseSerialGC", f"the cheapest garbage collector on {_cores(machine)}", _COLLECTOR
    yield (
        "-XX:MetaspaceSize=256m",
        "no collection of classes while Spark is loaded",
        re.compile(r"-XX:MetaspaceSize="),
    )
    connection = settings.get(_CONNECTION)
    if connection is not None and connection.value.startswith("jdbc:derby:"):
        yield (
            "-Dderby.stream.error.field=java.lang.System.err",
            "the catalog's database writes no log file",
            re.compile(r"-Dderby\.stream\.error\."),
        )


def _cores(machine: Machine) -> str:
    return "one core" if machine.cores == 1 else f"{machine.cores} cores"
