"""The documented face of the checks that need only raw configuration; called on the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from tauro.errors import ConfigError, InvalidValueError, Problem, UnknownNameError, bounded, did_you_mean
from tauro.exec.checks.hybrid import check_hybrid
from tauro.exec.dependency_resolver import DependencyResolver, as_node_spec
from tauro.exec.utils import RawConfig, normalize_dependencies
from tauro.model.node import NodeSpec
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import FormatPolicy
from tauro.model.window import Window


class PipelineValidator:
    """Checks before a run."""

    @staticmethod
    def validate_required_params(
        pipeline_name: str | None,
        start_date: str | None,
        end_date: str | None,
        context_start_date: str | None = None,
        context_end_date: str | None = None,
    ) -> None:
        """Checks that a pipeline is named and that there is a window, given or from the context.

        Raises:
            InvalidValueError: the name or a date is missing, a date is no ISO date, or the window is empty.
        """
        if not pipeline_name:
            raise InvalidValueError("no pipeline is named")
        start, end = start_date or context_start_date, end_date or context_end_date
        missing = [what for what, value in (("start_date", start), ("end_date", end)) if not value]
        if start is None or end is None or missing:
            raise InvalidValueError(
                f"pipeline {pipeline_name!r} needs dates: {' and '.join(missing)} missing",
                fix="give both, or set them in global_settings",
            )
        Window.parse(start, end)

    @staticmethod
    def validate_pipeline_config(pipeline: PipelineSpec | RawConfig) -> None:
        """Checks a pipeline's entry by itself.

        Raises:
            ConfigError: fields that are unknown, missing or wrong; all are named.
        """
        if isinstance(pipeline, PipelineSpec):
            return
        name = str(pipeline.get("name", "pipeline"))
        try:
            PipelineSpec.parse(name, {field: value for field, value in pipeline.items() if field != "name"})
        except ValidationError as error:
            raise ConfigError(
                [
                    Problem(f"{'.'.join(map(str, part['loc']))}: {part['msg']}", where=f"pipeline {name!r}")
                    for part in error.errors(include_url=False)
                ]
            ) from error

    @staticmethod
    def validate_node_configs(
        pipeline_nodes: Sequence[object], node_configs: Mapping[str, RawConfig | NodeSpec]
    ) -> None:
        """Checks the entries of a pipeline's nodes: that they exist, are right by themselves, and have no cycle.

        Raises:
            UnknownNameError: one node has no entry.
            ConfigError: several have none, or entries are wrong; all are named.
            CycleError: their dependencies lead back to where they began.
        """
        names = normalize_dependencies(pipeline_nodes)
        missing = [name for name in names if name not in node_configs]
        if len(missing) == 1:
            raise UnknownNameError("node", missing[0], list(node_configs))
        known = list(node_configs)
        problems = [
            Problem(f"unknown node {name!r}", notes=(f"known nodes: {bounded(known)}",), fix=did_you_mean(name, known))
            for name in missing
        ]
        for name in names:
            if name not in missing:
                try:
                    as_node_spec(name, node_configs[name])
                except ConfigError as error:
                    problems += error.problems
                except InvalidValueError as error:
                    problems.append(Problem(error.message, where=f"node {name!r}", fix=error.fix))
        if problems:
            raise ConfigError(problems)
        DependencyResolver.topological_sort(DependencyResolver.build_dependency_graph(names, node_configs))

    @staticmethod
    def validate_hybrid_pipeline(
        pipeline: PipelineSpec | RawConfig,
        node_configs: Mapping[str, RawConfig],
        format_policy: FormatPolicy | Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Checks that batch and streaming nodes fit together.

        Args:
            pipeline: the pipeline's entry.
            node_configs: name -> entry of `nodes_config`.
            format_policy: the formats that are allowed (`format_policy` of `global_settings`).

        Returns:
            `is_valid`, and the lists `batch_nodes`, `streaming_nodes`, `errors` and `warnings`.

        Raises:
            InvalidValueError: the pipeline has no nodes, or the policy has unknown fields.
        """
        policy = format_policy
        if policy is not None and not isinstance(policy, FormatPolicy):
            try:
                policy = FormatPolicy.model_validate(policy)
            except ValidationError as error:
                raise InvalidValueError(f"format_policy: {error.errors(include_url=False)[0]['msg']}") from error
        check = check_hybrid(pipeline, node_configs, policy)
        return {
            "is_valid": not check.errors,
            "batch_nodes": list(check.batch_nodes),
            "streaming_nodes": list(check.streaming_nodes),
            "errors": list(check.errors),
            "warnings": list(check.warnings),
        }
