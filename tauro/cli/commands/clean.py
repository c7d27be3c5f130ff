"""`tauro clean`: removes what is old from the project's history."""

from __future__ import annotations

import click

from tauro.cli.history import age, open_history
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes


@click.command(short_help="Remove old runs from the history.")
@takes("project", "json")
@click.option(
    "--older-than",
    "before",
    metavar="AGE",
    required=True,
    callback=age,
    help="Runs that started longer ago than this: 30d, 12h, 8w.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.pass_obj
def clean(invocation: Invocation, asked: Asked, before: str, dry_run: bool) -> None:
    """Removes from the history all that is recorded of runs that started longer ago than an age.

    That is their plans, attempts, errors and outputs, for every pipeline of the history. No table and no file that a
    run wrote is touched; runs that are still going on are kept.
    """
    from tauro.cli.project import open_project
    from tauro.cli.render.words import count

    with open_history(open_project(asked, invocation)) as history:
        found = history.old_runs(before)
        if not dry_run:
            history.remove(found)
    if invocation.is_json:
        invocation.answer(
            {"older_than": before, "is_dry_run": dry_run, "history": {"runs": [run.run_id for run in found]}}
        )
        return
    if dry_run:
        for run in found:
            invocation.say(f"{run.run_id}  {run.pipeline}  {run.status}")
    invocation.say(f"{count(len(found), 'run')} {'would be ' if dry_run else ''}removed from the history")
