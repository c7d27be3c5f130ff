"""What a project asks of its session that one over Spark Connect does not have."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tauro.config import Context
from tauro.errors import Problem, Severity
from tauro.exec.planning.resolution import problem_at
from tauro.model.pipeline import PipelineSpec
from tauro.model.settings import Mode, Options
from tauro.spark.needs import REMOTE, remote_url, settings_of_the_server


def server_problems(context: Context, pipeline: PipelineSpec) -> list[Problem]:
    """Why a pipeline can't be run as things are: nothing names the server."""
    if context.settings.mode != Mode.CONNECT or remote_url(context, pipeline.spark_config, os.environ) is not None:
        return []
    place = ("global_settings", "mode")
    fix = f"spark_config: {{{REMOTE}: sc://host:15002}}, or set SPARK_REMOTE"
    return [problem_at(context, place, "mode connect needs a server, and nothing names one", fix=fix)]


def session_problems(context: Context) -> Iterator[Problem]:
    """Settings that a session on a server can't have."""
    if context.settings.mode != Mode.CONNECT:
        return
    if context.settings.warm:
        message = "warm has no effect over Spark Connect: there is no JVM to be kept"
        place: tuple[str, ...] = ("global_settings", "warm")
        yield problem_at(context, place, message, fix="leave it out", severity=Severity.WARNING)
    given: dict[tuple[str, ...], Options] = {("global_settings",): context.settings.spark_config}
    given |= {("pipelines_config", name): one.spark_config for name, one in context.pipelines.items()}
    for place, options in given.items():
        for name in settings_of_the_server(options):
            yield problem_at(
                context,
                (*place, "spark_config", name),
                f"{name} has no effect over Spark Connect: it is the server's to set",
                fix="set it where the server is started",
                severity=Severity.WARNING,
            )
