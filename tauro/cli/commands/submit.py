"""`tauro submit`: runs a pipeline on a cluster by `spark-submit`, and tells how it ended as `tauro run` does."""

from __future__ import annotations

from pathlib import Path

import click

from tauro.cli.commands.run import RUN_ID, WAIT, WORKERS, shows
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, pairs, takes


@click.command(short_help="Run a pipeline on a cluster, by spark-submit.")
@takes("pipeline", "window", "selection", "project")
@WORKERS
@WAIT
@RUN_ID
@click.option("--master", metavar="URL", help="The cluster, such as yarn or spark://HOST:7077; else spark.master.")
@click.option(
    "--deploy-mode",
    type=click.Choice(["client", "cluster"]),
    default="client",
    show_default=True,
    help="Whether the driver runs here, or on the cluster.",
)
@click.option(
    "--conf",
    metavar="NAME=VALUE",
    multiple=True,
    callback=pairs,
    help="A setting of Spark, which wins over the project's; may be repeated.",
)
@click.option(
    "--pack",
    metavar="WHAT",
    help="Take a Python environment along: venv or conda for the one that runs now, or an archive of one.",
)
@click.option(
    "--outcome",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder that the cluster's driver sees, too, for it to tell how the run ended.",
)
@click.option("--dry-run", is_flag=True, help="Show the command and run nothing.")
@shows
@click.pass_context
def submit(
    ctx: click.Context,
    asked: Asked,
    max_workers: int | None,  # noqa: ARG001 - handed on as it was given
    wait_s: float,  # noqa: ARG001 - likewise
    run_id: str | None,
    master: str | None,
    deploy_mode: str,
    conf: dict[str, str],
    pack: str | None,
    outcome: Path | None,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    log_file: Path | None,  # noqa: ARG001 - likewise
) -> int:
    """Runs a pipeline, or a part of it, on a cluster, by spark-submit.

    The project's code goes along, and its configuration where the driver does not run here. The exit codes are those of
    `tauro run`, whose options it has; so is the answer with --json.
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other", ctx)
    from tauro.cli.project import open_project, pipeline_of, selection_of, window_of
    from tauro.cli.submission import Request, prepare
    from tauro.cli.submitting import Submitting

    invocation = ctx.find_object(Invocation) or Invocation([])
    context = open_project(asked, invocation)
    window_of(asked, context), selection_of(asked)  # what is wrong with them is told here, and at once
    request = Request(
        pipeline=pipeline_of(asked, context),
        run_id=run_id,
        master=master,
        is_on_cluster=deploy_mode == "cluster",
        conf=conf,
        pack=pack,
        outcome=outcome,
    )
    submission = prepare(ctx, context, request, invocation, is_dry=dry_run)
    if dry_run:
        submission.show(invocation)
        return 0
    return Submitting(context, invocation, submission, is_quiet=quiet, is_verbose=verbose).go()
