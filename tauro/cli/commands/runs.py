"""`tauro runs`: the runs that the project's history knows."""

from __future__ import annotations

import click

from tauro.cli.history import moment, open_history
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

STATUSES = ("running", "completed", "failed", "cancelled", "died")


@click.command(short_help="List the runs so far.")
@takes("only pipeline", "project", "json")
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Runs with this status; may be repeated.")
@click.option("--since", metavar="DATE", help="Runs that started then or later: 2025-01-01, or 2025-01-01T06:00:00.")
@click.option("--until", metavar="DATE", help="Runs that started until then; a date is inside, a date-time outside.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The latest so many.")
@click.pass_obj
def runs(
    invocation: Invocation, asked: Asked, status: tuple[str, ...], since: str | None, until: str | None, limit: int
) -> None:
    """Lists the runs that the history knows, the latest first; `died` are those whose process is gone.

    Times are those of the local time zone, and UTC in the JSON document.
    """
    from tauro.cli.project import open_project
    from tauro.history.records import RunQuery

    query = RunQuery(
        asked.pipeline,
        tuple(status),
        moment(since, "--since") if since else None,
        moment(until, "--until", is_end=True) if until else None,
        limit,
    )
    with open_history(open_project(asked, invocation)) as history:
        found = history.runs(query)
    if invocation.is_json:
        from tauro.cli.render.runs import run_row

        invocation.answer({"runs": [run_row(run) for run in found]})
        return
    if not found:
        invocation.say("no runs")
        return
    from tauro.cli.render.runs import RUN_COLUMNS, run_cells
    from tauro.cli.render.tables import console_for, plain_table

    cells = [[invocation.redact(cell) for cell in run_cells(run)] for run in found]
    console_for(invocation.out).print(plain_table(RUN_COLUMNS, cells))
