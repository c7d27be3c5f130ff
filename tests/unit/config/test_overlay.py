from __future__ import annotations

from tauro.config.overlay import merge


def test_mappings_merge_at_every_depth_and_the_rest_replaces() -> None:
    base = {"a": {"b": {"c": 1, "d": [1, 2]}, "e": 1}, "f": {"g": 1}, "h": 1}
    overlay = {"a": {"b": {"d": [3]}}, "f": 2, "h": {"i": 1}}
    assert merge(base, overlay) == {"a": {"b": {"c": 1, "d": [3]}, "e": 1}, "f": 2, "h": {"i": 1}}
    assert base["a"] == {"b": {"c": 1, "d": [1, 2]}, "e": 1}


def test_an_explicit_null_removes_at_every_depth() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None}, "d": None, "e": None}) == {"a": {"c": 2}}


def test_nulls_in_what_is_new_leave_nothing_behind() -> None:
    assert merge({}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}


def test_a_null_of_the_base_stays() -> None:
    assert merge({"a": None}, {"b": 1}) == {"a": None, "b": 1}


def test_keys_keep_the_order_of_the_base() -> None:
    assert list(merge({"b": 1, "a": 1}, {"c": 1, "a": 2})) == ["b", "a", "c"]
