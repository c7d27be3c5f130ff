"""Runs that are asked for by their id: done already, begun and to be carried on, or new."""

from __future__ import annotations

import json
import shlex

from loguru import logger

from tauro.config import Context
from tauro.errors import HistoryError, InvalidValueError, MissingExtraError, UnknownNameError, bounded
from tauro.exec.planning.plan import make_plan, run_window
from tauro.exec.planning.selection import EVERYTHING, Selection
from tauro.exec.resume.known_outputs import workshops_of
from tauro.exec.resume.left_runs import LAST, LeftRun, find_run, left_runs
from tauro.history.reading import History, WholeRun
from tauro.history.records import RunRecord
from tauro.history.results import result_of, window_of
from tauro.history.stores import open_store, url_of
from tauro.model.outcome import RunResult, Status
from tauro.model.window import Window
from tauro.publish.journal import RUNS, About, Journal
from tauro.publish.targets import LEASES
from tauro.storage.paths import as_file_name
from tauro.storage.place import Session

LONGEST_ID = 100
"""Characters."""
_LONGEST_NAME = 180
"""Characters of the folders that bear the id."""
_TAKEN = frozenset({LAST, LEASES, RUNS})


def check_run_id(run_id: str) -> None:
    """Refuses what can't name a run.

    Raises:
        InvalidValueError: it is empty, too long, unprintable, looks like a path or an option, or means something else.
    """
    wrong = None
    if not run_id or run_id != run_id.strip():
        wrong = "is empty, or begins or ends with a space"
    elif not run_id.isprintable():
        wrong = "holds characters that can't be printed"
    elif len(run_id) > LONGEST_ID or len(as_file_name(run_id)) > _LONGEST_NAME:
        wrong = f"is too long: {LONGEST_ID} characters are possible, fewer of those that are no plain letters"
    elif "/" in run_id or "\\" in run_id or not run_id.strip("."):
        wrong = "looks like a path"
    elif run_id.startswith("-"):
        wrong = "looks like an option"
    elif run_id.casefold() in _TAKEN:
        wrong = "means something else"
    if wrong is not None:
        raise InvalidValueError(f"run id {run_id!r} {wrong}", fix="choose another, such as daily-2025-01-31")


def journal_of(context: Context, run_id: str, session: Session | None = None) -> Journal | None:
    """The journal of a run that has begun and is not done; None if there is none.

    It is looked for beside the outputs that the project knows.

    Args:
        context: the project.
        run_id: the id.
        session: as for `workshops_of`.

    Raises:
        OSError, JournalError: remote folders can't be reached.
    """
    found = (Journal(workshop / RUNS / as_file_name(run_id)) for workshop in workshops_of(context, session))
    return next((journal for journal in found if journal.exists), None)


def known_run(
    context: Context,
    run_id: str,
    pipeline: str,
    start: str | None,
    end: str | None,
    selection: Selection = EVERYTHING,
) -> RunResult | Journal | None:
    """What there is of a run that is asked for by its id.

    Args:
        context: the project.
        run_id: the id.
        pipeline: the pipeline that is asked for.
        start: the window's start, as for a run.
        end: the window's end, likewise.
        selection: the part of the pipeline that is asked for.

    Returns:
        Its result if the history knows it as done; its journal if it has begun; None if it is new.

    Raises:
        InvalidValueError: the id can't name a run, or names one of something else; or the window is none.
        JournalError: the journal can't be read.
    """
    check_run_id(run_id)
    whole = _recorded(context, run_id)
    if whole is None or whole.run.status != Status.COMPLETED or whole.run.run_id != run_id:
        journal = journal_of(context, run_id, lambda: context.open_spark(context.pipelines[pipeline].spark_config))
        if journal is not None:
            _check_env(journal.about(), context)
        return journal
    window = run_window(context, start, end)
    run, was = whole.run, window_of(whole.run)
    if (run.project, run.env, run.pipeline, _ends(was)) != (context.name, context.env, pipeline, _ends(window)):
        raise InvalidValueError(
            f"run {run_id} is done, and was {_named(run.project, run.env, run.pipeline, was)}; "
            f"asked for is {_named(context.name, context.env, pipeline, window)}",
            fix="choose another run id",
        )
    wanted = make_plan(context.for_run(window, run_id), pipeline, window, selection, run_id=run_id).order
    done = json.loads(whole.plan)["order"] if whole.plan else wanted
    missing = [name for name in wanted if name not in done]
    if missing:
        raise InvalidValueError(
            f"run {run_id} is done, without these nodes: {bounded(missing)}", fix="choose another run id"
        )
    return result_of(whole)


