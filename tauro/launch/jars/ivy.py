"""Maven artefacts become files, with the Ivy that Spark brings; the rules are those of Spark's own `--packages`."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from tauro.errors import SessionError
from tauro.launch.installed import InstalledSpark
from tauro.launch.jars.request import JarRequest

PATIENCE_S = (15, 300)
"""How long a repository may take to answer a call, and to go on with an answer."""

_PARTS_OF_SPARK = (
    *("catalyst", "core", "graphx", "kvstore", "launcher", "mllib", "mllib-local", "network-common"),
    *("network-shuffle", "repl", "sketch", "sql", "streaming", "tags", "unsafe"),
)
_SPARK_PACKAGES = "https://repos.spark-packages.org/"
_SHOWN_LINES = 8


@dataclass(frozen=True, slots=True)
class Resolved:
    """A file that a coordinate stands for, or one that this needs."""

    coordinate: str
    path: Path
    is_copy: bool = True
    """Whether it lies in Ivy's cache, and not in a repository on this machine."""

    @property
    def name(self) -> str:
        """As Spark names it: `io.delta_delta-storage-4.4.0.jar`."""
        return f"{self.coordinate.partition(':')[0]}_{self.path.name}"


def resolve(
    request: JarRequest, spark: InstalledSpark, java: Path, work: Path, is_wanted: Callable[[Resolved], bool]
) -> list[Resolved]:
    """The jars of what is asked for and of all that this needs, downloaded where Ivy's cache lacks them.

    A file that is no whole jar is dropped from the cache and downloaded once more.

    Args:
        request: what is asked for.
        spark: the Spark that brings Ivy.
        java: the program `java`.
        work: a folder for what Ivy makes on the way.
        is_wanted: whether a jar is of use; others are left out, and not looked at.

    Raises:
        SessionError: some can't be had.
        OSError: Ivy can't be run.
    """
    said = _run(request, spark, java, work, with_maven_cache=True)
    if said and request.ivy_settings is None:  # Maven's cache may hold descriptions without files
        said = _run(request, spark, java, work, with_maven_cache=False)
    found = [] if said else [jar for jar in _reported(work) if is_wanted(jar)]
    broken = [jar for jar in found if not _is_whole(jar.path)]
    for jar in broken:
        if jar.is_copy:
            jar.path.unlink()
    if broken:
        said = _run(request, spark, java, work, with_maven_cache=False)
        found = [] if said else [jar for jar in _reported(work) if is_wanted(jar)]
        said = said or [f"error: {jar.path} is no whole jar" for jar in found if not _is_whole(jar.path)]
    if said:
        raise SessionError(
            f"could not fetch the jars of {', '.join(request.coordinates)}\n"
            + "\n".join(f"  {line}" for line in said[:_SHOWN_LINES]),
            fix="check the coordinates, the repositories and the network; where there is no network, run "
            "`tauro jars fetch` where there is one, and bring its cache folder along (TAURO_CACHE names it)",
        )
    return found


def settings_xml(request: JarRequest, work: Path, *, with_maven_cache: bool = True) -> str:
    """The ivysettings that do as Spark does with the project's settings.

    Args:
        request: what is asked for.
        work: where Ivy's reports go.
        with_maven_cache: whether `~/.m2` is looked into.
    """
    home = _ivy_home(request)
    first = "spark-list"
    parts = []
    if request.ivy_settings is not None:
        first = _default_resolver(request.ivy_settings)
        parts.append(f"<include file={quoteattr(str(request.ivy_settings))}/>")
    if request.repositories or request.ivy_settings is None:
        chosen = "user-list" if request.repositories else first
        parts.append(f"<settings defaultResolver={quoteattr(chosen)}/>")
    parts.append(
        f"<caches defaultCacheDir={quoteattr(f'{home}/cache')} resolutionCacheDir={quoteattr(str(work / 'reports'))}/>"
    )
    connect, read = PATIENCE_S
    parts.append(
        "<timeout-constraints><timeout-constraint name='patience' "
        f"connectionTimeout='{connect * 1000}' readTimeout='{read * 1000}'/></timeout-constraints>"
    )
    resolvers = "" if request.ivy_settings is not None else _spark_list(request, home, with_maven_cache)
    if request.repositories:
        added = "".join(_repository(f"repo-{n}", url) for n, url in enumerate(request.repositories, start=1))
        resolvers += f"<chain name='user-list'><resolver ref={quoteattr(first)}/>{added}</chain>"
    if resolvers:
        parts.append(f"<resolvers>{resolvers}</resolvers>")
    return f"<ivysettings>{''.join(parts)}</ivysettings>"


