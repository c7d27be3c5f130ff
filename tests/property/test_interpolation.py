"""Laws of references in values."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from tauro.config.interpolation import Interpolator, Scope
from tauro.config.references import ReferenceProblem, escape, split

TEXTS = st.text(alphabet="ab${}:-'\\ é", max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(alphabet="abc$", max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=3),
    max_leaves=8,
)


def no_files(path: str) -> str:
    raise FileNotFoundError(path)


def interpolator(variables: dict[str, Any]) -> Interpolator:
    return Interpolator(Scope(variables, {}, {}, no_files, {}))


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_reference_is_itself(text: str) -> None:
    assert interpolator({}).fill(text).value is text


@given(TEXTS)
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    filled = interpolator({}).fill(escape(text))
    assert (filled.value, filled.problems) == (text, [])


@given(NAMES, VALUES)
def test_a_whole_reference_keeps_value_and_type(name: str, value: Any) -> None:
    found = interpolator({name: value}).fill(f"${{{name}}}").value
    assert found == value
    assert type(found) is type(value)


@given(NAMES, st.text(alphabet="abc$}", max_size=5), TEXTS, TEXTS)
def test_a_reference_inside_of_text_is_pasted(name: str, value: str, before: str, after: str) -> None:
    before = before.rstrip("$")
    text = f"{escape(before)}${{{name}}}{escape(after)}"
    expected = f"{before}{value}{after}"
    assert interpolator({name: value}).fill(text).value == (expected if text != f"${{{name}}}" else value)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_filling_in_what_is_filled_in_changes_nothing(values: dict[str, Any]) -> None:
    once = interpolator({}).fill(values).value
    assert interpolator({}).fill(once).value is once


@given(TEXTS)
def test_any_text_is_split_or_refused_by_name(text: str) -> None:
    try:
        pieces = split(text)
    except ReferenceProblem:
        event("refused")
        return
    literal = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    assert literal == text.replace("$${", "${")


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
def test_a_chain_leads_to_its_end_and_a_ring_is_refused(names: list[str]) -> None:
    links = dict(zip(names, [f"${{{name}}}" for name in names[1:]], strict=False))
    assert interpolator({**links, names[-1]: 7}).fill(f"${{{names[0]}}}").value == 7
    ring = interpolator({**links, names[-1]: f"${{{names[0]}}}"})
    messages = [problem.message for name in names for _, problem in ring.variable(name).problems]
    assert sum("circle" in message for message in messages) == 1
