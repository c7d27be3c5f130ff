"""`tauro graph`: a drawing of a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from tauro.cli.render.picture import Picture

KINDS = ("mermaid", "svg", "html")
SUFFIXES = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".mermaid": "mermaid", ".md": "mermaid"}


@click.command(short_help="Draw a pipeline.")
@takes("pipeline", "window", "selection", "project")
@click.option(
    "--format",
    "kind",
    type=click.Choice(KINDS),
    help="What to draw it as; if left out the file's name tells, else mermaid.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.pass_obj
def graph(invocation: Invocation, asked: Asked, kind: str | None, output: Path | None) -> None:
    """Draws a pipeline, or a part of it: as Mermaid text, or as an SVG or HTML file for a browser."""
    from tauro.cli.project import open_project, pipeline_of, sketch_of
    from tauro.cli.render.picture import picture_of
    from tauro.errors import ProjectError

    suffix = output.suffix.lower() if output else ""
    if kind is None and suffix and suffix not in SUFFIXES:
        raise ProjectError(
            f"{output} does not tell what to draw: its ending is none of {', '.join(SUFFIXES)}",
            where="--output",
            fix="name the file so, or give --format",
        )
    context = open_project(asked, invocation)
    picture = picture_of(sketch_of(asked, context, pipeline_of(asked, context)), context.redact)
    drawn = _draw(kind or SUFFIXES.get(suffix, "mermaid"), picture)
    if output is None:
        invocation.out.write(drawn)
        return
    try:
        output.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{output} can't be written: {error.strerror}", where="--output") from error
    invocation.say(f"wrote {output}")


def _draw(kind: str, picture: Picture) -> str:
    if kind == "svg":
        from tauro.cli.render.svg import svg

        return svg(picture)
    if kind == "html":
        from tauro.cli.render.page import page

        return page(picture)
    from tauro.cli.render.mermaid import mermaid

    return mermaid(picture) + "\n"
