"""The command `tauro`: its sub-commands by name, each imported when it is called.

Nothing here may import more than click: `tauro --help` and shell completion answer before a heavier library could load.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

import tauro
from tauro.cli.invocation import Invocation
from tauro.cli.lazy import LazyGroup

COMMANDS = {
    "run": ("tauro.cli.commands.run:run", "Run a pipeline."),
    "submit": ("tauro.cli.commands.submit:submit", "Run a pipeline on a cluster, by spark-submit."),
    "resume": ("tauro.cli.commands.resume:resume", "Carry on a run that failed or was killed."),
    "validate": ("tauro.cli.commands.validate:validate", "Check the project and report every problem."),
    "plan": ("tauro.cli.commands.plan:plan", "Show what would run, in which order, and why."),
    "graph": ("tauro.cli.commands.graph:graph", "Draw a pipeline as Mermaid, SVG or HTML."),
    "list": ("tauro.cli.commands.list:list_", "List the project's pipelines and nodes."),
    "show": ("tauro.cli.commands.show:show", "Show one node, every setting with its origin, or one run."),
    "runs": ("tauro.cli.commands.runs:runs", "List the runs so far."),
    "logs": ("tauro.cli.commands.logs:logs", "Show what happened in a run, in order."),
    "recover": ("tauro.cli.commands.recover:recover", "Finish or undo what runs that died have left."),
    "clean": ("tauro.cli.commands.clean:clean", "Remove what old runs have left."),
    "jars": ("tauro.cli.commands.jars:jars", "List, fetch and check the jars that sessions are given."),
    "warm": ("tauro.cli.commands.warm:warm", "Show and end the JVM that stays for the next run."),
    "warmup": ("tauro.cli.commands.warmup:warmup", "Make the first start as fast as the next ones."),
    "airflow": ("tauro.cli.commands.airflow:airflow", "Write a DAG file that runs a pipeline under Airflow."),
    "schema": ("tauro.cli.commands.schema:schema", "Write JSON Schemas of the documents, for editors."),
    "init": ("tauro.cli.commands.init:init", "Write a new project that runs."),
    "completion": ("tauro.cli.commands.completion:completion", "Print the script that completes commands in a shell."),
}
"""Name -> (where the command is, what it does in one line)."""


@click.group(
    cls=LazyGroup,
    rows=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(tauro.__version__, prog_name="tauro", message="%(prog)s %(version)s")
def cli() -> None:
    """Run data pipelines on Apache Spark from configuration.

    A project is a folder with a tauro.yml; commands find it from any folder inside it.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process.

    Args:
        args: the arguments after `tauro`; those of the process if None.

    Raises:
        SystemExit: always, with the exit code: 0 done, 1 a defect in Tauro, 2 project or usage is wrong, 3 a node
            failed, 4 failed and every root cause is transient, 5 another run writes an output, 130 interrupted.
    """
    words = list(sys.argv[1:] if args is None else args)
    if os.getpid() == 1:
        _heed_signals()
    with Invocation(words) as invocation:
        code = call(words, invocation)
    if args is None:  # the process ends here: without this Python goes through all that was imported, in vain
        gc.freeze()
    sys.exit(code)


def _heed_signals() -> None:
    """Takes SIGTERM and SIGHUP as Ctrl-C: the first process of a container is sent only what it has a handler for.

    A run has handlers of its own.
    """
    import signal  # elsewhere nobody pays for its import

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def call(words: list[str], invocation: Invocation) -> int:
    """Runs a command and returns its exit code; whatever went wrong has been told.

    Args:
        words: the arguments after `tauro`.
        invocation: where the answer goes.
    """
    try:
        code = cli.main(words, prog_name="tauro", standalone_mode=False, obj=invocation)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: whatever escapes becomes an exit code
        from tauro.cli.edge import report  # only a failure pays for importing the exception tree

        return report(error, invocation)
    return code if isinstance(code, int) else 0
