"""`tauro validate`: every problem of a project, at once, without Spark."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tauro.config import Context
    from tauro.errors import Problem

WRONG = 2


@click.command(short_help="Check the project.")
@takes("only pipeline", "window", "project")
@click.option("--quiet", "-q", is_flag=True, help="Show nothing but errors.")
@click.option("--json", is_flag=True, expose_value=False, help="Answer with one JSON document.")
@click.pass_obj
def validate(invocation: Invocation, asked: Asked, quiet: bool) -> int:
    """Checks everything that can be checked without data, and reports every problem; starts no Spark."""
    from tauro.cli.project import open_project, window_of
    from tauro.cli.render.documents import problems_document
    from tauro.errors import Severity
    from tauro.exec.checks.preflight import check_project

    gc.disable()  # what a big project is read into lives to the end of this short process
    context = open_project(asked, invocation)
    problems = check_project(context, asked.pipeline, window_of(asked, context))
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if invocation.is_json:
        invocation.answer(problems_document(problems))
    elif quiet:
        invocation.warn(errors)
    else:
        for problem in problems:
            invocation.say(str(problem))
        invocation.say(summary(context, problems))
    gc.freeze()  # else Python walks all of it once more when it ends
    return WRONG if errors else 0


def summary(context: Context, problems: Sequence[Problem]) -> str:
    """The last line: how many problems, or how much was found to be right."""
    from tauro.cli.render.words import count
    from tauro.errors import Severity

    if problems:
        errors = sum(problem.severity is Severity.ERROR for problem in problems)
        return f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}"
    return (
        f"{context.name}: {count(len(context.pipelines_config), 'pipeline')}, "
        f"{count(len(context.nodes_config), 'node')}: no problems"
    )
