"""`tauro run`: runs a pipeline, shows it as it happens, and tells how it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, Duration, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tauro.cli.executors import Executor
    from tauro.config import Context
    from tauro.exec.planning.selection import Selection
    from tauro.model.events import Observer
    from tauro.model.outcome import RunResult

Command = TypeVar("Command", bound=Callable[..., Any])  # Any: a command's own options follow
WORKERS = click.option(
    "--max-workers", type=click.IntRange(min=1), metavar="N", help="Nodes that run at once, at most."
)
WAIT = click.option(
    "--wait",
    "wait_s",
    type=Duration(),
    default=0.0,
    metavar="TIME",
    help="Wait so long, such as 10m, for other runs that write the same outputs.",
)
RUN_ID = click.option(
    "--run-id",
    metavar="ID",
    help="The run's id: if it is done already, nothing is done; if it is half done, it is carried on.",
)
_SHOWING = (
    click.option("--quiet", "-q", is_flag=True, help="Show nothing but errors."),
    click.option("--verbose", "-v", is_flag=True, help="Show debug messages, and causes with every frame."),
    click.option(
        "--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Append messages and events to this file."
    ),
    click.option("--json", is_flag=True, expose_value=False, help="Answer with one JSON document."),
)


WARM = click.option(
    "--warm/--no-warm",
    default=None,
    help="Run in a JVM that stays for the next run; a project says so for all its runs with `warm: true`.",
)


def shows(command: Command) -> Command:
    """Gives a command the options that say what is shown of a run."""
    for option in reversed(_SHOWING):
        command = option(command)
    return command


@click.command(short_help="Run a pipeline.")
@takes("pipeline", "window", "selection", "project")
@WORKERS
@WAIT
@RUN_ID
@click.option("--dry-run", is_flag=True, help="Show the plan and run nothing.")
@WARM
@shows
@click.pass_context
def run(
    ctx: click.Context,
    asked: Asked,
    max_workers: int | None,
    wait_s: float,
    run_id: str | None,
    dry_run: bool,
    warm: bool | None,
    quiet: bool,
    verbose: bool,
    log_file: Path | None,
) -> int:
    """Runs a pipeline, or a part of it."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other", ctx)
    if run_id is not None and dry_run:
        raise click.UsageError("--run-id and --dry-run exclude each other", ctx)
    if not dry_run:
        from tauro.cli.early import start_early

        start_early(ctx, asked, is_verbose=verbose, is_warm=warm)  # before what takes long to import
    from tauro.cli.project import open_project, pipeline_of, selection_of, window_of
    from tauro.cli.resume import project_options, run_again_command
    from tauro.cli.running import Running

    invocation = ctx.find_object(Invocation) or Invocation([])
    context = open_project(asked, invocation, lets_print=not (dry_run or invocation.is_json))
    if dry_run:
        from tauro.cli.commands.plan import show_plan

        show_plan(asked, context, invocation, max_workers=max_workers)
        return 0
    pipeline, window, selection = pipeline_of(asked, context), window_of(asked, context), selection_of(asked)
    start, end = (window.start, window.end) if window else (None, None)

    def work(executor: Executor, observers: Sequence[Observer]) -> RunResult:
        done, again = _known(context, run_id, pipeline, start, end, selection)
        return done or executor.execute_pipeline(
            pipeline,
            start,
            end,
            selection=selection,
            max_workers=max_workers,
            wait_s=wait_s,
            observers=observers,
            **again,
        )

    running = Running(
        context,
        invocation,
        project_options(ctx),
        lambda result, plan: run_again_command(ctx, result, plan),
        is_quiet=quiet,
        is_verbose=verbose,
        is_warm=warm,
        log_file=log_file,
    )
    return running.go(work)


def _known(
    context: Context, run_id: str | None, pipeline: str, start: str | None, end: str | None, selection: Selection
) -> tuple[RunResult | None, dict[str, Any]]:  # Any: arguments by name
    """What there is of the run that --run-id names: its result if it is done, else what is to be told of it."""
    if run_id is None:
        return None, {}
    from tauro.exec.resume.known_runs import known_run
    from tauro.model.outcome import RunResult

    known = known_run(context, run_id, pipeline, start, end, selection)
    if isinstance(known, RunResult):
        return known, {}
    return None, {"run_id": run_id, "journal": known}
