"""Errors say what, where and how to fix it, stay catchable as what users expect, and carry their exit code."""

from __future__ import annotations

import inspect

import pytest

from tauro import errors
from tauro.errors import (
    ConfigError,
    CycleError,
    InvalidValueError,
    MissingExtraError,
    NodeError,
    NodeTimeoutError,
    Problem,
    ResultError,
    RunFailedError,
    RunInterruptedError,
    SessionLostError,
    Severity,
    TauroError,
    UnknownNameError,
    WindowError,
    bounded,
    did_you_mean,
)

ALL = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, TauroError)]


def test_every_error_has_the_one_root_and_is_drawn_in_the_tree() -> None:
    assert all(one is TauroError or one.__name__ in (errors.__doc__ or "") for one in ALL)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError, ValueError),
        (UnknownNameError, KeyError),
        (UnknownNameError, ValueError),
        (CycleError, ValueError),
        (InvalidValueError, ValueError),
        (MissingExtraError, ImportError),
        (NodeError, RuntimeError),
        (ResultError, TypeError),
        (WindowError, ValueError),
        (NodeTimeoutError, TimeoutError),
        (SessionLostError, ConnectionError),
    ],
)
def test_errors_are_catchable_as_what_users_expect(error: type[Exception], expected: type[Exception]) -> None:
    assert issubclass(error, expected)


def test_exit_codes_follow_the_tree() -> None:
    codes = {one.__name__: one.exit_code for one in ALL}
    assert {name for name, code in codes.items() if code == 1} == {"TauroError", "IllegalTransitionError"}
    assert {name for name, code in codes.items() if code == 130} == {"RunInterruptedError"}
    assert {name for name, code in codes.items() if code == 5} == {"OutputHeldError"}
    assert codes["ProjectError"] == codes["ConfigError"] == codes["MissingExtraError"] == 2
    assert codes["ExecutionError"] == codes["NodeError"] == codes["RunFailedError"] == 3


def test_an_error_says_what_where_and_how_to_fix_it() -> None:
    assert str(TauroError("it broke", where="node 'a'", fix="mend it")) == "node 'a': it broke\n  fix: mend it"
    assert str(TauroError("it broke")) == "it broke"


def test_an_unknown_name_comes_with_the_known_ones_and_a_suggestion() -> None:
    error = UnknownNameError("pipeline", "dayly", ["daily", "weekly"])
    assert str(error) == "unknown pipeline 'dayly'; known: daily, weekly\n  fix: did you mean 'daily'?"


def test_an_unknown_name_among_none_says_none() -> None:
    assert "known: none" in str(UnknownNameError("node", "a", []))


def test_a_problem_reads_like_a_report() -> None:
    problem = Problem(
        "unknown dependency 'extrat'",
        file="config/nodes/etl.yml",
        line=14,
        where="node 'transform'",
        notes=("known nodes: extract, load",),
        fix="did you mean 'extract'?",
    )
    assert str(problem) == (
        "config/nodes/etl.yml:14  node 'transform': unknown dependency 'extrat'\n"
        "  known nodes: extract, load\n"
        "  fix: did you mean 'extract'?"
    )


def test_a_warning_says_that_it_is_one() -> None:
    assert str(Problem("odd", Severity.WARNING, file="a.yml")) == "a.yml  warning: odd"


def test_many_problems_are_bounded_and_all_kept() -> None:
    error = ConfigError([Problem(f"wrong {at}") for at in range(25)])
    assert len(error.problems) == 25
    assert "wrong 19" in str(error)
    assert "wrong 20" not in str(error)
    assert str(error).endswith("... and 5 more")


def test_a_cycle_is_told_as_a_path() -> None:
    assert "a -> b -> a" in str(CycleError(["a", "b", "a"]))


def test_a_node_error_tells_node_attempt_pipeline_and_duration() -> None:
    error = NodeError("clean", "ZeroDivisionError: by zero", attempt=2, pipeline="daily", duration_s=1.25)
    assert (error.node, error.attempt, error.pipeline, error.duration_s) == ("clean", 2, "daily", 1.25)
    assert str(error) == (
        "node 'clean' of pipeline 'daily' failed in attempt 2 after 1.2 s: ZeroDivisionError: by zero"
    )


def test_a_missing_extra_names_the_command_that_brings_it() -> None:
    error = MissingExtraError("scikit-optimize", "ml", needed_for="a search")
    assert error.extra == "ml"
    assert "pip install 'tauro[ml]'" in str(error)


def test_the_ends_of_runs_carry_their_result() -> None:
    result = object()
    assert RunFailedError("failed", result=result, is_transient=True).is_transient
    assert RunFailedError("failed", result=result).result is result
    assert RunInterruptedError("stopped", result=result).result is result


def test_names_past_the_bound_are_counted() -> None:
    assert bounded(list("abcd"), at_most=2) == "a, b, ... 2 more"
    assert bounded(list("ab"), at_most=2) == "a, b"


def test_nothing_is_suggested_for_a_name_like_no_other() -> None:
    assert did_you_mean("xyz", ["extract", "load"]) is None
