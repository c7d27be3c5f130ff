"""What references in values stand for, and what is said of those that stand for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tauro.config.interpolation import Filled, Interpolator, Scope

FILES = {"notes.txt": "hello\n", "vault/FROM_FILE": "s3cret\r\n", "lines.txt": "a\nb\n\n"}


def read_text(path: str) -> str:
    if path == "locked":
        raise PermissionError(13, "Permission denied")
    if path not in FILES:
        raise FileNotFoundError(path)
    return FILES[path]


def interpolator(
    variables: dict[str, Any] | None = None, run: dict[str, str] | None = None, **settings: Any
) -> Interpolator:
    environ = {"HOME_DIR": "/home", "EMPTY": "", "PASSWORD": "pa55"}
    settings = {"input_path": "data", "max_workers": 4, "secrets_path": "vault"} | settings
    return Interpolator(Scope(variables or {}, settings, environ, read_text, run))


def fill(value: Any, variables: dict[str, Any] | None = None, **options: Any) -> Any:
    filled = interpolator(variables, **options).fill(value)
    assert filled.problems == []
    return filled.value


def problem(value: Any, variables: dict[str, Any] | None = None, **options: Any) -> str:
    filled = interpolator(variables, **options).fill(value)
    [(_, found)] = filled.problems
    return found.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("costs 5$", "costs 5$"),
        ("$name", "$name"),
        ("${n}", 3),
        ("n=${n}", "n=3"),
        ("${flag}", True),
        ("is ${flag}", "is true"),
        ("${list}", [1, 2]),
        ("${ n }", 3),
        ("${input_path}/a", "data/a"),
        ("${max_workers}", 4),
        ("${env:HOME_DIR}/x", "/home/x"),
        ("${secret:PASSWORD}", "pa55"),
        ("${secret:FROM_FILE}", "s3cret"),
        ("${file:notes.txt}", "hello"),
        ("${file:lines.txt}", "a\nb\n"),
        ("${nope:-x y}", "x y"),
        ("${nope:-5}", 5),
        ("${nope:-'5'}", "5"),
        ("n${nope:-5}", "n5"),
        ("${nope:-}", ""),
        ("${nope:-null}", None),
        ("${n:-9}", 3),
        ("${zero:-9}", 0),
        ("${nothing:-9}", 9),
        ("${env:EMPTY:-full}", "full"),
        ("${env:NOPE:-full}", "full"),
        ("${nope:-${also:-${n}}}", 3),
        ("${nope:-a${n}b}", "a3b"),
        ("${file:nope:-none}", "none"),
        ("${secret:NOPE:-none}", "none"),
        ("${env:${which}}", "/home"),
        ("$${n}", "${n}"),
        ("$$${n}", "$${n}"),
        ("$${n} ${n}", "${n} 3"),
        ("${n}${n}", "33"),
        ("${chain}", "data/x/3"),
    ],
)
def test_references_stand_for(text: str, value: object) -> None:
    variables = {
        "n": 3,
        "flag": True,
        "list": [1, 2],
        "zero": 0,
        "nothing": None,
        "which": "HOME_DIR",
        "chain": "${input_path}/${part}",
        "part": "x/${n}",
    }
    found = fill(text, variables)
    assert found == value
    assert type(found) is type(value)


def test_fills_every_depth_and_keeps_what_has_no_reference() -> None:
    written = {"a": ["${n}", {"b": "${n}!"}], "c": {"d": 1}, "${n}": 2}
    found = fill(written, {"n": 3})
    assert found == {"a": [3, {"b": "3!"}], "c": {"d": 1}, "${n}": 2}
    assert found["c"] is written["c"]
    assert written["a"][0] == "${n}"


def test_the_very_same_object_comes_back_where_nothing_is_to_fill() -> None:
    written = {"a": ["$", {"b": "x"}]}
    assert fill(written) is written


def test_the_run_wins_over_variables_and_they_over_settings() -> None:
    variables = {"start_date": "variable", "input_path": "variable"}
    run = {"start_date": "run", "end_date": "run", "run_id": "r1"}
    assert fill("${start_date} ${input_path} ${run_id}", variables, run=run) == "run variable r1"


@pytest.mark.parametrize("text", ["${start_date}", "a/${end_date}/b", "${run_id:-x}"])
def test_before_a_run_its_values_stay_as_written(text: str) -> None:
    filled = interpolator().fill(text)
    assert (filled.value, filled.waits_for_run) == (text, True)


def test_a_variable_that_waits_for_the_run_makes_its_users_wait() -> None:
    filled = interpolator({"day": "d=${start_date}"}).fill(["${day}/x"])
    assert (filled.value, filled.waits_for_run) == (["d=${start_date}/x"], True)


def test_a_run_without_dates_falls_back_to_variables_settings_and_defaults() -> None:
    run = {"run_id": "r1"}
    assert fill("${start_date}", {"start_date": "2013"}, run=run) == "2013"
    assert fill("${start_date}", run=run, start_date="2014") == "2014"
    assert fill("${start_date:-none}", run=run) == "none"
    assert problem("${start_date}", run=run) == "${start_date} has no value, since the run has no dates"


def test_an_undefined_name_is_told_with_the_nearest_and_all_known() -> None:
    [(path, found)] = interpolator({"region": "eu"}).fill({"a": ["${regoin}"]}).problems
    assert path == ("a", 0)
    assert found.message == "${regoin} is not defined"
    assert found.fix == "did you mean 'region'?"
    assert found.notes == ("known names: region, start_date, end_date, run_id, input_path, max_workers, secrets_path",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:NOPE}", "the environment variable 'NOPE' is not set"),
        ("${secret:NOPE}", "the secret 'NOPE' is not an environment variable, nor a file in vault"),
        ("${secret:../notes.txt}", "'../notes.txt' is no name of a secret"),
        ("${secret:..}", "'..' is no name of a secret"),
        ("${file:nope.txt}", "the file 'nope.txt' does not exist"),
        ("${file:locked}", "the file 'locked' can't be read: Permission denied"),
        ("${enf:X}", "unknown kind of reference 'enf'"),
        ("${open", "a ${ has no closing }"),
        ("${}", "${} names nothing"),
        ("${:-x}", "${:-x} names nothing"),
        ("a ${list}", "${list} is a list or a mapping, which can't be part of a text"),
        ("a ${nothing}", "${nothing} is null, which can't be part of a text"),
        ("${variables}", "${variables} is not defined"),
    ],
)
def test_references_that_lead_nowhere(text: str, message: str) -> None:
    assert problem(text, {"list": [1], "nothing": None, "variables_": 1}) == message


def test_a_secret_without_a_folder_for_secrets_says_so() -> None:
    assert problem("${secret:NOPE}", secrets_path=None).endswith("and global_settings has no secrets_path")


def test_every_problem_of_a_value_is_told() -> None:
    filled = interpolator().fill({"a": "${x}", "b": ["${y}"], "c": "${input_path}"})
    assert [path for path, _ in filled.problems] == [("a",), ("b", 0)]
    assert filled.value["c"] == "data"


def test_a_circle_is_told_once_by_its_names() -> None:
    variables = {"a": "${b}", "b": "x${c}", "c": "${a}"}
    circular = interpolator(variables)
    told = [
        found.message
        for name in variables
        for _, found in circular.variable(name).problems
        if "circle" in found.message
    ]
    assert told == ["values refer to each other in a circle: a -> b -> c -> a"]


def test_a_setting_that_refers_to_itself_is_a_circle() -> None:
    [(_, found)] = interpolator(output_path="${output_path}/x").setting("output_path").problems
    assert "output_path -> output_path" in found.message


def test_a_setting_may_build_on_the_variable_of_its_name() -> None:
    assert interpolator({"output_path": "/v"}, output_path="${output_path}/x").setting("output_path").value == "/v/x"


def test_secrets_are_collected_through_variables_too() -> None:
    filling = interpolator({"db": "user:${secret:PASSWORD}", "note": "${file:notes.txt}"})
    filled = filling.fill({"url": "jdbc:${db}", "x": "${note}"})
    assert filled.is_secret
    assert filling.secrets == {"pa55", "hello"}


@pytest.mark.parametrize(
    "value",
    [
        {"path": "/x/${secret:PASSWORD}"},
        {"path": ["/ok", "/x/${file:notes.txt}"]},
        {"input": {"a": {"path": "${hidden}"}}},
        {"options": {"path": "${nope:-${secret:PASSWORD}}"}},
    ],
)
def test_secrets_are_refused_in_paths(value: dict[str, Any]) -> None:
    assert problem(value, {"hidden": "${secret:PASSWORD}"}).startswith("a secret can't be part of a path")


def test_secrets_may_stand_in_other_fields() -> None:
    filled: Filled = interpolator().fill({"url": "${secret:PASSWORD}", "path": "/x"})
    assert filled.problems == []
