"""`tauro show`: one node as Tauro understands it, every setting with the place it comes from, or one recorded run."""

from __future__ import annotations

import click

from tauro.cli import completion
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes


@click.group(short_help="Show one node, the settings, or one run.")
def show() -> None:
    """Shows one node, every setting with its origin, or one run of the history."""


@show.command(short_help="Show one node.")
@takes("only pipeline", "window", "project", "json")
@click.argument("name", shell_complete=completion.nodes)
@click.pass_obj
def node(invocation: Invocation, asked: Asked, name: str) -> None:
    """Shows the node NAME: where it is defined, and its inputs, outputs, retries and parameters resolved."""
    from tauro.cli.node_view import view_node
    from tauro.cli.project import open_project
    from tauro.cli.render.node import node_document, node_text

    view = view_node(asked, open_project(asked, invocation), name)
    if invocation.is_json:
        invocation.answer(node_document(view))
    else:
        invocation.say(node_text(view))


@show.command(short_help="Show every setting.")
@takes("only pipeline", "project", "json")
@click.pass_obj
def settings(invocation: Invocation, asked: Asked) -> None:
    """Shows every setting of Tauro and of Spark, its value, and where the value comes from; starts no Spark."""
    from tauro.cli.project import open_project
    from tauro.cli.settings_view import spark_settings, tauro_settings

    context = open_project(asked, invocation)
    groups = {"tauro": tauro_settings(context, asked.pipeline), "spark": spark_settings(context, asked.pipeline)}
    if invocation.is_json:
        invocation.answer(
            {
                group: [{"name": row.name, "value": row.value, "origin": row.origin} for row in rows]
                for group, rows in groups.items()
            }
        )
        return
    from tauro.cli.render.tables import console_for, plain_table

    console = console_for(invocation.out)
    for group, rows in groups.items():
        cells = [[invocation.redact(cell) for cell in (row.name, row.value, row.origin)] for row in rows]
        console.print(plain_table((f"{group} setting", "value", "origin"), cells))
        invocation.say()


@show.command(short_help="Show one run.")
@takes("project", "json")
@click.argument("run_id", metavar="RUN")
@click.pass_obj
def run(invocation: Invocation, asked: Asked, run_id: str) -> None:
    """Shows a run of the history: its nodes, attempts, rows, outputs and error.

    RUN is an id, the beginning of one, or `last`.
    """
    from tauro.cli.history import open_history
    from tauro.cli.project import open_project
    from tauro.cli.render.runs import NODE_COLUMNS, whole_document, whole_text

    with open_history(open_project(asked, invocation)) as history:
        whole = history.whole(history.find(run_id))
    if invocation.is_json:
        invocation.answer(whole_document(whole))
        return
    from tauro.cli.render.tables import console_for, plain_table

    head, rows, below = whole_text(whole)
    for name, value in head:
        invocation.say(f"{name:<9} {value}")
    invocation.say()
    console_for(invocation.out).print(plain_table(NODE_COLUMNS, rows))
    invocation.say()
    for line in below:
        invocation.say(line)
