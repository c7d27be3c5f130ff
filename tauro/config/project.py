"""`tauro.yml`: what marks a project, and names its documents and environments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from tauro.config.files import SourceFile, read_file
from tauro.config.findings import DOCUMENTS, MANIFEST, Finding
from tauro.config.parsed import Flaw, Path, Plain, kind_of
from tauro.errors import Problem, ProjectError, UnknownNameError, did_you_mean

MANIFEST_NAME = "tauro.yml"
ENVIRONMENTS = "environments"
Given = Mapping[str, Plain] | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None
"""A document as it was given: its content, a path or glob, a list of those, or nothing."""


@dataclass(slots=True)
class Project:
    """Where a project's documents come from."""

    root: FilePath
    """Absolute."""
    documents: Mapping[str, Given]
    env: str | None = None
    manifest: SourceFile | None = None
    """The `tauro.yml`; None for a project put together in Python."""
    overlay: FilePath | None = None
    """The environment's folder."""
    findings: list[Finding] = field(default_factory=list)

    def shown(self, path: FilePath) -> str:
        """A file's name for messages: relative to the project where it lies there."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return str(path)


def read_project(path: str | os.PathLike[str], env: str | None = None) -> Project:
    """The project whose folder, or `tauro.yml`, is at `path`.

    Raises:
        ProjectError: there is no `tauro.yml`.
        UnknownNameError: `tauro.yml` knows no environment called `env`.
    """
    manifest_path = FilePath(os.path.abspath(path))
    if manifest_path.is_dir():
        manifest_path /= MANIFEST_NAME
    if not manifest_path.is_file():
        raise ProjectError(
            f"there is no {MANIFEST_NAME} in {manifest_path.parent}",
            fix="go to the project's folder, name it with --project, or make a project with tauro init",
        )
    manifest = read_file(manifest_path, manifest_path.name)
    project = Project(manifest_path.parent, {}, env, manifest)
    content = _checked(project, manifest)
    environments = content.pop(ENVIRONMENTS, None) or {}
    project.documents = content
    if env is not None and not _is_unreadable(manifest):
        if env not in environments:
            raise UnknownNameError("environment", env, list(environments), where=manifest.name)
        project.overlay = project.root / environments[env]
        if not project.overlay.is_dir():
            path_to = (ENVIRONMENTS, env)
            _add(project, path_to, f"environment {env!r}: there is no folder {environments[env]!r}")
    return project


def manifest_finding(flaw: Flaw, file: str) -> Finding:
    """A flaw of `tauro.yml` as a finding about it."""
    problem = Problem(flaw.message, file=file, line=flaw.line, notes=flaw.notes, fix=flaw.fix)
    return Finding(MANIFEST, None, problem)


def _is_unreadable(manifest: SourceFile) -> bool:
    """Whether it can't be told which environments there are."""
    value = manifest.parsed.value
    if isinstance(value, dict):
        return not isinstance(value.get(ENVIRONMENTS), dict | None)
    return value is not None or bool(manifest.parsed.flaws)


def _checked(project: Project, manifest: SourceFile) -> dict[str, Plain]:
    """The content of `tauro.yml`; what is wrong with it becomes findings, and is left out."""
    for flaw in manifest.parsed.flaws:
        if not (flaw.path and flaw.path[0] in DOCUMENTS):  # those of an inline document are told with its entries
            project.findings.append(manifest_finding(flaw, manifest.name))
    value = manifest.parsed.value
    if value is None:
        return {}
    if not isinstance(value, dict):
        _add(project, (), f"expected a mapping, got {kind_of(value)}")
        return {}
    content: dict[str, Plain] = {}
    known = (*DOCUMENTS, ENVIRONMENTS)
    for key, item in value.items():
        if key == "$schema":
            continue
        if key not in known:
            _add(
                project,
                (key,),
                f"unknown field {key!r}",
                notes=(f"known fields: {', '.join(known)}",),
                fix=did_you_mean(key, known),
            )
        elif key == ENVIRONMENTS:
            content[key] = _environments(project, item)
        elif item is None or isinstance(item, str | dict) or _is_texts(item):
            content[key] = item
        else:
            expected = "a path, a list of paths or globs, or the document itself"
            _add(project, (key,), f"{key}: expected {expected}, got {kind_of(item)}")
    return content


def _environments(project: Project, value: Plain) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _add(project, (ENVIRONMENTS,), f"environments: expected a mapping from name to folder, got {kind_of(value)}")
        return {}
    folders: dict[str, str] = {}
    for name, folder in value.items():
        if isinstance(folder, str):
            folders[name] = folder
        else:
            _add(project, (ENVIRONMENTS, name), f"environment {name!r}: expected a folder, got {kind_of(folder)}")
    return folders


def _is_texts(value: Plain) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _add(project: Project, path: Path, message: str, *, notes: tuple[str, ...] = (), fix: str | None = None) -> None:
    assert project.manifest is not None
    _, line = project.manifest.locate(path)
    problem = Problem(message, file=project.manifest.name, line=line, notes=notes, fix=fix)
    project.findings.append(Finding(MANIFEST, None, problem))
