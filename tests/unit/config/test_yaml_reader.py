"""YAML text becomes what was written, and its traps are caught."""

from __future__ import annotations

import math

import pytest

from tauro.config import yaml_reader
from tauro.config.positions import yaml_positions
from tauro.config.yaml_reader import compose_in_python, read_yaml


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(yaml_reader, "compose", compose_in_python)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("2013-01-01", "2013-01-01"),
        ("2013-01-01 06:00:00", "2013-01-01 06:00:00"),
        ("1:30", "1:30"),
        ("007", "007"),
        ("-01.5", "-01.5"),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("1_000", "1_000"),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("-", ["a"]),
        ("'3'", "3"),
        ('"true"', "true"),
        ("!!str 3", "3"),
        ("!!float 3", 3),
        ("!!int '4'", 4),
        ("|\n  a\n  b", "a\nb"),
        ("=", "="),
        ("a#b", "a#b"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    text = "x:\n- a" if written == "-" else f"x: {written}"
    parsed = read_yaml(text)
    assert parsed.flaws == ()
    assert parsed.value == {"x": value}
    assert type(parsed.value["x"]) is type(value)


def test_not_a_number_is_one() -> None:
    assert math.isnan(read_yaml(".nan").value)


def test_keys_are_the_text_that_was_written() -> None:
    value = read_yaml("1: a\non: b\n2013-01-01: c\nnull: d\n1.10: e\ntrue: f").value
    assert list(value) == ["1", "on", "2013-01-01", "null", "1.10", "true"]


def test_empty_text_holds_nothing() -> None:
    assert read_yaml("").value is None
    assert read_yaml("# only a comment\n---\n").value is None


def test_duplicate_keys_name_both_lines_at_every_depth() -> None:
    parsed = read_yaml("a: 1\nb:\n  c: [{d: 1,\n      d: 2}]\na: 3\n")
    assert [(flaw.line, flaw.path, flaw.message, flaw.notes) for flaw in parsed.flaws] == [
        (4, ("b", "c", 0, "d"), "key 'd' stands twice", ("first in line 3",)),
        (5, ("a",), "key 'a' stands twice", ("first in line 1",)),
    ]
    assert parsed.value["a"] == 1
    assert parsed.lines["a"] == 1


def test_merge_keys_give_way_to_own_keys_wherever_they_stand() -> None:
    text = """
base: &base {x: 1, y: 1, z: 1}
more: &more {y: 2}
one: {y: 3, <<: *base}
two:
  <<: [*more, *base]
  z: 3
text: {'<<': 1}
"""
    parsed = read_yaml(text)
    assert parsed.flaws == ()
    assert parsed.value["one"] == {"x": 1, "y": 3, "z": 1}
    assert parsed.value["two"] == {"x": 1, "y": 2, "z": 3}
    assert parsed.value["text"] == {"<<": 1}


def test_aliases_repeat_what_they_name() -> None:
    assert read_yaml("a: &a [1, {b: 2}]\nc: *a").value["c"] == [1, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: &a\n  - *a", 1, "an alias stands inside of what it repeats"),
        ("a: &a\n  <<: *a", 1, "<< takes a mapping, or a list of mappings"),
        ("a:\n  <<: 3", 2, "<< takes a mapping, or a list of mappings"),
        ("a: 1\n? [b]\n: c", 2, "a key is a list or a mapping"),
        ("a: !secret b", 1, "unknown YAML tag '!secret'"),
        ("a: !python/tuple [b]", 1, "unknown YAML tag '!python/tuple'"),
        ("a: !!int b", 1, "'b' is not what its tag !!int says"),
        ("a: 1\n---\nb: 1", 2, "the file holds several YAML documents"),
        ("a: 1\nb: \x01", 2, "not valid YAML: "),
    ],
)
def test_what_no_document_may_hold_is_a_flaw_with_its_line(text: str, line: int, message: str) -> None:
    flaw = read_yaml(text).flaws[0]
    assert (flaw.line, flaw.message[: len(message)]) == (line, message)


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("a:\n\tb: 1", 2, "indent with spaces instead of tabs"),
        ("a: b\nc: d: e", 2, "put text that contains ': ' in quotes, and check the indentation"),
        ("a: @b", 1, "put the text in quotes"),
        ("a: `b`", 1, "put the text in quotes"),
        ("a: *.csv", 1, "put the text in quotes"),
        ("a: [${b}, c]", 1, "put ${...} in quotes inside of [ ] or { }"),
        ("a: [1\nb: 2", 2, None),
    ],
)
def test_syntax_errors_have_a_line_and_where_possible_a_fix(text: str, line: int, fix: str | None) -> None:
    parsed = read_yaml(text)
    [flaw] = parsed.flaws
    assert parsed.value is None
    assert flaw.message.startswith("not valid YAML: ")
    assert (flaw.line, flaw.fix) == (line, fix)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a",), (1, 2)),
        (("a", "list", 1), (3, 5)),
        (("a", "list", 9), (2, 3)),
        (("a", "nowhere", "deeper"), (1, 2)),
        (("b", "list"), (2, 3)),
        (("b", "own"), (2, 8)),
        (("c",), (0, None)),
        (("a", "list", 1, "x"), (4, 6)),
    ],
)
def test_lines_lead_to_the_nearest_value_there_is(path: tuple[str | int, ...], found: tuple[int, int | None]) -> None:
    text = "# a comment\na: &a\n  list:\n    - 1\n    - y: 1\n      x: 2\nb:\n  own: 1\n  <<: *a\n"
    assert yaml_positions(text).locate(path) == found
