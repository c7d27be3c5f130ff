"""`tauro logs`: what happened in a run, in order."""

from __future__ import annotations

import click

from tauro.cli.history import open_history
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes


@click.command(short_help="Show what happened in a run.")
@takes("project", "json")
@click.argument("run")
@click.argument("node", required=False)
@click.pass_obj
def logs(invocation: Invocation, asked: Asked, run: str, node: str | None) -> None:
    """Shows what happened in RUN, or to its NODE, in order, errors with their traceback.

    RUN is an id, the beginning of one, or `last`.
    """
    from tauro.cli.project import open_project
    from tauro.cli.render.runs import entries_of, entry_lines, node_names
    from tauro.errors import UnknownNameError

    with open_history(open_project(asked, invocation)) as history:
        whole = history.whole(history.find(run))
    if node is not None and node not in (names := node_names(whole)):
        raise UnknownNameError("node", node, names, where=f"run {whole.run.run_id}")
    entries = [entry for entry in entries_of(whole) if node is None or entry["node"] == node]
    if invocation.is_json:
        invocation.answer({"run_id": whole.run.run_id, "entries": entries})
        return
    for entry in entries:
        for line in entry_lines(entry):
            invocation.say(line)
