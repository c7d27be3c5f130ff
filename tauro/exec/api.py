"""Running a project from Python, as the command line does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from tauro.config import Context
from tauro.errors import InvalidValueError
from tauro.exec.executor import BatchExecutor
from tauro.exec.planning.selection import EVERYTHING, Selection
from tauro.exec.resume.known_runs import known_run, run_to_resume
from tauro.exec.resume.left_runs import LAST
from tauro.model.events import Observer
from tauro.model.outcome import RunResult


def run(
    project: str | os.PathLike[str] | Context = ".",
    *,
    pipeline: str,
    start: str | None = None,
    end: str | None = None,
    env: str | None = None,
    variables: Mapping[str, Any] | None = None,
    selection: Selection = EVERYTHING,
    max_workers: int | None = None,
    hyperparams: Mapping[str, Any] | None = None,
    model_version: str | None = None,
    run_id: str | None = None,
    wait_s: float = 0.0,
    observers: Iterable[Observer] = (),
) -> RunResult:
    """Runs a pipeline of a project and publishes its outputs.

    An active Spark session is used as it is; otherwise one is started, and stays for the next run of this process.

    Args:
        project: the project's folder, its `tauro.yml`, or a `Context`.
        pipeline: the pipeline's name.
        start: the window's start, an ISO date (inclusive) or date-time; that of `global_settings` if None.
        end: the window's end, an ISO date (inclusive) or date-time (exclusive); likewise.
        env: the environment; the base if None.
        variables: values for `${name}`.
        selection: the part of the pipeline to run.
        max_workers: nodes at once, in place of what the project says.
        hyperparams: explicit hyperparameters; they win over the project's.
        model_version: the model's version, in place of the project's.
        run_id: the run's id; a new one if None. A run that the history knows as done under this id is not run again:
            its result is returned, and the observers are told nothing. One that ended without publishing, or died,
            is carried on.
        wait_s: how long to wait for other runs that write one of the outputs.
        observers: told of every event, on the calling thread.

    Returns:
        The result of a run in which every node is done.

    Raises:
        ProjectError: nothing was run; the project, or what was asked for, is wrong.
        OutputHeldError: nothing was run; another run writes one of the outputs.
        JournalError: nothing was run; what a dead run has left can be neither finished nor undone now.
        RunFailedError: a node failed; the root cause is chained, and `result` tells the rest.
        RunInterruptedError: the run was stopped.
    """
    context = _opened(project, env, variables)
    known = known_run(context, run_id, pipeline, start, end, selection) if run_id is not None else None
    if isinstance(known, RunResult):
        return known
    return BatchExecutor(context).execute_pipeline(
        pipeline,
        start,
        end,
        selection=selection,
        max_workers=max_workers,
        hyperparams=hyperparams,
        model_version=model_version,
        run_id=run_id,
        journal=known,
        wait_s=wait_s,
        observers=observers,
    )


def resume(
    project: str | os.PathLike[str] | Context = ".",
    run: str = LAST,
    *,
    env: str | None = None,
    variables: Mapping[str, Any] | None = None,
    max_workers: int | None = None,
    wait_s: float = 0.0,
    observers: Iterable[Observer] = (),
) -> RunResult:
    """Carries on a run that failed, was stopped or was killed: what is done and still valid is not run again.

    Args:
        project: as for `run`.
        run: the run's id, the beginning of it, or `last` for the latest that can be carried on.
        env: the environment that the run was begun in; the base if None.
        variables: the values for `${name}` that the run was given.
        max_workers: nodes at once, in place of what the run was given.
        wait_s: as for `run`.
        observers: likewise.

    Returns:
        The result of the run; nodes that were done are skipped in it. Of a run that is done already, its result.

    Raises:
        UnknownNameError: there is no such run; the error names those that can be carried on.
        InvalidValueError: it has left nothing to carry on with; or, where the latest is asked for, no run has.
        TauroError: as `run`.
    """
    context = _opened(project, env, variables)
    found = run_to_resume(context, run)
    if isinstance(found, RunResult):
        return found
    return BatchExecutor(context).resume(found, max_workers=max_workers, wait_s=wait_s, observers=observers)


def _opened(
    project: str | os.PathLike[str] | Context,
    env: str | None,
    variables: Mapping[str, Any] | None,  # Any: as `run` takes them
) -> Context:
    if not isinstance(project, Context):
        return Context.from_project(project, env=env, variables=variables, strict=False)
    if env is not None or variables:
        raise InvalidValueError("env and variables were settled when the Context was made", fix="give them to it")
    return project
