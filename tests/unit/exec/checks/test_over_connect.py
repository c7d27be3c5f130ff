"""What does not work over Spark Connect is told before a run, with the way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tauro.config import Context
from tauro.errors import Problem, Severity
from tauro.exec.checks.preflight import check_project
from tests.unit.exec.conftest import Functions

Make = Callable[..., Context]
CONNECT = {"mode": "connect", "spark_config": {"spark.remote": "sc://host", "spark.executor.memory": "4g"}}
OUTPUTS = {
    "db": {"format": "jdbc", "write_mode": "append", "options": {"url": "jdbc:postgresql://host/db", "dbtable": "t"}},
    "far": {"format": "parquet", "path": "s3a://bucket/far"},
    "lake": {"format": "delta", "path": "s3a://bucket/lake"},
    "near": {"format": "parquet", "path": "near"},
}


def problems(make: Make, fns: Functions, settings: dict[str, object]) -> list[Problem]:
    fns.a = lambda: None
    return check_project(make({"a": {"output": list(OUTPUTS)}}, settings=settings, outputs=OUTPUTS))


def test_outputs_that_need_a_jvm_beside_this_process_are_refused_by_name(make_context: Make, fns: Functions) -> None:
    errors = [str(one) for one in problems(make_context, fns, CONNECT) if one.severity is Severity.ERROR]
    assert len(errors) == 2
    assert any("output 'db'" in one and "not written over Spark Connect" in one for one in errors)
    assert any("output 'far'" in one and "delta" in one for one in errors)


def test_settings_that_only_the_server_can_have_are_warned_of(make_context: Make, fns: Functions) -> None:
    warnings = [one for one in problems(make_context, fns, CONNECT) if one.severity is Severity.WARNING]
    assert [one.message for one in warnings] == [
        "spark.executor.memory has no effect over Spark Connect: it is the server's to set"
    ]


@pytest.mark.parametrize("variable", [None, "sc://host"])
def test_a_project_whose_server_the_environment_names_is_right_without_it(
    make_context: Make, fns: Functions, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    if variable is not None:
        monkeypatch.setenv("SPARK_REMOTE", variable)
    fns.a = lambda: None
    found = check_project(make_context({"a": {}}, settings={"mode": "connect"}))
    assert [one.severity for one in found] == ([] if variable else [Severity.WARNING])
