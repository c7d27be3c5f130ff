"""A node's fields as users write them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tauro.model.node import NodeSpec


def node(**fields: object) -> NodeSpec:
    return NodeSpec.parse("n", {"function": "m.f", **fields})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, ()),
        ("a", ("a",)),
        ({"a": {"any": "thing"}}, ("a",)),
        (["a", {"b": None}, "a"], ("a", "b")),
        ([], ()),
        ({}, ()),
    ],
)
def test_dependencies_are_a_name_a_one_key_mapping_or_a_list(written: object, expected: tuple[str, ...]) -> None:
    assert node(dependencies=written).dependencies == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"a": 1, "b": 2}, "has one key, the node's name; this one has 2: a, b"),
        ([{"a": 1, "b": 2}], "has one key"),
        (5, r"a dependency is 5 \(int\)"),
        (["a", 5], r"a dependency is 5 \(int\)"),
        (["a", None], "a dependency is null"),
        (["a", ["b"]], "a dependency is"),
        ([True], "a dependency is True"),
        ("  ", "empty text"),
    ],
)
def test_anything_else_is_a_clear_error(written: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        node(dependencies=written)


def test_inputs_keep_their_order_and_their_keywords() -> None:
    assert [(one.id, one.keyword) for one in node(input=["b", "a"]).input] == [("b", None), ("a", None)]
    assert [(one.id, one.keyword) for one in node(input={"x": "b", "y": "a"}).input] == [("b", "x"), ("a", "y")]
    assert [one.id for one in node(input="alone").input] == ["alone"]


def test_an_entry_may_stand_in_place_of_an_id() -> None:
    by_place, by_name = node(input=["a", {"path": "data/b.csv"}]).input[1], node(input={"x": {"table": "t"}}).input[0]
    assert (by_place.id, by_place.inline and by_place.inline.format_name) == ("2", "csv")
    assert (by_name.id, by_name.keyword, by_name.inline and by_name.inline.table) == ("x", "x", "t")
    assert node(output=[{"path": "out", "format": "orc"}]).output[0].inline is not None


def test_a_node_has_a_function_or_sql() -> None:
    for fields in ({}, {"function": "m.f", "sql": "select 1"}):
        with pytest.raises(ValidationError, match="either a function or sql"):
            NodeSpec.parse("n", fields)


def test_unknown_fields_are_errors() -> None:
    with pytest.raises(ValidationError, match="inputs"):
        node(inputs=["a"])


def test_a_number_of_retries_is_short_for_a_retry() -> None:
    retry = node(retry=2).retry
    assert retry is not None
    assert (retry.retries, retry.backoff_s, retry.max_backoff_s) == (2, 1, 60)
    for wrong in (True, -1, {"retires": 2}):
        with pytest.raises(ValidationError):
            node(retry=wrong)


def test_entries_are_immutable() -> None:
    with pytest.raises(ValidationError):
        node().function = "other"  # type: ignore[misc]  # that is the point
