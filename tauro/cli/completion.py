"""The names that a shell completes: a project's pipelines, nodes and environments.

Only names are read: entries are not checked, and no module of the project is imported. A project that can't be read
completes nothing; a shell is no place for its errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tauro.config.project import Project


def pipelines(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The project's pipelines that begin with `incomplete`."""
    return _matching(_document(ctx, "pipelines_config"), incomplete)


def nodes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The nodes that begin with `incomplete`: those of --pipeline where it is given, else all."""
    chosen = ctx.params.get("pipeline")
    if chosen is None:
        return _matching(_document(ctx, "nodes_config"), incomplete)
    from tauro.model.node import dependency_names

    entry = _document(ctx, "pipelines_config").get(chosen)
    try:
        return _matching(dependency_names(entry.get("nodes")) if isinstance(entry, dict) else (), incomplete)
    except ValueError:
        return []


def environments(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The project's environments that begin with `incomplete`."""
    project = _project(ctx, env=None)
    content = project.manifest.parsed.value if project and project.manifest else None
    found = content.get("environments") if isinstance(content, dict) else None
    return _matching(found if isinstance(found, dict) else (), incomplete)


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _document(ctx: click.Context, name: str) -> dict[str, object]:
    """The entries of a document as they are written; none if the project can't be read."""
    project = _project(ctx, ctx.params.get("env"))
    if project is None:
        return {}
    from tauro.config.documents import load_document

    return dict(load_document(name, project)[0].values)


def _project(ctx: click.Context, env: str | None) -> Project | None:
    from tauro.cli.root import find_root
    from tauro.config.project import read_project
    from tauro.errors import ProjectError

    try:
        return read_project(find_root(ctx.params.get("project")), env)
    except (ProjectError, OSError):
        return None
