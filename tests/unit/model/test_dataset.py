"""Inputs and outputs as users write them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tauro.model.dataset import InputSpec, OutputSpec, format_of_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.csv", "csv"),
        ("a/b.CSV.gz", "csv"),
        ("a.jsonl", "json"),
        ("a.parquet", "parquet"),
        ("a/*.orc", "orc"),
        ("a/b.avro", "avro"),
        ("a/b", None),
        ("a/b.gz", None),
        ("v1.2/rows", None),
    ],
)
def test_a_format_follows_from_a_path(path: str, expected: str | None) -> None:
    assert format_of_path(path) == expected


def test_a_given_format_wins_over_the_path() -> None:
    assert InputSpec.parse("a", {"path": "a.csv", "format": "text"}).format_name == "text"


def test_the_format_follows_from_table_and_query() -> None:
    assert InputSpec.parse("a", {"table": "t"}).format_name == "table"
    assert InputSpec.parse("a", {"query": "select 1"}).format_name == "query"
    assert OutputSpec.parse("a", {"table": "t"}).format_name == "table"


@pytest.mark.parametrize(
    "fields", [{"path": "a", "table": "b"}, {"path": "a", "query": "q"}, {"table": "a", "query": "q"}]
)
def test_an_input_is_in_one_place(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        InputSpec.parse("a", fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"path": "a", "table": "b"}, "exclude each other"),
        ({"write_mode": "merge"}, "needs keys"),
        ({"keys": ["id"]}, "keys are for write_mode merge"),
        ({"write_mode": "append", "overwrite_scope": "window", "window_column": "d"}, "is for write_mode overwrite"),
        ({"overwrite_scope": "window"}, "needs window_column"),
        ({"write_mode": "upsert"}, "write_mode"),
        ({"mode": "append"}, "mode"),
    ],
)
def test_an_output_that_makes_no_sense_is_an_error(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OutputSpec.parse("a", fields)


def test_an_output_overwrites_its_table_unless_told_otherwise() -> None:
    spec = OutputSpec.parse("a", {})
    assert (spec.write_mode.value, spec.overwrite_scope.value, spec.schema_evolution) == ("overwrite", "table", False)
