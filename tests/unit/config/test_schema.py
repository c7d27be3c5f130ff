"""The JSON Schemas accept what loading accepts, and refuse what it refuses."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tauro.config.schema import json_schemas

SCHEMAS = json_schemas()


def is_valid(document: str, value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMAS[document]).is_valid(value))


def test_there_is_a_valid_schema_for_the_manifest_and_each_document() -> None:
    assert list(SCHEMAS) == [
        "tauro",
        "global_settings",
        "pipelines_config",
        "nodes_config",
        "input_config",
        "output_config",
    ]
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["description"]


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("tauro", {}),
        ("tauro", {"nodes_config": "n.yml", "input_config": ["*.yml"], "environments": {"prod": "config/prod"}}),
        ("tauro", {"nodes_config": {"a": {"function": "m.a"}}, "global_settings": {"max_workers": 3}}),
        ("global_settings", {"$schema": "x", "max_workers": 3, "mode": "local", "retry": 2}),
        ("global_settings", {"max_workers": "${workers}", "mode": "${mode}", "retry": "${env:RETRY:-2}"}),
        ("global_settings", {"spark_config": "${conf}", "circuit_breaker": {"threshold": "${n}"}}),
        ("pipelines_config", {"p": {"nodes": ["a", {"b": None}], "requires_dates": "${dated}"}}),
        ("nodes_config", {"a": {"name": "a", "function": "m.a", "timeout_s": "${t}", "params": {"x": [1]}}}),
        ("input_config", {"i": {"path": ["a", "b"], "schema": "a INT", "options": {"header": True}}, "j": None}),
        ("global_settings", {"publish": None, "retry": {"retries": None}}),
        ("pipelines_config", {"p": {"on_failure": "continue"}, "q": None}),
        ("output_config", {"o": {"write_mode": "append", "keys": "id", "schema_evolution": "${evolve}"}}),
    ],
)
def test_accepts_what_loads(document: str, value: Any) -> None:
    assert is_valid(document, value)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("tauro", {"node_config": {}}),
        ("tauro", {"nodes_config": 3}),
        ("tauro", {"nodes_config": {"a": {"functoin": "m.a"}}}),
        ("global_settings", {"max_worker": 3}),
        ("global_settings", {"max_workers": "three"}),
        ("global_settings", {"on_failure": "ignore"}),
        ("pipelines_config", {"p": {"nodes": 3}}),
        ("nodes_config", {"a": {"functoin": "m.a"}}),
        ("nodes_config", {"a": {"retry": {"retires": 1}}}),
        ("input_config", {"i": {"optional": "maybe"}}),
        ("input_config", {"i": {"name": "i"}}),
        ("output_config", {"o": {"write_mode": "overwrit"}}),
        ("output_config", ["o"]),
    ],
)
def test_refuses_what_does_not_load(document: str, value: Any) -> None:
    assert not is_valid(document, value)


def test_every_field_of_every_entry_has_a_description() -> None:
    undescribed = [
        f"{document}.{model}.{name}"
        for document, schema in SCHEMAS.items()
        for model, definition in [("", schema), *schema.get("$defs", {}).items()]
        for name, field in definition.get("properties", {}).items()
        if "description" not in field
    ]
    assert undescribed == []