def module_xml(request: JarRequest) -> str:
    """The Ivy module that depends on what is asked for, less what Spark itself consists of."""
    wanted = ""
    for coordinate in request.coordinates:
        group, artifact, version = map(quoteattr, coordinate.split(":"))
        wanted += f"<dependency org={group} name={artifact} rev={version} conf='default->default(runtime)'/>"
    unwanted = [("*", "scala-library"), *(("org.apache.spark", f"spark-{part}_*") for part in _PARTS_OF_SPARK)]
    for exclude in request.excludes:
        group, _, artifact = exclude.partition(":")
        unwanted.append((group, artifact or "*"))
    for group, artifact in unwanted:
        wanted += f"<exclude org={quoteattr(group)} module={quoteattr(artifact)} artifact='*' matcher='glob'/>"
    return (
        "<ivy-module version='2.0'><info organisation='tauro' module='jars' revision='1.0'/>"
        f"<configurations><conf name='default'/></configurations><dependencies>{wanted}</dependencies></ivy-module>"
    )


def _run(request: JarRequest, spark: InstalledSpark, java: Path, work: Path, *, with_maven_cache: bool) -> list[str]:
    """What Ivy complains of; nothing if all went well."""
    settings, module = work / "ivysettings.xml", work / "ivy.xml"
    settings.write_text(settings_xml(request, work, with_maven_cache=with_maven_cache), encoding="utf-8")
    module.write_text(module_xml(request), encoding="utf-8")
    jars = spark.home / "jars"
    first = [str(jars / name) for name in spark.jars if name.startswith(("ivy-", "oro-"))]
    command = [str(java), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *request.java_options]
    command += ["-Divy.maven.lookup.sources=false", "-Divy.maven.lookup.javadoc=false"]
    command += ["-cp", os.pathsep.join([*first, str(jars / "*")]), "org.apache.ivy.Main"]
    command += ["-settings", str(settings), "-ivy", str(module), "-confs", "default"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 0 and _report(work).is_file():
        return []
    return _telling(done.stdout + "\n" + done.stderr) or [f"Ivy ended with code {done.returncode}"]


def _telling(output: str) -> list[str]:
    """The lines of Ivy's output that say what went wrong, without passwords."""
    output = re.sub(r"//[^/@\s]+@", "//***@", output)
    signs = (": not found", "rror", "xception", "refused", "timed out", "No space", "FAILED", "onfiguration", "denied")
    lines = (line.strip(" \t:") for line in output.splitlines() if not line.lstrip().startswith("at "))
    return list(dict.fromkeys(line for line in lines if any(sign in line for sign in signs) and "VERBOSE" not in line))


def _report(work: Path) -> Path:
    return work / "reports" / "tauro-jars-default.xml"


def _reported(work: Path) -> Iterator[Resolved]:
    for module in ElementTree.parse(_report(work)).iter("module"):
        for revision in module.iter("revision"):
            name = f"{module.get('organisation')}:{module.get('name')}:{revision.get('name')}"
            for artifact in revision.iter("artifact"):
                location = artifact.get("location")
                if location and artifact.get("ext") == "jar" and artifact.get("type") not in ("source", "javadoc"):
                    origin = artifact.find("origin-location")
                    is_copy = origin is None or not (origin.get("location") or "").endswith(location)
                    yield Resolved(name, Path(location), is_copy)


def _is_whole(jar: Path) -> bool:
    try:
        with zipfile.ZipFile(jar) as archive:
            return archive.testzip() is None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def _ivy_home(request: JarRequest) -> str:
    """Where Ivy keeps its files; Java itself says where the user's home is."""
    if request.ivy_folder:
        return str(Path(request.ivy_folder).absolute())
    told = [option.partition("=")[2] for option in request.java_options if option.startswith("-Divy.home=")]
    return told[-1] if told else "${user.home}/.ivy2.5.2"


def _default_resolver(ivy_settings: Path) -> str:
    """The name of the resolver that a file of the user's takes where no other is asked for."""
    try:
        settings = ElementTree.parse(ivy_settings).find("settings")
    except ElementTree.ParseError as error:
        raise SessionError(
            f"{ivy_settings} is no XML: {error}", where="spark.jars.ivySettings", fix="mend the file"
        ) from error
    return (settings.get("defaultResolver") if settings is not None else None) or "default"


def _spark_list(request: JarRequest, home: str, with_maven_cache: bool) -> str:
    """The resolvers that Spark has without settings of the user's."""
    local = f"{home}/local/[organisation]/[module]/[revision]"
    artifact = f"{local}/[type]s/[artifact](-[classifier]).[ext]"
    inside = _repository("local-m2-cache", "file:${user.home}/.m2/repository") if with_maven_cache else ""
    inside += f"<filesystem name='local-ivy-cache'><ivy pattern={quoteattr(f'{local}/ivys/ivy.xml')}/>"
    inside += f"<artifact pattern={quoteattr(artifact)}/></filesystem>"
    inside += _repository("central", request.central) + _repository("spark-packages", _SPARK_PACKAGES)
    return f"<chain name='spark-list'>{inside}</chain>"


def _repository(name: str, url: str) -> str:
    return (
        f"<ibiblio name={quoteattr(name)} m2compatible='true' usepoms='true' root={quoteattr(url)} "
        "timeoutConstraint='patience'/>"
    )
