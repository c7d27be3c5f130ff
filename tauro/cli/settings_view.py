"""Every setting of a project, of Tauro's own and of Spark's, with the place that its value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tauro.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from tauro.config import Context
    from tauro.model.pipeline import PipelineSpec

DEFAULT = "tauro default"
_OF_SPARK = "spark_config"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting."""

    name: str
    value: str
    origin: str
    """A file and line, `pipeline 'daily' (file:line)`, --set, or `tauro default`."""


def tauro_settings(context: Context, pipeline: str | None) -> list[Row]:
    """The fields of global_settings, those that a pipeline sets in its place included, in the order of the design.

    Raises:
        UnknownNameError: there is no such pipeline.
        ConfigError: the settings can't be understood.
    """
    problems = [finding.problem for finding in context.findings if finding.document == "global_settings"]
    if problems:
        raise ConfigError(problems)
    spec = _pipeline(context, pipeline)
    rows = []
    for name, field in type(context.settings).model_fields.items():
        if name == _OF_SPARK:
            continue
        key = field.alias or name
        value, origin = getattr(context.settings, name), DEFAULT
        if name in context.settings.model_fields_set:
            origin = _origin(context, "global_settings", key) or "global_settings"
        if spec is not None and name in spec.model_fields_set:
            place = _origin(context, "pipelines_config", spec.name, key)
            value, origin = getattr(spec, name), f"pipeline {spec.name!r}" + (f" ({place})" if place else "")
        rows += _rows(key, value, origin)
    return rows


def spark_settings(context: Context, pipeline: str | None) -> list[Row]:
    """The settings that a Spark session of the project would be started with, by name.

    Raises:
        UnknownNameError: there is no such pipeline.
        MissingExtraError: pyspark is not installed.
    """
    from tauro.spark.needs import session_settings

    spec = _pipeline(context, pipeline)
    settings = session_settings(context, spec.spark_config if spec else None)
    return [Row(setting.name, setting.value, setting.origin) for setting in settings.values()]


def _pipeline(context: Context, name: str | None) -> PipelineSpec | None:
    if name is None:
        return None
    if name not in context.pipelines:
        raise UnknownNameError("pipeline", name, list(context.pipelines))
    return context.pipelines[name]


def _origin(context: Context, document: str, *path: str) -> str | None:
    source = context.source_of(document, *path)
    return str(source) if source else None


def _rows(name: str, value: object, origin: str) -> list[Row]:
    """One row, or one for each part of a mapping: `retry.retries`."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, dict) and value:
        return [row for key, item in value.items() for row in _rows(f"{name}.{key}", item, origin)]
    return [Row(name, _text(value), origin)]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return "{}" if value == {} else str(value)
