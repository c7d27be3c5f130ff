"""Python source as a person would write it."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tauro.integrations.airflow.source import LONGEST_LINE, Call, Name, names_for, source

VALUES = [
    "plain",
    'with "quotes"',
    "it's",
    'it\'s "both"',
    "back\\slash",
    "new\nline\ttab",
    "ünï 🙂",
    "\x00",
    ["a" * 60, "b" * 60],
    {"a": 1, "b": [True, None], "c": {}},
    [],
    {"long": ["x" * 40, {"deep": "y" * 50}]},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_source_of_a_value_is_that_value(value: object) -> None:
    assert ast.literal_eval(source(value)) == value


def test_what_fits_stays_on_one_line_and_the_rest_is_one_argument_a_line() -> None:
    short = Call("f", (1, "a"), {"x": [Name("y")], "left_out": None})
    assert source(short) == 'f(1, "a", x=[y])'
    long = source(Call("f", ("a" * 50,), {"x": "b" * 50, "y": [1]}))
    assert long == f'f(\n    "{"a" * 50}",\n    x="{"b" * 50}",\n    y=[1],\n)'
    edge = Call("f", ("a" * (LONGEST_LINE - len('f("")')),))
    assert "\n" not in source(edge)
    assert "\n" in source(edge, used=1)
    assert "\n" in source(edge, indent=1)


def test_formatters_leave_it_as_it_is() -> None:
    calls = [source(Call("print", tuple(VALUES[:-1]), {"end": value})) for value in VALUES]
    text = "\n".join(calls) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--stdin-filename", "a.py", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == text


def test_names_are_pythons_and_no_two_are_the_same() -> None:
    names = names_for(["clean-orders", "clean_orders", "clean orders", "class", "2nd", "dag", "ok"], taken=["dag"])
    assert names["ok"] == "ok"
    assert names["clean-orders"] == "clean_orders"
    assert len(set(names.values())) == len(names)
    assert all(name.isidentifier() for name in names.values())
    assert not {"class", "dag"} & set(names.values())
