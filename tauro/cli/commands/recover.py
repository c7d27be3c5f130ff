"""`tauro recover`: finishes or undoes what runs that died have left half-published."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from tauro.cli.invocation import Invocation
from tauro.cli.options import Asked, takes

if TYPE_CHECKING:
    from tauro.errors import TauroError
    from tauro.exec.resume.left_runs import LeftRun
    from tauro.publish.recovery import Recovered


@click.command(short_help="Finish or undo what runs that died have left.")
@takes("project", "json")
@click.pass_context
def recover(ctx: click.Context, asked: Asked) -> int:
    """Finishes or undoes what runs of the project that died have left half-published.

    What they had decided to publish is published, or undone where that can't be; what was only staged stays, for
    `tauro resume` to carry on with. Runs that go on are left alone. The next run that writes the same outputs does the
    same by itself.
    """
    from tauro.cli import logs
    from tauro.cli.project import open_project
    from tauro.cli.resume import project_options
    from tauro.cli.running import end_session
    from tauro.errors import JournalError, OutputHeldError
    from tauro.exec.resume import left_runs

    invocation = ctx.find_object(Invocation) or Invocation([])
    context = open_project(asked, invocation)
    recovered: list[tuple[LeftRun, Recovered]] = []
    failed: list[TauroError] = []
    stuck: set[str] = set()
    with ExitStack() as stack:
        stack.callback(end_session, context)
        stack.enter_context(logs.configure(invocation.complain, invocation.redact, is_verbose=False, is_quiet=False))
        spoiled: left_runs.Spoiled = {}
        runs = left_runs.settled_runs(context, spoiled=spoiled)
        failed += spoiled.values()
        for run in runs:
            if run.is_alive:
                continue
            try:
                is_due = run.is_dead or run.journal.commits()
                ended = left_runs.recover(context, run) if is_due else None
            except (JournalError, OutputHeldError) as error:
                failed.append(error)
                stuck.add(run.about.run_id)
                continue
            if ended is not None:
                recovered.append((run, ended))
        alive = [run for run in runs if run.is_alive]
        over = [run for run in runs if not run.is_alive and run.about.run_id not in stuck]
        abandoned = [run for run in over if run.about.pipeline and run.journal.exists]
        _tell(invocation, recovered, alive, abandoned, failed, project_options(ctx))
    return failed[0].exit_code if failed else 0


def _tell(
    invocation: Invocation,
    recovered: list[tuple[LeftRun, Recovered]],
    alive: list[LeftRun],
    abandoned: list[LeftRun],
    failed: list[TauroError],
    options: list[str],
) -> None:
    from tauro.cli.render.recovered import left_line, left_row, recovered_row
    from tauro.cli.render.words import count
    from tauro.cli.resume import can_be_carried_on, resume_command, run_command

    kept = {run.about.run_id for run in abandoned if can_be_carried_on(run.journal)}
    commands = {
        run.about.run_id: resume_command(run.about.run_id, options)
        if run.about.run_id in kept
        else run_command(run.about, options)
        for run in abandoned
    }
    if invocation.is_json:
        from tauro.cli.edge import describe

        invocation.answer(
            {
                "recovered": [recovered_row(run, ended) for run, ended in recovered],
                "abandoned": [{**left_row(run), "resume": commands[run.about.run_id]} for run in abandoned],
                "alive": [run.about.run_id for run in alive],
                "error": describe(failed[0]) if failed else None,
            }
        )
    else:
        for _, ended in recovered:
            invocation.say(str(ended))
        if not recovered and not failed:
            invocation.say("nothing to recover")
        if alive:
            invocation.say(f"{count(len(alive), 'run')} still under way, left alone")
        for run in abandoned:
            ways = (
                "can be carried on with:" if run.about.run_id in kept else "has nothing done; it can be run again with:"
            )
            invocation.say(f"{left_line(run)} {ways}")
            invocation.say(f"  {commands[run.about.run_id]}")
    for error in failed:
        invocation.complain(f"error: {error}")
