"""`tauro warmup`: makes beforehand what the first runs of a project would have to wait for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tauro.config import Context
    from tauro.launch.settings import Setting
    from tauro.model import Options


@click.command(short_help="Make the first start as fast as the next ones.")
@takes("only pipeline", "project", "json")
@click.pass_obj
def warmup(invocation: Invocation, asked: Asked) -> None:
    """Fetches the project's jars, and makes the archive of classes that its local sessions start with.

    Both are kept in the user's cache folder; what is there already is not made again. Without --pipeline this is done
    for all pipelines.
    """
    from tauro.cli.project import open_project
    from tauro.errors import ProjectError, SessionError
    from tauro.launch.archive.making import make
    from tauro.launch.archive.settings import SWITCH, archive_store, wanted_archive
    from tauro.launch.archive.store import StoredArchive
    from tauro.launch.installed import installed_spark

    context = open_project(asked, invocation)
    store, spark = archive_store(os.environ), installed_spark()
    if store is None:
        raise ProjectError(
            "there is no place for archives of classes",
            fix=f"unset {SWITCH}, which switches them off, and name a folder without {_SPECIAL} in TAURO_CACHE",
        )
    sessions = list(_sessions(context, asked.pipeline))
    wanted = [wanted_archive(settings, spark, os.environ) for settings in sessions]
    requests = {request.key: request for request in wanted if request is not None}
    archives: list[StoredArchive] = []
    for request in requests.values():
        if not invocation.is_json and store.find(request) is None:
            invocation.complain("making an archive of classes, which may take a minute")
        try:
            made = make(request, store, os.environ)
        except OSError as error:
            raise SessionError(
                f"the folder {store.folder} can't be written: {error}", fix="name another folder in TAURO_CACHE"
            ) from error
        archives += [made] if made is not None else []
    if invocation.is_json:
        invocation.answer(
            {
                "folder": str(store.folder),
                "archives": [
                    {
                        "file": str(archive.path),
                        "size_bytes": archive.size_bytes,
                        "spark": archive.spark_version,
                        "java": archive.java_version,
                    }
                    for archive in archives
                ],
            }
        )
        return
    for archive in archives:
        invocation.say(
            f"{archive.path}  {archive.size_bytes / 1e6:.1f} MB, for Spark {archive.spark_version} "
            f"on Java {archive.java_version}"
        )
    if not archives:
        invocation.say("no session of the project can start with an archive of classes; docs/start.md says when")


_SPECIAL = ": ; , \" ' \\ { } % $"


def _sessions(context: Context, pipeline: str | None) -> Iterator[dict[str, Setting]]:
    """The settings of every session that the project, or one of its pipelines, may start, with their jars fetched."""
    from tauro.errors import SessionError, UnknownNameError
    from tauro.launch.installed import installed_spark
    from tauro.launch.jars.settings import with_fetched_jars
    from tauro.spark.needs import unresolved_settings

    if pipeline is not None and pipeline not in context.pipelines:
        raise UnknownNameError("pipeline", pipeline, list(context.pipelines))
    names = [pipeline] if pipeline is not None else list(context.pipelines)
    configs: list[Options | None] = [context.pipelines[name].spark_config for name in names]
    for config in configs or [None]:
        settings, warning = with_fetched_jars(unresolved_settings(context, config), installed_spark(), os.environ)
        if warning:
            raise SessionError(warning, fix="name another folder in TAURO_CACHE")
        yield settings
