"""The commands that go on from where a run ended: one that carries it on, or one that runs it again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from tauro.model.outcome import RunResult, Status
from tauro.model.plan import Plan
from tauro.model.settings import Publish
from tauro.scheduling.graph import dependents, reachable

if TYPE_CHECKING:
    from tauro.publish.journal import About, Journal

_UNFINISHED = frozenset({Status.FAILED, Status.CANCELLED, Status.PENDING, Status.RUNNING, Status.RETRYING})
_PROJECT = frozenset({"project", "env", "settings"})
_SELECTION = {"nodes": "--node", "start": "--from", "end": "--to", "tags": "--tags"}
"""Field of a selection -> the option that it comes from."""
NAMED_AT_MOST = 8
"""How many --from a command names; with more nodes to begin at, it runs everything again."""


def resume_command(run_id: str, project_options: Sequence[str]) -> str:
    """The command that carries a run on, quoted for a shell.

    Args:
        run_id: the run's id.
        project_options: as `project_options` returns them.
    """
    return shlex.join(["tauro", "resume", run_id, *project_options])


def can_be_carried_on(journal: Journal | None) -> bool:
    """Whether a run has left something to carry on with: a node that is done, or publishing to be finished.

    Args:
        journal: the run's; None if there is none.
    """
    from tauro.errors import JournalError

    try:
        return journal is not None and journal.exists and bool(journal.nodes() or journal.commits())
    except JournalError:
        return True  # carrying it on says what is wrong with it


def project_options(ctx: click.Context) -> list[str]:
    """--project, --env and --set as the user gave them."""
    return list(given(ctx, lambda name: name in _PROJECT))


def run_command(about: About, project_options: Sequence[str]) -> str:
    """The command that runs anew what a run was asked for, quoted for a shell.

    Args:
        about: what is known of the run.
        project_options: as `project_options` returns them.
    """
    words = ["tauro", "run", "--pipeline", about.pipeline or ""]
    if about.window is not None:
        words += ["--start", about.window[0], "--end", about.window[1]]
    selection = about.asked.get("selection") or {}
    for field, flag in _SELECTION.items():
        for name in selection.get(field, ()):
            words += [flag, name]
    if about.asked.get("max_workers"):
        words += ["--max-workers", str(about.asked["max_workers"])]
    return shlex.join([*words, *project_options])


def run_again_command(ctx: click.Context, result: RunResult | None, plan: Plan | None) -> str | None:
    """The command, quoted for a shell, with every option the user gave and --from the nodes to go on with.

    A run that publishes its outputs together has published none: all of it is run again.

    Args:
        ctx: click's context of the command that ran.
        result: how the run ended; None if it is ended at once.
        plan: what ran; None if it failed before there was a plan.

    Returns:
        None if every node is done.
    """
    if result is not None and result.is_completed:
        return None
    nodes = result.nodes if result is not None else ()
    unfinished = [node.name for node in nodes if node.status in _UNFINISHED]
    begin = first_nodes(unfinished, plan, ctx.params.get("begin") or ()) if plan else []
    is_together = plan is not None and plan.publish is Publish.RUN
    if is_together or len(begin) > NAMED_AT_MOST or len(unfinished) == len(nodes):
        begin = list(ctx.params.get("begin") or ())
    words = ["tauro", ctx.info_name or "run", *given(ctx, lambda option: option != "begin")]
    for name in begin:
        words += ["--from", name]
    return shlex.join(words)


def first_nodes(unfinished: Sequence[str], plan: Plan, asked_from: Sequence[str] = ()) -> list[str]:
    """The unfinished nodes from which all the others are reached, in the plan's order.

    Args:
        unfinished: nodes that are still to be run.
        plan: what ran.
        asked_from: --from of the run: a node that does not follow from these is left out, as it only ran because
            others needed it, and they will have it run again.
    """
    graph: Mapping[str, tuple[str, ...]] = {name: plan.nodes[name].dependencies for name in plan.order}
    after = dependents(graph)
    wanted = set(unfinished)
    known = [name for name in asked_from if name in graph]
    if known:
        wanted &= reachable(known, after)
    return [name for name in plan.order if name in wanted and not _depends_on_any(name, wanted, graph)]


def _depends_on_any(name: str, wanted: set[str], graph: Mapping[str, Sequence[str]]) -> bool:
    return bool((reachable([name], graph) - {name}) & wanted)


def given(ctx: click.Context, is_wanted: Callable[[str], bool]) -> Iterator[str]:
    """The options as the user gave them, in the order of the help."""
    for option in ctx.command.params:
        if (
            not isinstance(option, click.Option)
            or option.name is None
            or not is_wanted(option.name)
            or ctx.get_parameter_source(option.name) is not ParameterSource.COMMANDLINE
        ):
            continue
        flag = max(option.opts, key=len)
        value = ctx.params.get(option.name)
        if option.is_flag:
            yield flag if value or not option.secondary_opts else max(option.secondary_opts, key=len)
        elif isinstance(value, Mapping):
            for key, text in value.items():
                yield from (flag, f"{key}={text}")
        elif option.multiple:
            for item in value or ():
                yield from (flag, item)
        else:
            yield from (flag, str(value))
