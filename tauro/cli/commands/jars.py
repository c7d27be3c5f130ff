"""`tauro jars`: the files that Spark sessions are given, listed, fetched and checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tauro.config import Context
    from tauro.launch.jars.request import JarRequest
    from tauro.launch.jars.store import JarList, JarStore

DAMAGED = 3


@click.group(short_help="List, fetch and check jars.", invoke_without_command=True)
@click.option("--json", is_flag=True, expose_value=False, help="Answer with one JSON document.")
@click.pass_context
def jars(ctx: click.Context) -> None:
    """Lists the jars that were fetched for Spark sessions: each with its coordinate, file, size and state.

    They are kept in the user's cache folder, for all projects, so that a session starts without looking for them.
    """
    if ctx.invoked_subcommand is None:
        invocation = ctx.find_object(Invocation) or Invocation([])
        store = _store()
        _tell(invocation, store, store.lists(), is_thorough=False)


@jars.command(short_help="Fetch what the project needs.")
@takes("only pipeline", "project", "json")
@click.pass_obj
def fetch(invocation: Invocation, asked: Asked) -> None:
    """Fetches what the project's sessions need and the store lacks, or has damaged: in an image's build, say.

    Without --pipeline this is what the project's entries need, and what its pipelines name in their settings.
    """
    from tauro.cli.project import open_project
    from tauro.errors import SessionError
    from tauro.launch.installed import installed_spark
    from tauro.launch.jars.settings import fetch as fetch_jars
    from tauro.launch.jars.settings import why_unfit
    from tauro.launch.java import find_java

    context = open_project(asked, invocation)
    store, spark = _store(), installed_spark()
    if why := why_unfit(store):
        raise SessionError(why, fix="name another folder in TAURO_CACHE")
    wanted = {request.key: request for request in _requests(context, asked.pipeline)}
    try:
        found = [
            fetch_jars(request, spark, store, find_java(), is_thorough=True) for _, request in sorted(wanted.items())
        ]
    except OSError as error:
        raise SessionError(
            f"the jar store {store.folder} can't be written: {error}", fix="name another folder in TAURO_CACHE"
        ) from error
    if not found and not invocation.is_json:
        invocation.say("the project needs no jars that could be fetched beforehand")
        return
    _tell(invocation, store, found, is_thorough=False)


@jars.command(short_help="Read every file and compare its checksum.")
@takes("json")
@click.pass_obj
def check(invocation: Invocation, asked: Asked) -> int:  # noqa: ARG001 - the shared options give it
    """Reads every file of the store and compares its checksum; ends with code 3 if one is damaged or missing.

    `tauro jars fetch`, and the next run that needs it, fetch it again.
    """
    store = _store()
    return 0 if _tell(invocation, store, store.lists(), is_thorough=True) else DAMAGED


def _store() -> JarStore:
    from tauro.errors import ProjectError
    from tauro.launch.jars.settings import SWITCH, store_of

    store = store_of(os.environ)
    if store is None:
        raise ProjectError(
            "there is no jar store", fix=f"unset {SWITCH}, which switches it off, and name a folder in TAURO_CACHE"
        )
    return store


def _requests(context: Context, pipeline: str | None) -> Iterator[JarRequest]:
    """What the sessions of a pipeline, or of the whole project, want of the store."""
    from tauro.errors import UnknownNameError
    from tauro.launch.installed import installed_spark
    from tauro.launch.jars.settings import wanted_jars
    from tauro.spark.needs import unresolved_settings

    if pipeline is not None and pipeline not in context.pipelines:
        raise UnknownNameError("pipeline", pipeline, list(context.pipelines))
    names = [pipeline] if pipeline is not None else list(context.pipelines)
    configs = [context.pipelines[name].spark_config for name in names]
    for config in configs if pipeline is not None else [None, *configs]:
        request = wanted_jars(unresolved_settings(context, config), installed_spark(), os.environ)
        if request is not None:
            yield request


def _tell(invocation: Invocation, store: JarStore, lists: list[JarList], *, is_thorough: bool) -> bool:
    """Shows lists; returns whether all of their files are sound."""
    from tauro.launch.jars.store import State

    states = {jar: store.state(jar, is_thorough=is_thorough) for one in lists for jar in one.jars}
    if invocation.is_json:
        invocation.answer(
            {
                "folder": str(store.folder),
                "lists": [
                    {
                        "coordinates": list(one.coordinates),
                        "spark": one.spark_version,
                        "scala": one.scala_version,
                        "jars": [
                            {
                                "coordinate": jar.coordinate,
                                "file": str(store.path_of(jar)),
                                "size_bytes": jar.size_bytes,
                                "sha256": jar.sha256,
                                "state": str(states[jar]),
                            }
                            for jar in one.jars
                        ],
                    }
                    for one in lists
                ],
            }
        )
    else:
        _show(invocation, store, lists, {jar.sha256: str(state) for jar, state in states.items()})
    return all(state is State.SOUND for state in states.values())


def _show(invocation: Invocation, store: JarStore, lists: list[JarList], states: dict[str, str]) -> None:
    from tauro.cli.render.tables import console_for, plain_table
    from tauro.cli.render.words import count

    for one in lists:
        invocation.say(f"{', '.join(one.coordinates)} (Spark {one.spark_version}, Scala {one.scala_version})")
        rows = [
            [
                jar.coordinate,
                str(store.path_of(jar).relative_to(store.folder)),
                f"{jar.size_bytes / 1e6:.1f} MB",
                states[jar.sha256],
            ]
            for jar in one.jars
        ]
        console_for(invocation.out).print(plain_table(("coordinate", "file", "size", "state"), rows))
        invocation.say()
    kept = {jar.sha256: jar.size_bytes for one in lists for jar in one.jars}
    invocation.say(f"{count(len(kept), 'jar')}, {sum(kept.values()) / 1e6:.1f} MB in {store.folder}")
    broken = sum(state != "sound" for state in states.values())
    if broken:
        invocation.say(f"{count(broken, 'jar')} damaged or missing; `tauro jars fetch` fetches them again")
