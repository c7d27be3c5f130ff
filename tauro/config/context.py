"""The loaded configuration of one project for one environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, Self, cast

from tauro.config.catalog import Catalog
from tauro.config.findings import DOCUMENTS, MANIFEST, Finding
from tauro.config.interpolation import RUN_NAMES
from tauro.config.loading import Loaded, for_run, load
from tauro.config.parsed import Plain
from tauro.config.project import Given, Project, read_project
from tauro.config.secrets import is_secret_option, redact, secret_values
from tauro.errors import ConfigError, InvalidValueError, Severity, UnknownNameError, bounded
from tauro.model.dataset import InputSpec, OutputSpec
from tauro.model.entry import Source
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import GlobalSettings
from tauro.model.window import Window
from tauro.registry import Registry

# Any: opens a session for a context; named by string since it lives above, and Spark is loaded only when used
SESSIONS: Registry[Any] = Registry(
    "session", {"session": "tauro.spark.session:open_session"}, extras={"session": "spark"}
)
"""Where `Context.spark` comes from."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=/)")
_LOCAL = re.compile(r"^file:", re.IGNORECASE)


class Context:
    """A project's configuration: merged, filled in, checked, immutable.

    Args:
        global_settings: the project's settings; as all five documents a mapping, a path, or a list of paths and globs.
        pipelines_config: pipelines by name.
        nodes_config: nodes by name.
        input_config: inputs by id.
        output_config: outputs by id.
        root: the project's folder, where relative paths start; the working directory if left out.
        env: the environment's name, for people.
        variables: values for `${name}`, which win over the variables of global_settings.
        environ: the environment variables; those of the process if left out.
        strict: whether problems are raised, all at once; else they are kept in `findings` alone.

    Raises:
        ConfigError: `strict`, and the project has problems.
        InvalidValueError: `variables` holds a name that every run gives a value of its own to.
    """

    window: Window | None = None
    """The run's window; None before `for_run`, and in runs without dates."""
    run_id: str | None = None
    """The run's id; None before `for_run`."""

    def __init__(
        self,
        global_settings: Given = None,
        pipelines_config: Given = None,
        nodes_config: Given = None,
        input_config: Given = None,
        output_config: Given = None,
        *,
        root: str | os.PathLike[str] | None = None,
        env: str | None = None,
        variables: Mapping[str, Plain] | None = None,
        environ: Mapping[str, str] | None = None,
        strict: bool = True,
    ) -> None:
        given = (global_settings, pipelines_config, nodes_config, input_config, output_config)
        documents = dict(zip(DOCUMENTS, given, strict=True))
        project = Project(Path(os.path.abspath(root if root is not None else ".")), documents, env)
        self._load(project, variables, environ, strict)

    @classmethod
    def from_project(
        cls,
        path: str | os.PathLike[str] = ".",
        *,
        env: str | None = None,
        variables: Mapping[str, Plain] | None = None,
        environ: Mapping[str, str] | None = None,
        strict: bool = True,
    ) -> Self:
        """The context of the project whose folder, or `tauro.yml`, is at `path`; the arguments are as above.

        Raises:
            ProjectError: there is no `tauro.yml`.
            UnknownNameError: the project has no environment called `env`.
            ConfigError: `strict`, and the project has problems.
        """
        context = cls.__new__(cls)
        context._load(read_project(path, env), variables, environ, strict)
        return context

    @property
    def root(self) -> Path:
        """The project's folder, absolute."""
        return self._project.root

    @property
    def env(self) -> str | None:
        """The environment's name; None for the base."""
        return self._project.env

    @property
    def name(self) -> str:
        """The project's name: that of its folder."""
        return self.root.name

    @property
    def settings(self) -> GlobalSettings:
        """The document global_settings."""
        return self._loaded.settings

    @cached_property
    def pipelines(self) -> Catalog[PipelineSpec]:
        """Pipelines by name."""
        return cast("Catalog[PipelineSpec]", self._loaded.catalog("pipelines_config"))

    @cached_property
    def nodes(self) -> Catalog[NodeSpec]:
        """Nodes by name."""
        return cast("Catalog[NodeSpec]", self._loaded.catalog("nodes_config"))

    @cached_property
    def inputs(self) -> Catalog[InputSpec]:
        """Inputs by id."""
        return cast("Catalog[InputSpec]", self._loaded.catalog("input_config"))

    @cached_property
    def outputs(self) -> Catalog[OutputSpec]:
        """Outputs by id."""
        return cast("Catalog[OutputSpec]", self._loaded.catalog("output_config"))

    @property
    def global_settings(self) -> Mapping[str, Plain]:
        """The plain values of the document global_settings."""
        return self._plain("global_settings")

    @property
    def pipelines_config(self) -> Mapping[str, Plain]:
        """The plain values of the pipelines."""
        return self._plain("pipelines_config")

    @property
    def nodes_config(self) -> Mapping[str, Plain]:
        """The plain values of the nodes."""
        return self._plain("nodes_config")

    @property
    def input_config(self) -> Mapping[str, Plain]:
        """The plain values of the inputs."""
        return self._plain("input_config")

    @property
    def output_config(self) -> Mapping[str, Plain]:
        """The plain values of the outputs."""
        return self._plain("output_config")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong with the project, by file and line."""
        return tuple(self._loaded.findings)

    @property
    def spark(self) -> Any:  # Any: a SparkSession, classic or Connect; naming its type would import pyspark
        """The Spark session, opened when it is first asked for."""
        return self._session.get(self)

    @property
    def has_spark(self) -> bool:
        """Whether the Spark session has been opened."""
        return self._session.is_open

    def open_spark(self, pipeline_config: Mapping[str, Plain]) -> Any:  # Any: see spark
        """The Spark session, opened with a pipeline's `spark_config` too if it is not open yet."""
        return self._session.get(self, pipeline_config)

    @cached_property
    def _pipeline_manager(self) -> _Pipelines:
        return _Pipelines(self)

    def source_of(self, document: str, *path: str | int) -> Source | None:
        """The place of a field, as `source_of("nodes_config", "transform", "function")`.

        Falls back to the nearest value above it that has a place; None for what was given in memory. Files are parsed
        again for it, when a field is first asked for.
        """
        if document == MANIFEST:
            manifest = self._project.manifest
            return Source(manifest.name, manifest.locate(path)[1]) if manifest else None
        if document not in DOCUMENTS:
            raise UnknownNameError("document", document, [MANIFEST, *DOCUMENTS])
        return self._loaded.documents[document].source_of(path)

    def for_run(self, window: Window | None, run_id: str) -> Self:
        """This context with `${start_date}`, `${end_date}` and `${run_id}` filled in.

        Raises nothing: entries that need dates when there is no window are among the `findings`, and can't be used.
        """
        run = {"run_id": run_id}
        if window is not None:
            run |= {"start_date": window.start, "end_date": window.end}
        context = type(self).__new__(type(self))
        context._project, context._from_command = self._project, self._from_command
        context._session, context._before_run = self._session, self._before_run
        context._loaded = for_run(self._before_run, run, self._project, self._from_command)
        context.window, context.run_id = window, run_id
        return context

    def resolve_path(self, path: str) -> str:
        """`path` as an absolute one; what has a scheme (`s3a://`, `hdfs:/`, `file:/`) stays as it is.

        A colon makes no scheme unless a slash follows it: `file:out/x` lies in the project, as `out/x` does.
        """
        if _SCHEME.match(path):
            return path
        return os.path.normpath(os.path.join(self.root, _LOCAL.sub("", path)))

    def redact(self, text: str) -> str:
        """`text` with secrets, and passwords in URLs and connection strings, replaced by `***`."""
        return redact(text, self._secrets)

    @staticmethod
    def is_secret_option(name: str) -> bool:
        """Whether an option is named like a password, token or key."""
        return is_secret_option(name)

    @cached_property
    def _secrets(self) -> frozenset[str]:
        found = set(self._loaded.secrets)
        settings = self.global_settings
        groups = [settings.get("spark_config"), settings.get("variables")]
        entries = [
            entry for name in ("pipelines_config", "input_config", "output_config") for entry in self._dicts(name)
        ]
        for node in self._dicts("nodes_config"):
            for slots in (node.get("input"), node.get("output")):
                items = slots.values() if isinstance(slots, dict) else slots if isinstance(slots, list) else ()
                entries += [item for item in items if isinstance(item, dict)]
        for entry in entries:
            groups += [entry.get("options"), entry.get("spark_config")]
        for group in groups:
            if isinstance(group, dict):
                found |= secret_values(group)
        return frozenset(found)

    def _dicts(self, document: str) -> list[dict[str, Plain]]:
        return [entry for entry in self._loaded.values[document].values() if isinstance(entry, dict)]

    def _plain(self, document: str) -> Mapping[str, Plain]:
        return MappingProxyType(self._loaded.values[document])

    def _load(
        self,
        project: Project,
        variables: Mapping[str, Plain] | None,
        environ: Mapping[str, str] | None,
        strict: bool,
    ) -> None:
        taken = [name for name in variables or () if name in RUN_NAMES]
        if taken:
            raise InvalidValueError(
                f"{bounded(taken)} can't be set: every run has its own", fix="give the dates by --start and --end"
            )
        self._project = project
        self._from_command = frozenset(variables or ())
        self._session = _Session()
        environ = dict(os.environ if environ is None else environ)
        self._loaded: Loaded = load(project, variables or {}, environ, self._read_text)
        self._before_run = self._loaded
        errors = [each.problem for each in self._loaded.findings if each.problem.severity is Severity.ERROR]
        if strict and errors:
            raise ConfigError(errors)

    def _read_text(self, path: str) -> str:
        return Path(self.resolve_path(path)).read_text(encoding="utf-8-sig")

    def __repr__(self) -> str:
        of_env = f" for {self.env}" if self.env else ""
        return f"<Context of {self.name}{of_env}: {len(self.pipelines)} pipelines, {len(self.nodes)} nodes>"


class _Session:
    """The one session of a context and of those made from it for runs."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spark: Any = None  # Any: see Context.spark

    @property
    def is_open(self) -> bool:
        return self._spark is not None

    def get(self, context: Context, pipeline_config: Mapping[str, Plain] | None = None) -> Any:  # Any: see spark
        with self._lock:
            if self._spark is None:
                self._spark = SESSIONS["session"](context, dict(pipeline_config or {}))
            return self._spark


class _Pipelines:
    """Pipelines as plain mappings, for those who call `context._pipeline_manager`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get_pipeline(self, name: str) -> Mapping[str, Plain]:
        """The pipeline's name, type, nodes, and the other fields as they were given.

        Raises:
            UnknownNameError: there is no such pipeline.
        """
        spec = self._context.pipelines[name]
        given = self._context.pipelines_config[name]
        return MappingProxyType({**given, "name": name, "type": spec.type.value, "nodes": list(spec.nodes)})
