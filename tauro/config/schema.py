"""JSON Schema of the documents, for editors that complete and check them, and for other tools."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tauro.config.findings import ENTRY_KINDS, MANIFEST
from tauro.config.loading import SPECS
from tauro.config.project import ENVIRONMENTS
from tauro.model.settings import GlobalSettings

Schema = dict[str, Any]
"""Any: a JSON document."""
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{", "description": "A reference such as ${name}."}
_WORDS_FOR = {
    "global_settings": "The project's settings.",
    "pipelines_config": "Pipelines by name.",
    "nodes_config": "Nodes by name.",
    "input_config": "Inputs by id.",
    "output_config": "Outputs by id.",
}


def json_schemas() -> dict[str, Schema]:
    """The schema of `tauro.yml` (under `tauro`) and of each of the five documents, by name (draft 2020-12).

    Where a number, a boolean or one of a few words is expected, text with a `${reference}` in it will do, too. An
    environment's files have the same schemas, so no field is required, and null, which removes, may stand for any.
    """
    documents = {"global_settings": _settings(), **{name: _entries(name) for name in ENTRY_KINDS}}
    schemas = {MANIFEST: _manifest(documents), **documents}
    return {name: {"$schema": _DRAFT, **schema} for name, schema in schemas.items()}


def _settings() -> Schema:
    return _with_schema_key(_of_model(GlobalSettings)) | {"description": _WORDS_FOR["global_settings"]}


def _entries(document: str) -> Schema:
    spec = SPECS[document]
    entry = _of_model(spec)
    definitions = entry.pop("$defs", {})
    if document == "nodes_config":
        name = {"type": "string", "description": "If given, equal to the key under which the node stands."}
        entry["properties"] = {"name": name, **entry["properties"]}
    return _with_schema_key(
        {
            "description": _WORDS_FOR[document],
            "type": "object",
            # null: an entry with nothing but defaults, and in an environment's file an entry that is removed
            "additionalProperties": {"anyOf": [{"$ref": f"#/$defs/{spec.__name__}"}, {"type": "null"}]},
            "$defs": {**definitions, spec.__name__: entry},
        }
    )


def _manifest(documents: dict[str, Schema]) -> Schema:
    definitions: Schema = {}
    properties: Schema = {}
    for name, schema in documents.items():
        inline = {key: value for key, value in schema.items() if key != "$defs"}
        definitions.update(schema.get("$defs", {}))
        definitions[name] = inline
        properties[name] = {
            "description": f"{_WORDS_FOR[name]} A path or glob, a list of them, or the document itself.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"$ref": f"#/$defs/{name}"},
                {"type": "null"},
            ],
        }
    properties[ENVIRONMENTS] = {
        "description": "Environments by name: the folder whose files are laid over the documents of the same names.",
        "type": ["object", "null"],
        "additionalProperties": {"type": "string"},
    }
    return _with_schema_key(
        {
            "description": "Marks a project of Tauro, and names its documents.",
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "$defs": definitions,
        }
    )


def _with_schema_key(schema: Schema) -> Schema:
    key = {"$schema": {"type": "string", "description": "Where an editor finds this schema."}}
    return {**schema, "properties": {**key, **schema.get("properties", {})}}


def _of_model(model: type[BaseModel]) -> Schema:
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    for definition in (schema, *definitions.values()):
        definition.pop("required", None)
        properties = definition.get("properties", {})
        for name, field in properties.items():
            if "$ref" in field:  # pydantic leaves a description out that is the same as the type's
                field.setdefault("description", definitions[field["$ref"].rpartition("/")[2]]["description"])
            properties[name] = _open_for_references(field)
    untitled: Schema = _without_titles(schema)
    return untitled


def _open_for_references(field: Schema) -> Schema:
    """The schema of a field, which takes a reference where it would not take text, and null."""
    kept = {key: value for key, value in field.items() if key in ("description", "default")}
    choices = field.get("anyOf", [{key: value for key, value in field.items() if key not in kept}])
    takes_text = any(choice.get("type") == "string" and "enum" not in choice for choice in choices)
    takes_null = any(choice.get("type") == "null" for choice in choices)
    more = [*([] if takes_text else [_REFERENCE]), *([] if takes_null else [{"type": "null"}])]
    return {**kept, "anyOf": [*choices, *more]}


def _without_titles(node: Any) -> Any:  # Any: any part of a JSON document
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_titles(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}
