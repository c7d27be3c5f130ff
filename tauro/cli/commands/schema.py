"""`tauro schema`: JSON Schemas of the documents, which editors use to complete and check them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tauro.cli.invocation import Invocation


@click.command(short_help="Write JSON Schemas of the documents.")
@click.argument("document", required=False)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Write a file for each into this folder."
)
@click.pass_obj
def schema(invocation: Invocation, document: str | None, output: Path | None) -> None:
    """Prints the JSON Schema of DOCUMENT, such as nodes_config; without one, a mapping of all of them."""
    from tauro.config.schema import json_schemas
    from tauro.errors import ProjectError, UnknownNameError

    schemas = json_schemas()
    if document is not None:
        if document not in schemas:
            raise UnknownNameError("document", document, list(schemas))
        schemas = {document: schemas[document]}
    if output is None:
        shown = schemas if document is None else schemas[document]
        invocation.out.write(json.dumps(shown, indent=2) + "\n")
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, content in schemas.items():
            file = output / f"{name}.json"
            file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            invocation.say(str(file))
    except OSError as error:
        raise ProjectError(f"the schemas can't be written to {output}: {error.strerror}", where="--output") from error
