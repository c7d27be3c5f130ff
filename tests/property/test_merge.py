"""Laws that laying one mapping over another obeys."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tauro.config.overlay import merge

KEYS = st.sampled_from("abc")
LEAVES = st.integers(0, 3) | st.sampled_from(["", "x"]) | st.lists(st.integers(0, 3), max_size=2)


def mappings(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(leaves, lambda below: st.dictionaries(KEYS, below, max_size=3), max_leaves=8)
    return st.dictionaries(KEYS, values, max_size=3)


BASES = mappings(LEAVES)
OVERLAYS = mappings(LEAVES | st.none())


def holds_null(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and any(holds_null(item) for item in value.values()))


@given(BASES)
def test_nothing_laid_over_changes_nothing(base: dict[str, Any]) -> None:
    assert merge(base, {}) == base


@given(BASES)
def test_laid_over_nothing_all_of_it_stands(overlay: dict[str, Any]) -> None:
    assert merge({}, overlay) == overlay


@given(BASES, OVERLAYS)
def test_laying_it_over_again_changes_nothing(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    once = merge(base, overlay)
    assert merge(once, overlay) == once


@given(BASES, OVERLAYS)
def test_every_key_is_the_overlays_or_the_bases(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    merged = merge(base, overlay)
    removed = {key for key, value in overlay.items() if value is None}
    assert set(merged) == (set(base) | set(overlay)) - removed
    assert all(merged[key] == base[key] for key in merged if key not in overlay)


@given(BASES, OVERLAYS)
def test_no_null_is_left_of_an_overlay(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    assert not any(holds_null(value) for value in merge(base, overlay).values())


@given(BASES, BASES, BASES)
def test_without_nulls_and_with_like_shapes_order_of_merging_is_free(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    # A scalar between two mappings cuts the first off, whichever pair is merged first; leaves alone are compared here.
    flat = [{key: value for key, value in each.items() if not isinstance(value, dict)} for each in (one, two, three)]
    nested = [{"below": each} for each in flat]
    first, second, third = nested
    assert merge(merge(first, second), third) == merge(first, merge(second, third))


@given(BASES, OVERLAYS)
def test_neither_side_is_changed(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    before = repr((base, overlay))
    merge(base, overlay)
    assert repr((base, overlay)) == before
