"""A run on its way from a command to the exit code: shown as it happens, stopped by signals, and told at its end."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tauro.cli.resume import can_be_carried_on, resume_command
from tauro.launch.warm.place import SWITCH as WARM_SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tauro.cli.executors import Executor
    from tauro.cli.invocation import Invocation
    from tauro.config import Context
    from tauro.model.events import Event, Observer
    from tauro.model.outcome import RunResult
    from tauro.model.plan import Plan

    Work = Callable[[Executor, Sequence[Observer]], RunResult]
    """Runs something to its end; a result without `RunStarted` before it is that of a run which is done already."""

SUBMITTED_BY = "TAURO_SUBMITTED_BY"
"""The environment variable with the command that has submitted the run, and that goes on from where it has ended."""

VERBOSE_JVM = "TAURO_VERBOSE"
"""The environment variable that lets the JVM of a session print, once it is 1."""


class Running:
    """One run.

    Args:
        context: the project.
        invocation: the call.
        project_options: --project, --env and --set as they were given, for the command that carries the run on.
        run_again: the command that runs it anew, where nothing can be carried on with; None where there is none.
        is_quiet: whether errors alone are shown.
        is_verbose: whether everything is.
        is_warm: whether it runs in the project's warm JVM; None if the project decides.
        log_file: where messages and events are appended.
    """

    def __init__(
        self,
        context: Context,
        invocation: Invocation,
        project_options: Sequence[str],
        run_again: Callable[[RunResult | None, Plan | None], str | None],
        *,
        is_quiet: bool,
        is_verbose: bool,
        is_warm: bool | None = None,
        log_file: Path | None,
    ) -> None:
        self._context = context
        self._invocation = invocation
        self._project_options = project_options
        self._run_again = run_again
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._is_warm = is_warm
        self._log_file = log_file
        self._run_id: str | None = None
        """None before the run has begun."""
        self._plan: Plan | None = None
        self._tell: Callable[[str], None] = invocation.complain
        """Shows a line while the run goes on."""
        self._is_told = False
        """Whether it has been told how the run ended."""

    def go(self, work: Work) -> int:
        """Does the work, shows it and returns the exit code; what is wrong with the project is raised."""
        from tauro.cli.executors import EXECUTORS
        from tauro.cli.signals import Interrupts

        executor = EXECUTORS["batch"](self._context)
        with Interrupts(lambda reason: self._stop(executor, reason), self._quit), ExitStack() as stack:
            stack.callback(end_session, self._context)  # after the answer: a session may take seconds to end
            return self._go(executor, work)

    def _go(self, executor: Executor, work: Work) -> int:
        from tauro.cli.edge import exit_code_of
        from tauro.errors import RunFailedError, RunInterruptedError
        from tauro.model.outcome import RunResult

        try:
            result = self._watched(executor, work)
        except (RunFailedError, RunInterruptedError) as error:
            if not isinstance(error.result, RunResult):
                raise
            self._show(error.result, has_failed=True)
            return exit_code_of(error)
        self._show(result)
        return 0

    def _watched(self, executor: Executor, work: Work) -> RunResult:
        from tauro.cli import logs
        from tauro.cli.signals import beside

        redact = self._invocation.redact
        observers: list[Observer] = [self._note_start]
        with ExitStack() as stack:
            if observer := self._progress(stack):
                observers.append(observer)
            stack.enter_context(
                logs.configure(self._tell, redact, is_verbose=self._is_verbose, is_quiet=self._is_quiet)
            )
            if self._log_file is not None:
                stack.enter_context(logs.log_to_file(self._log_file, redact))
                observers.append(logs.log_event)
            if self._is_verbose:
                stack.enter_context(_environment(VERBOSE_JVM, "1"))
            if self._is_warm is not None:
                stack.enter_context(_environment(WARM_SWITCH, str(int(self._is_warm))))
            return beside(lambda: work(executor, observers))

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

    def _note_start(self, event: Event) -> None:
        from tauro.model.events import RunStarted

        if isinstance(event, RunStarted):
            self._run_id, self._plan = event.run_id, event.plan

    def _stop(self, executor: Executor, reason: str) -> None:
        if not self._is_quiet:
            self._tell(f"{reason}: stopping; once more ends the process at once")
        executor.cancel(reason)

    def _quit(self) -> None:
        """The last words before a second signal ends the process."""
        invocation = self._invocation
        way_on = self._way_on(self._run_id, None) if self._run_id is not None else None
        if invocation.is_json and not self._is_told:
            from tauro.cli.render.documents import failure_document

            message = "ended at once by a second signal"
            document = failure_document(
                "run", {"type": "KeyboardInterrupt", "message": message, "node": None, "attempt": None, "cause": None}
            )
            invocation.answer({**document, "run_id": self._run_id, "resume": way_on})
        elif invocation.err.isatty():
            invocation.err.write("\x1b[?25h\n")  # the cursor, which the live view hides
        if self._is_told:
            invocation.complain("ended at once")
        elif way_on is None:
            invocation.complain("ended at once, before the run had begun")
        else:
            invocation.complain(f"ended at once; go on from there with:\n  {way_on}")

    def _show(self, result: RunResult, *, has_failed: bool = False) -> None:
        """The table, the locations and, if it failed, why and how to go on; or the JSON document."""
        invocation = self._invocation
        way_on = self._way_on(result.run_id, result) if has_failed else None
        self._is_told = True
        if invocation.is_json:
            from tauro.cli.render.documents import run_document

            invocation.answer({**run_document(result), "resume": way_on})
            return
        if self._run_id is None and not has_failed:
            if not self._is_quiet:
                invocation.say(f"run {result.run_id} is done already: nothing to do")
            return
        if not self._is_quiet:
            self._show_table(result)
        if has_failed:
            from tauro.cli.render.failure import failure_text

            invocation.complain()
            invocation.complain(failure_text(result, way_on, is_whole=self._is_verbose))

    def _way_on(self, run_id: str, result: RunResult | None) -> str | None:
        """The command that goes on from where the run has ended, carrying it on where something was kept of it."""
        if SUBMITTED_BY in os.environ:  # which carries it on, or runs it anew
            return os.environ[SUBMITTED_BY]
        from tauro.exec.resume.known_runs import journal_of

        if can_be_carried_on(journal_of(self._context, run_id)):
            return resume_command(run_id, self._project_options)
        return self._run_again(result, self._plan)

    def _show_table(self, result: RunResult) -> None:
        from tauro.cli.render.tables import console_for, locations, result_table, skipped, summary

        invocation = self._invocation
        console = console_for(invocation.out)
        console.print(result_table(result))
        invocation.say()
        for line in (*skipped(result), *locations(result)):
            invocation.say(line)
        invocation.say(summary(result))


def end_session(context: Context) -> None:
    """Gives back the session that a command has opened, if it has."""
    from tauro.spark.session import stop_session

    if context.has_spark:
        stop_session(context.spark)


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
