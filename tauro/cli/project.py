"""The project that a command is about: found, opened, and asked for its pipeline and window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked
from tauro.cli.root import find_root
from tauro.config.scalars import plain_scalar
from tauro.errors import ConfigError, InvalidValueError, UnknownNameError, bounded
from tauro.model.window import Window

if TYPE_CHECKING:
    from tauro.config import Context
    from tauro.exec.planning.selection import Selection
    from tauro.model.plan import Plan

NO_DATES = Window("{start_date}", "{end_date}")
"""Stands for the window in what is only looked at: it makes locations say where the dates would stand."""


def open_project(asked: Asked, invocation: Invocation, *, lets_print: bool = False) -> Context:
    """The project's context, from whose secrets everything shown is kept free from now on.

    Args:
        asked: names the project and the environment.
        invocation: the call; its standard output is kept for the answer.
        lets_print: whether what the project's code prints may go to standard output, too.

    Raises:
        ProjectError: there is no project, or no such environment.
        ConfigError: its tauro.yml can't be understood.
    """
    from tauro.config import Context

    if not lets_print:
        invocation.claim_stdout()
    context = Context.from_project(
        find_root(asked.project),
        env=asked.env,
        variables={key: plain_scalar(text) if text else "" for key, text in asked.settings.items()},
        strict=False,
    )
    invocation.redact = context.redact
    return context


def pipeline_of(asked: Asked, context: Context) -> str:
    """The pipeline that is asked for, or the only one that the project has.

    Raises:
        UnknownNameError: there is no such pipeline.
        InvalidValueError: none is named, and the project has several or none.
        ConfigError: none is named, and what is wrong with the project hides which there are.
    """
    names = list(context.pipelines_config)
    if asked.pipeline is not None:
        if asked.pipeline not in names:
            raise UnknownNameError("pipeline", asked.pipeline, names)
        return asked.pipeline
    if len(names) == 1:
        return names[0]
    if not names and context.findings:
        raise ConfigError([finding.problem for finding in context.findings])
    raise InvalidValueError(
        "no pipeline is named" if names else "the project has no pipeline",
        fix=f"add --pipeline NAME; there are: {bounded(names)}" if names else "write one in pipelines_config",
    )


def window_of(asked: Asked, context: Context) -> Window | None:
    """The window of --start and --end, where one is left out that of global_settings; None if neither is given.

    Raises:
        InvalidValueError: one of them is missing, is no date, or the window is empty.
    """
    if asked.start is None and asked.end is None:
        return None
    start = asked.start or context.settings.start_date
    end = asked.end or context.settings.end_date
    if start is None or end is None:
        missing = "--start" if start is None else "--end"
        raise InvalidValueError(f"{missing} is missing", fix="give both --start and --end, or neither")
    return Window.parse(start, end)


def plan_of(asked: Asked, context: Context, invocation: Invocation, *, max_workers: int | None = None) -> Plan:
    """The plan of what is asked for, checked as `validate` checks it; warnings go to standard error.

    Raises:
        ConfigError: with every problem of that pipeline.
        ProjectError: a name, a date or the selection is wrong.
    """
    from tauro.errors import Severity
    from tauro.exec.checks.preflight import check_project
    from tauro.exec.planning.plan import make_plan

    pipeline, window = pipeline_of(asked, context), window_of(asked, context)
    problems = check_project(context, pipeline, window)
    if errors := [problem for problem in problems if problem.severity is Severity.ERROR]:
        raise ConfigError(errors)
    invocation.warn(problems)
    return make_plan(context, pipeline, window, selection_of(asked), max_workers=max_workers)


def sketch_of(asked: Asked, context: Context, pipeline: str) -> Plan:
    """The plan of a pipeline to look at: not checked, and where there are no dates with words in their place.

    Raises:
        ConfigError: its nodes can't be connected.
        ProjectError: a name, a date or the selection is wrong.
    """
    from tauro.exec.planning.plan import default_window, make_plan

    window = window_of(asked, context) or default_window(context.settings) or NO_DATES
    return make_plan(context, pipeline, window, selection_of(asked))


def selection_of(asked: Asked) -> Selection:
    """The part of the pipeline that is asked for."""
    from tauro.exec.planning.selection import Selection

    return Selection(asked.nodes, asked.begin, asked.finish, asked.tags)
