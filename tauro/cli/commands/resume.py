"""`tauro resume`: carries on a run that failed, was stopped or was killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tauro.cli.commands.run import WAIT, WARM, WORKERS, shows
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tauro.cli.executors import Executor
    from tauro.exec.resume.left_runs import LeftRun
    from tauro.model.events import Observer
    from tauro.model.outcome import RunResult
    from tauro.model.plan import Plan


@click.command(short_help="Carry on a run that failed or was killed.")
@takes("project")
@click.argument("name", metavar="[RUN]", default="last")
@WORKERS
@WAIT
@WARM
@shows
@click.pass_context
def resume(
    ctx: click.Context,
    asked: Asked,
    name: str,
    max_workers: int | None,
    wait_s: float,
    warm: bool | None,
    quiet: bool,
    verbose: bool,
    log_file: Path | None,
) -> int:
    """Carries on a run that failed, was stopped or was killed.

    Nodes that are done and still valid are not run again; of others that were done it says why they are. RUN is an id,
    the beginning of one, or `last`, which is the latest that can be carried on.
    """
    from tauro.cli.early import start_early

    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other", ctx)
    start_early(ctx, asked, is_verbose=verbose, is_warm=warm)  # before what takes long to import
    from tauro.cli.project import open_project
    from tauro.cli.resume import project_options, run_command
    from tauro.cli.running import Running

    invocation = ctx.find_object(Invocation) or Invocation([])
    context = open_project(asked, invocation, lets_print=not invocation.is_json)
    options = project_options(ctx)
    found: list[LeftRun] = []

    def work(executor: Executor, observers: Sequence[Observer]) -> RunResult:
        from tauro.exec.resume.known_runs import run_to_resume
        from tauro.model.outcome import RunResult

        run = run_to_resume(context, name)
        if isinstance(run, RunResult):
            return run
        found.append(run)
        return executor.resume(run, max_workers=max_workers, wait_s=wait_s, observers=observers)

    def run_again(result: RunResult | None, plan: Plan | None) -> str | None:
        del result, plan
        return run_command(found[0].about, options)

    running = Running(
        context,
        invocation,
        options,
        run_again,
        is_quiet=quiet,
        is_verbose=verbose,
        is_warm=warm,
        log_file=log_file,
    )
    return running.go(work)
