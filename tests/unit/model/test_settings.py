"""Settings and results."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tauro.model.outcome import NodeResult, RunResult, Status
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import GlobalSettings, as_spark_options


def test_the_defaults_are_those_of_the_design() -> None:
    settings = GlobalSettings.parse("global_settings", {})
    assert (settings.mode, settings.default_format, settings.max_workers) == ("local", "parquet", 4)
    assert (settings.retry.retries, settings.timeout_s, settings.on_failure) == (0, None, "stop")
    assert (settings.circuit_breaker.threshold, settings.circuit_breaker.reset_s) == (3, 60)


@pytest.mark.parametrize("fields", [{"max_workers": 0}, {"timeout_s": 0}, {"publish": "cloud"}, {"colour": "red"}])
def test_wrong_settings_are_errors(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GlobalSettings.parse("global_settings", fields)


def test_a_pipeline_has_nodes() -> None:
    assert PipelineSpec.parse("p", {"nodes": ["b", {"a": None}]}).nodes == ("b", "a")
    for fields in ({}, {"nodes": []}):
        with pytest.raises(ValidationError):
            PipelineSpec.parse("p", fields)


def test_options_are_text_for_spark_and_null_is_left_out() -> None:
    assert as_spark_options({"header": True, "rows": 5, "sep": ";", "none": None}) == {
        "header": "true",
        "rows": "5",
        "sep": ";",
    }


def test_final_statuses_are_those_after_which_nothing_happens() -> None:
    assert {status.value for status in Status if status.is_final} == {"completed", "failed", "cancelled", "skipped"}


def test_a_result_finds_its_nodes_by_name() -> None:
    result = RunResult("r", "p", None, Status.COMPLETED, 1.0, (NodeResult("a", Status.COMPLETED),))
    assert result.is_completed
    assert result.node("a").status is Status.COMPLETED
    with pytest.raises(KeyError):
        result.node("b")
