"""The JSON Schemas beside the examples: up to date, named by every document, and met by it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tauro.config.schema import json_schemas

EXAMPLES = Path(__file__).parents[3] / "config_examples"
DOCUMENTS = sorted(path for path in EXAMPLES.glob("*/**/*.yml") if "output" not in path.relative_to(EXAMPLES).parts)
MARK = "# yaml-language-server: $schema="


def test_the_shipped_schemas_are_what_the_command_writes() -> None:
    shipped = {path.stem: json.loads(path.read_text()) for path in (EXAMPLES / "schema").glob("*.json")}
    assert shipped == json.loads(json.dumps(json_schemas())), "run: tauro schema -o config_examples/schema"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_each_document_names_its_schema_and_meets_it(document: Path) -> None:
    first_line = document.read_text().splitlines()[0]
    assert first_line.startswith(MARK)
    schema = json.loads((document.parent / first_line.removeprefix(MARK)).resolve(strict=True).read_text())
    jsonschema.validate(yaml.load(document.read_text(), _TextDates), schema)


class _TextDates(yaml.SafeLoader):
    """Reads an unquoted date as the text that was written, as editors and Tauro do."""


_TextDates.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
