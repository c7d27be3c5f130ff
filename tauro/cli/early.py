"""Has Spark's JVM start while a command is still reading the project."""

from __future__ import annotations

import os

import click

from tauro.cli.options import Asked
from tauro.cli.root import find_root
from tauro.errors import ProjectError
from tauro.launch import early
from tauro.launch.warm.place import is_kept


def start_early(ctx: click.Context, asked: Asked, *, is_verbose: bool = False, is_warm: bool | None = None) -> None:
    """Starts the JVM that the command will most likely want, and lets go of it at its end if it did not.

    Args:
        ctx: click's context of the command.
        asked: what the call asks for.
        is_verbose: whether everything is shown; what the JVM prints then goes elsewhere, so that nothing is started.
        is_warm: whether the command runs in the project's warm JVM; None if the project decides.
    """
    if is_verbose or os.environ.get("TAURO_VERBOSE") == "1":
        return
    try:
        root = find_root(asked.project)
    except ProjectError:  # which is told when the project is opened
        return
    if is_warm or (is_warm is None and is_kept(root, os.environ)):
        return
    ctx.call_on_close(early.close)
    early.begin(root, asked.env, asked.pipeline)
