"""`tauro run`: runs a pipeline, shows it as it happens, and tells how it ended."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, Duration, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tauro.cli.executors import Executor
    from tauro.config import Context
    from tauro.model.events import Event, Observer
    from tauro.model.outcome import RunResult
    from tauro.model.plan import Plan

VERBOSE_JVM = "TAURO_VERBOSE"
"""The environment variable that lets the JVM of a session print, once it is 1."""


@click.command(short_help="Run a pipeline.")
@takes("pipeline", "window", "selection", "project")
@click.option("--max-workers", type=click.IntRange(min=1), metavar="N", help="Nodes that run at once, at most.")
@click.option(
    "--wait",
    "wait_s",
    type=Duration(),
    default=0.0,
    metavar="TIME",
    help="Wait so long, such as 10m, for other runs that write the same outputs.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan and run nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Show nothing but errors.")
@click.option("--verbose", "-v", is_flag=True, help="Show debug messages, and causes with every frame.")
@click.option(
    "--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Append messages and events to this file."
)
@click.option("--json", is_flag=True, expose_value=False, help="Answer with one JSON document.")
@click.pass_context
def run(
    ctx: click.Context,
    asked: Asked,
    max_workers: int | None,
    wait_s: float,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    log_file: Path | None,
) -> int:
    """Runs a pipeline, or a part of it."""
    from tauro.cli.project import open_project

    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other", ctx)
    invocation = ctx.find_object(Invocation) or Invocation([])
    context = open_project(asked, invocation, lets_print=not (dry_run or invocation.is_json))
    if dry_run:
        from tauro.cli.commands.plan import show_plan

        show_plan(asked, context, invocation, max_workers=max_workers)
        return 0
    return _Run(ctx, asked, context, invocation, is_quiet=quiet, is_verbose=verbose).go(max_workers, log_file, wait_s)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Sets an environment variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class _Run:
    """One run on its way from the arguments to the exit code."""

    def __init__(
        self,
        ctx: click.Context,
        asked: Asked,
        context: Context,
        invocation: Invocation,
        *,
        is_quiet: bool,
        is_verbose: bool,
    ) -> None:
        self._ctx = ctx
        self._asked = asked
        self._context = context
        self._invocation = invocation
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._plan: Plan | None = None
        self._tell: Callable[[str], None] = invocation.complain
        """Shows a line while the run goes on."""
        self._is_answered = False

    def go(self, max_workers: int | None, log_file: Path | None, wait_s: float = 0.0) -> int:
        """Runs, shows and returns the exit code; what is wrong with the project is raised."""
        from tauro.cli.executors import EXECUTORS
        from tauro.cli.signals import Interrupts

        executor = EXECUTORS["batch"](self._context)
        with Interrupts(lambda reason: self._stop(executor, reason), self._quit), ExitStack() as stack:
            stack.callback(self._end_session)  # after the answer: a session may take seconds to end
            return self._go(executor, max_workers, log_file, wait_s)

    def _go(self, executor: Executor, max_workers: int | None, log_file: Path | None, wait_s: float) -> int:
        from tauro.cli.edge import exit_code_of
        from tauro.errors import RunFailedError, RunInterruptedError
        from tauro.model.outcome import RunResult

        try:
            result = self._execute(executor, max_workers, log_file, wait_s)
        except (RunFailedError, RunInterruptedError) as error:
            if not isinstance(error.result, RunResult):
                raise
            self._show(error.result, has_failed=True)
            return exit_code_of(error)
        self._show(result)
        return 0

    def _execute(self, executor: Executor, max_workers: int | None, log_file: Path | None, wait_s: float) -> RunResult:
        from tauro.cli import logs
        from tauro.cli.project import pipeline_of, selection_of, window_of
        from tauro.cli.signals import beside

        asked, context, redact = self._asked, self._context, self._invocation.redact
        pipeline, window = pipeline_of(asked, context), window_of(asked, context)
        selection = selection_of(asked)
        observers: list[Observer] = [self._note_plan]
        with ExitStack() as stack:
            if observer := self._progress(stack):
                observers.append(observer)
            stack.enter_context(
                logs.configure(self._tell, redact, is_verbose=self._is_verbose, is_quiet=self._is_quiet)
            )
            if log_file is not None:
                stack.enter_context(logs.log_to_file(log_file, redact))
                observers.append(logs.log_event)
            if self._is_verbose:
                stack.enter_context(_environment(VERBOSE_JVM, "1"))
            return beside(
                lambda: executor.execute_pipeline(
                    pipeline,
                    window.start if window else None,
                    window.end if window else None,
                    selection=selection,
                    max_workers=max_workers,
                    wait_s=wait_s,
                    observers=observers,
                )
            )

    def _progress(self, stack: ExitStack) -> Observer | None:
        """Who shows the run as it happens; lines are shown above the live view as long as there is one."""
        invocation = self._invocation
        if self._is_quiet or (invocation.is_json and not invocation.err.isatty()):
            return None
        if invocation.err.isatty():
            from tauro.cli.render.live import LiveProgress
            from tauro.cli.render.tables import console_for

            console = console_for(invocation.err)
            if console.is_terminal and not console.is_dumb_terminal:
                takes_stdout = sys.stdout.isatty() and not invocation.is_json
                live = stack.enter_context(LiveProgress(console, invocation.redact, takes_stdout=takes_stdout))
                self._tell = live.write
                stack.callback(self._tell_plainly)
                return live
        from tauro.cli.render.progress import PlainProgress

        return PlainProgress(invocation.complain)

    def _tell_plainly(self) -> None:
        self._tell = self._invocation.complain

    def _note_plan(self, event: Event) -> None:
        from tauro.model.events import RunStarted

        if isinstance(event, RunStarted):
            self._plan = event.plan

    def _stop(self, executor: Executor, reason: str) -> None:
        if not self._is_quiet:
            self._tell(f"{reason}: stopping; once more ends the process at once")
        executor.cancel(reason)

    def _quit(self) -> None:
        """The last words before a second signal ends the process."""
        invocation = self._invocation
        if invocation.is_json and not self._is_answered:
            from tauro.cli.render.documents import failure_document

            message = "ended at once by a second signal"
            invocation.answer(
                failure_document(
                    "run",
                    {"type": "KeyboardInterrupt", "message": message, "node": None, "attempt": None, "cause": None},
                )
            )
        elif invocation.err.isatty():
            invocation.err.write("\x1b[?25h\n")  # the cursor, which the live view hides
        invocation.complain("ended at once; what was staged, and not published, may be left in folders named _tauro")

    def _end_session(self) -> None:
        from tauro.spark.session import stop_session

        if self._context.has_spark:
            stop_session(self._context.spark)

    def _show(self, result: RunResult, *, has_failed: bool = False) -> None:
        """The table, the locations and, if it failed, why and how to go on; or the JSON document."""
        from tauro.cli.resume import resume_command

        invocation = self._invocation
        resume = resume_command(self._ctx, result, self._plan)
        if invocation.is_json:
            from tauro.cli.render.documents import run_document

            self._is_answered = True
            invocation.answer({**run_document(result), "resume": resume})
            return
        if not self._is_quiet:
            self._show_table(result)
        if has_failed:
            from tauro.cli.render.failure import failure_text

            invocation.complain()
            invocation.complain(failure_text(result, resume, is_whole=self._is_verbose))

    def _show_table(self, result: RunResult) -> None:
        from tauro.cli.render.tables import console_for, locations, result_table, summary

        invocation = self._invocation
        console = console_for(invocation.out)
        console.print(result_table(result))
        invocation.say()
        for line in locations(result):
            invocation.say(line)
        invocation.say(summary(result))
