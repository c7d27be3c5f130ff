"""What a project's configuration asks of a Spark session; known without pyspark and without a JVM."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tauro.launch.archive.settings import with_archive
from tauro.launch.defaults import spark_defaults
from tauro.launch.installed import installed_spark
from tauro.launch.jars.settings import with_stored_jars
from tauro.launch.java_options import names_this_machine, with_java_options
from tauro.launch.machine import this_machine
from tauro.launch.settings import (
    FROM_PIPELINE,
    FROM_PROJECT,
    FROM_TAURO,
    OF_EVERY_SESSION,
    Needs,
    Setting,
    settings_for,
)
from tauro.model import GlobalSettings, InputSpec, Mode, NodeSpec, Options, OutputSpec
from tauro.model.settings import as_spark_options

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_MASTER = "spark.master"
REMOTE = "spark.remote"
"""The setting that names a Spark Connect server."""
_OF_SESSIONS = ("spark.sql.", "spark.databricks.")
"""How the settings begin that sessions of one server may have each for itself."""


class Project(Protocol):
    """What a session needs to know of a project; a `tauro.config.Context` is one."""

    @property
    def root(self) -> Path:
        """The project's folder."""

    @property
    def settings(self) -> GlobalSettings:
        """The document `global_settings`."""

    @property
    def inputs(self) -> Mapping[str, InputSpec]:
        """The document `input_config`."""

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """The document `output_config`."""

    @property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """The document `nodes_config`."""

    def redact(self, text: str) -> str:
        """`text` with the secrets that it knows replaced."""


def session_settings(project: Project, pipeline_config: Options | None = None) -> dict[str, Setting]:
    """The settings that a session of the project is started with, by name, each with its origin.

    Args:
        project: the project.
        pipeline_config: `spark_config` of the pipeline that is about to run, where that is known.

    Raises:
        MissingExtraError: pyspark is not installed, or the project uses Delta without delta-spark.
        SessionError: SPARK_HOME names a folder without a Spark.
    """
    if project.settings.mode == Mode.CONNECT:
        return connect_settings(project, pipeline_config)
    spark = installed_spark()
    settings = with_stored_jars(unresolved_settings(project, pipeline_config), spark, os.environ)
    return with_archive(settings, spark, os.environ)


def unresolved_settings(
    project: Project,
    pipeline_config: Options | None = None,
    *,
    command: Mapping[str, str] | None = None,
    submitted: Mapping[str, str] | None = None,
) -> dict[str, Setting]:
    """Like `session_settings`, with the names of the jars that are needed in place of the files in the jar store.

    Args:
        project: the project.
        pipeline_config: `spark_config` of the pipeline that is about to run, where that is known.
        command: settings that the call names itself; they win over all others.
        submitted: the settings of the JVM that `spark-submit` has started, where there is one; its master stands.
    """
    spark = installed_spark()
    environment = spark_defaults(spark.home, os.environ) if submitted is None else submitted
    machine = this_machine()
    needs = replace(session_needs(project, pipeline_config), command=command or {})
    places = ((submitted or {}), needs.command, needs.pipeline, needs.project, environment)
    master = next((values[_MASTER] for values in places if _MASTER in values), None)
    if master is not None and not names_this_machine(master):
        needs = replace(needs, is_local=False)
    settings = settings_for(needs, spark, machine, environment)
    return with_java_options(settings, machine, os.environ, spark.home)


def connect_settings(project: Project, pipeline_config: Options | None = None) -> dict[str, Setting]:
    """The settings that a session on a Spark Connect server is given, by name; the server's own are not known here."""
    settings: dict[str, Setting] = {}
    for origin, options in ((FROM_PIPELINE, pipeline_config or {}), (FROM_PROJECT, project.settings.spark_config)):
        for name, value in as_spark_options(options).items():
            if name != REMOTE:
                settings.setdefault(name, Setting(name, value, origin))
    for name, (value, why) in OF_EVERY_SESSION.items():
        settings.setdefault(name, Setting(name, value, f"{FROM_TAURO}: {why}"))
    return dict(sorted(settings.items()))


def settings_of_the_server(options: Options) -> list[str]:
    """The settings, of those in a `spark_config`, that only a Spark Connect server itself can have."""
    return sorted(name for name in options if name != REMOTE and not name.startswith(_OF_SESSIONS))


def remote_url(project: Project, pipeline_config: Options, environment: Mapping[str, str]) -> str | None:
    """The URL of the project's Spark Connect server; None if nothing names one. It may hold a token."""
    options = as_spark_options(project.settings.spark_config) | as_spark_options(pipeline_config)
    return options.get(REMOTE) or environment.get("SPARK_REMOTE") or None


def session_needs(project: Project, pipeline_config: Options | None = None) -> Needs:
    """The formats, databases and settings that a project uses, in its documents and inside its nodes."""
    entries = list(_entries(project))
    formats = {name for entry in entries for name in _formats_of(project, entry)}
    if _has_default_outputs(project):
        formats.add(project.settings.default_format)
    urls = {str(entry.options["url"]) for entry in entries if entry.options.get("url")}
    return Needs(
        root=project.root,
        is_local=project.settings.mode == Mode.LOCAL,
        formats=frozenset(formats),
        jdbc_urls=frozenset(urls),
        schemes=frozenset(_schemes(project, entries)),
        project=as_spark_options(project.settings.spark_config),
        pipeline=as_spark_options(pipeline_config or {}),
    )


def data_folders(project: Project) -> tuple[Path, ...]:
    """The folders in which inputs, outputs and secrets lie: neither code nor configuration, even inside the project."""
    settings = project.settings
    named = (settings.input_path, settings.output_path, settings.secrets_path)
    return tuple(project.root / path for path in named if path and ":" not in path)


def _formats_of(project: Project, entry: InputSpec | OutputSpec) -> Iterator[str]:
    """What reading or writing an entry takes: its format, and the one that keeps a table's files."""
    yield entry.format_name or project.settings.default_format
    provider = next((value for name, value in entry.options.items() if name.lower() == "provider"), None)
    if provider is not None:
        yield str(provider)
    elif isinstance(entry, OutputSpec) and entry.format_name == "table":
        yield project.settings.default_format
    paths = (entry.path,) if isinstance(entry.path, str) else entry.path or ()
    if entry.format_name is None and any((project.root / path / "_delta_log").is_dir() for path in paths):
        yield "delta"


def _schemes(project: Project, entries: Iterable[InputSpec | OutputSpec]) -> Iterator[str]:
    """The schemes of remote paths."""
    paths = [project.settings.input_path, project.settings.output_path]
    for entry in entries:
        paths += (entry.path,) if isinstance(entry.path, str) else entry.path or ()
    for path in paths:
        scheme = _SCHEME.match(path or "")
        if scheme is not None and scheme[1].lower() != "file":
            yield scheme[1].lower()


def _entries(project: Project) -> Iterator[InputSpec | OutputSpec]:
    yield from project.inputs.values()
    yield from project.outputs.values()
    for node in project.nodes.values():
        yield from (ref.inline for ref in node.input if ref.inline is not None)
        yield from (ref.inline for ref in node.output if ref.inline is not None)


def _has_default_outputs(project: Project) -> bool:
    """Whether an output without an entry is written in the project's default format."""
    refs = (ref for node in project.nodes.values() for ref in node.output)
    return any(ref.inline is None and ref.id not in project.outputs for ref in refs)
