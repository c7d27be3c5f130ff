"""`tauro init`: a new project that runs and whose tests pass."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tauro.cli.invocation import Invocation

FIRST_RUN = "tauro run --pipeline daily --start 2025-01-01 --end 2025-01-07"
"""What a new project is run with first."""


@click.command(short_help="Write a new project.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def init(invocation: Invocation, directory: Path) -> None:
    """Writes a small project into DIRECTORY; nothing that is there already is overwritten."""
    from tauro.cli.scaffold import write_project
    from tauro.errors import ProjectError

    try:
        files = write_project(directory)
    except OSError as error:
        raise ProjectError(f"{directory} can't be written: {error.strerror or error}", where="tauro init") from error
    for file in files:
        invocation.say(f"wrote {file}")
    invocation.say()
    invocation.say("next:")
    invocation.say(f"  cd {shlex.quote(str(directory))}")
    invocation.say("  tauro validate")
    invocation.say(f"  {FIRST_RUN}")
