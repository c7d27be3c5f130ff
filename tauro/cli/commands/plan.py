"""`tauro plan`: what would run, in which order, reading and writing what, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from tauro.config import Context


@click.command(short_help="Show what would run.")
@takes("pipeline", "window", "selection", "project", "json")
@click.pass_obj
def plan(invocation: Invocation, asked: Asked) -> None:
    """Shows what would run, in which order, reading and writing what, and why; starts no Spark."""
    from tauro.cli.project import open_project

    show_plan(asked, open_project(asked, invocation), invocation)


def show_plan(asked: Asked, context: Context, invocation: Invocation, *, max_workers: int | None = None) -> None:
    """Shows the plan of what is asked for, with `max_workers` in place of the project's if given."""
    from tauro.cli.project import plan_of
    from tauro.cli.render.documents import plan_document
    from tauro.cli.render.plan import plan_text
    from tauro.exec.planning.plan import with_publishing

    planned = plan_of(asked, context, invocation, max_workers=max_workers)
    planned = with_publishing(planned, context.settings.mode)
    if invocation.is_json:
        invocation.answer(plan_document(planned))
    else:
        invocation.say(plan_text(planned))