def run_to_resume(context: Context, name: str = LAST) -> LeftRun | RunResult:
    """The run that is to be carried on.

    Args:
        context: the project.
        name: an id, the beginning of one, or `last` for the latest; if possible one that is over, and was begun in the
            same environment.

    Returns:
        Its result if nothing is left to be done.

    Raises:
        UnknownNameError: there is no such run.
        InvalidValueError: it was begun in another environment, or has left nothing that could be carried on with; or
            no run has.
    """
    try:
        run = (_latest_over(context) if name == LAST else None) or find_run(context, name)
    except UnknownNameError:
        whole = _recorded(context, name)
        if whole is None or (whole.run.project, whole.run.env) != (context.name, context.env):
            if name == LAST:
                raise InvalidValueError(
                    "no run has left anything to carry on with", fix="`tauro run` begins one"
                ) from None
            raise
        if whole.run.status == Status.COMPLETED and name != LAST:
            return result_of(whole)
        is_done = whole.run.status == Status.COMPLETED
        raise InvalidValueError(
            f"run {whole.run.run_id} of pipeline {whole.run.pipeline!r} ({whole.run.status}) has left nothing to be "
            f"carried on with{'' if is_done else _what_became_of(whole)}",
            fix=f"{'it is done; ' if is_done else ''}`{_run_command(whole.run)}` runs it again",
        ) from None
    _check_env(run.about, context)
    return run


def _what_became_of(whole: WholeRun) -> str:
    """What a recovery has noted of a run, after a colon."""
    notes = [one.note for one in whole.notes if one.note.startswith(f"run {whole.run.run_id} ")]
    return f": {notes[-1]}" if notes else ""


def _run_command(run: RunRecord) -> str:
    """The command that runs a recorded run's pipeline for its window."""
    words = ["tauro", "run", "--pipeline", run.pipeline]
    if run.window_start is not None and run.window_end is not None:
        words += ["--start", run.window_start, "--end", run.window_end]
    return shlex.join([*words, *(["--env", run.env] if run.env else [])])


def _latest_over(context: Context) -> LeftRun | None:
    """The latest run that does not go on; one of the same environment, if there is any."""
    runs = [one for one in left_runs(context) if one.about.pipeline is not None and not one.is_alive]
    return next((one for one in runs if one.about.env == context.env), runs[0] if runs else None)


def _check_env(about: About, context: Context) -> None:
    if about.env == context.env:
        return
    begun, here = (f"environment {env!r}" if env else "no environment" for env in (about.env, context.env))
    raise InvalidValueError(
        f"run {about.run_id} was begun in {begun}, and can't be carried on in {here}",
        fix=f"--env {about.env}" if about.env else "leave --env out",
    )


def _recorded(context: Context, name: str) -> WholeRun | None:
    """A run as far as the history knows it."""
    url = url_of(context.settings.history, context.root)
    if url is None:
        return None
    try:
        with History(open_store(url, is_reader=True)) as history:
            return history.whole(history.find(name))
    except (HistoryError, MissingExtraError) as error:
        logger.warning("whether run {} is done already can't be told: {}", name, error)
    except (UnknownNameError, InvalidValueError):
        pass  # it is known by no such id
    return None


def _ends(window: Window | None) -> object:
    return (window.lower, window.upper) if window else None


def _named(project: str, env: str | None, pipeline: str, window: Window | None) -> str:
    environment = f" in environment {env!r}" if env else ""
    dates = f"for {window}" if window else "without a window"
    return f"pipeline {pipeline!r} of project {project!r}{environment} {dates}"
