"""`tauro clean`: removes what old runs have left, in the project's history and beside its outputs."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tauro.cli.history import age, history_if_kept
from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from tauro.config import Context
    from tauro.errors import TauroError
    from tauro.history.records import RunRecord


@click.command(short_help="Remove what old runs have left.")
@takes("project", "json")
@click.option(
    "--older-than",
    "before",
    metavar="AGE",
    required=True,
    callback=age,
    help="Runs that started longer ago than this: 30d, 12h, 8w.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.pass_obj
def clean(invocation: Invocation, asked: Asked, before: str, dry_run: bool) -> int:
    """Removes what is left of runs that started longer ago than an age.

    From the history goes all that is recorded of them: plans, attempts, errors and outputs, for every pipeline. Beside
    the outputs goes what they have staged and did not publish, so that they can't be carried on any more. No table is
    touched, but one whose publishing a run that died had begun is finished first. Runs that still go on are kept.
    """
    from tauro.cli import logs
    from tauro.cli.project import open_project
    from tauro.cli.running import end_session

    context = open_project(asked, invocation)
    with ExitStack() as stack:
        stack.callback(end_session, context)
        stack.enter_context(logs.configure(invocation.complain, invocation.redact, is_verbose=False, is_quiet=False))
        recorded = _clean_history(context, before, is_dry_run=dry_run)
        staged = _Staged(context, before, is_dry_run=dry_run)
        staged.clean()
        _tell(invocation, before, recorded, staged, is_dry_run=dry_run)
    return staged.failed[0].exit_code if staged.failed else 0


class _Staged:
    """What old runs have staged and left."""

    def __init__(self, context: Context, before: str, *, is_dry_run: bool) -> None:
        self._context = context
        self._before = before
        self._is_dry_run = is_dry_run
        self.runs: list[str] = []
        """The runs of which all is gone."""
        self.folders: list[str] = []
        """What nobody knows the run of any more."""
        self.lines: list[str] = []
        """What was done, for people."""
        self.failed: list[TauroError] = []

    def clean(self) -> None:
        """Finds and drops it."""
        from tauro.cli.render.recovered import left_line
        from tauro.errors import JournalError, OutputHeldError
        from tauro.exec.resume.leftovers import drop_run, old_runs, remove_stray, stray_folders

        before = datetime.fromisoformat(self._before)
        for run in old_runs(self._context, before):
            try:
                if self._is_dry_run:
                    self.lines.append(f"{left_line(run)} has staged what would be dropped")
                else:
                    self.lines += map(str, drop_run(self._context, run))
                self.runs.append(run.about.run_id)
            except (JournalError, OutputHeldError) as error:
                self.failed.append(error)
        for folder in stray_folders(self._context, before):
            if not self._is_dry_run:
                remove_stray(folder)
            self.folders.append(str(folder))
            self.lines.append(f"{folder}: {'would be ' if self._is_dry_run else ''}removed; no run is known for it")


def _clean_history(context: Context, before: str, *, is_dry_run: bool) -> list[RunRecord]:
    history = history_if_kept(context)
    if history is None:
        return []
    with history:
        found = history.old_runs(before)
        if not is_dry_run:
            history.remove(found)
    return found


def _tell(invocation: Invocation, before: str, recorded: list[RunRecord], staged: _Staged, *, is_dry_run: bool) -> None:
    from tauro.cli.render.words import count

    if invocation.is_json:
        from tauro.cli.edge import describe

        invocation.answer(
            {
                "older_than": before,
                "is_dry_run": is_dry_run,
                "history": {"runs": [run.run_id for run in recorded]},
                "staged": {"runs": staged.runs, "folders": staged.folders},
                "error": describe(staged.failed[0]) if staged.failed else None,
            }
        )
    else:
        for line in staged.lines:
            invocation.say(line)
        if is_dry_run:
            for run in recorded:
                invocation.say(f"{run.run_id}  {run.pipeline}  {run.status}")
        if staged.runs:
            dropped = "would drop" if is_dry_run else "dropped"
            invocation.say(f"{dropped} what {count(len(staged.runs), 'run')} had staged")
        would = "would be " if is_dry_run else ""
        invocation.say(f"{count(len(recorded), 'run')} {would}removed from the history")
    for error in staged.failed:
        invocation.complain(f"error: {error}")
