"""`tauro airflow`: what a project needs to be run by Airflow."""

from __future__ import annotations

import re
from pathlib import Path

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

_STDOUT = Path("-")
_MARK = "Written by `tauro airflow export`"
"""What tells such a file from others."""


@click.group(short_help="Write a DAG file for Airflow.")
def airflow() -> None:
    """Writes files by which Airflow runs a project."""


@airflow.command(short_help="Write a DAG file.")
@takes("pipeline", "project")
@click.option(
    "--per",
    type=click.Choice(("pipeline", "node")),
    default="pipeline",
    help="One task for the pipeline, or one for each node that stores something.",
)
@click.option(
    "--schedule", default="@daily", metavar="CRON", help="When to run, in UTC: a cron expression, or such as @hourly."
)
@click.option(
    "--start-date", default="2025-01-01", metavar="DATE", help="The first day that is run, or may be run by hand."
)
@click.option("--catchup", is_flag=True, help="Have Airflow run every interval since that day.")
@click.option("--dag-id", metavar="ID", help="The DAG's id; if left out, the project's and the pipeline's names.")
@click.option("--at", metavar="DIR", help="The project's folder on the workers, if it is another there.")
@click.option("--python", metavar="PATH", help="The interpreter with Tauro and Spark on the workers, if not theirs.")
@click.option("--deferrable", is_flag=True, help="Let triggers watch the runs, so that they take no worker's slot.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="The file to write, - for standard output; the DAG's id with .py if left out.",
)
@click.pass_obj
def export(
    invocation: Invocation,
    asked: Asked,
    per: str,
    schedule: str,
    start_date: str,
    catchup: bool,
    dag_id: str | None,
    at: str | None,
    python: str | None,
    deferrable: bool,
    output: Path | None,
) -> None:
    """Writes a DAG file that runs a pipeline for each data interval; needs no Airflow."""
    from tauro.cli.exporters import EXPORTERS
    from tauro.cli.project import open_project, pipeline_of

    context = open_project(asked, invocation)
    pipeline = pipeline_of(asked, context)
    text = EXPORTERS["airflow"](
        context,
        pipeline,
        is_per_node=per == "node",
        schedule=schedule,
        start_date=start_date,
        has_catchup=catchup,
        dag_id=dag_id,
        at=at,
        env=asked.env,
        settings=asked.settings,
        python=python,
        is_deferrable=deferrable,
    )
    if output == _STDOUT:
        invocation.out.write(text)
        return
    file = output or Path(re.sub(r"[^\w.\-]", "_", dag_id or f"{context.name}_{pipeline}") + ".py")
    _write(file, text)
    invocation.say(f"wrote {file}")


def _write(file: Path, text: str) -> None:
    """Writes the file, unless it is somebody's own.

    Raises:
        ProjectError: it is, or can't be written.
    """
    from tauro.errors import ProjectError

    try:
        if file.exists() and _MARK not in file.read_text(encoding="utf-8", errors="replace"):
            fix = "name another file, or remove that one"
            raise ProjectError(f"{file} was not written by this command", where="--output", fix=fix)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{file} can't be written: {error.strerror}", where="--output") from error
