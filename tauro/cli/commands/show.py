"""`tauro show`: one node as Tauro understands it, or every setting with the place it comes from."""

from __future__ import annotations

import click

from tauro.cli import completion
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes


@click.group(short_help="Show one node, or the settings.")
def show() -> None:
    """Shows one node, or every setting with its origin."""


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
