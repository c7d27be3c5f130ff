"""A DAG file for a pipeline: Python that a person would write, and the same for the same project."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import quote

from tauro.config import Context
from tauro.errors import InvalidValueError
from tauro.integrations.airflow.identity import readable
from tauro.integrations.airflow.source import LONGEST_LINE, Call, Name, names_for, source
from tauro.integrations.airflow.tasks import Task, task_per_node, whole_pipeline

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
_CRON = re.compile(r"[\dA-Za-z*,/#?\-]+(?: [\dA-Za-z*,/#?\-]+){4,5}")
_ID = re.compile(r"[A-Za-z0-9_.\-]{1,250}")
_RETRIES = 2
_INDENT = "    "


def dag_file(
    context: Context,
    pipeline: str,
    *,
    is_per_node: bool = False,
    schedule: str = "@daily",
    start_date: str = "2025-01-01",
    has_catchup: bool = False,
    dag_id: str | None = None,
    at: str | None = None,
    env: str | None = None,
    settings: Mapping[str, str] | None = None,
    python: str | None = None,
    is_deferrable: bool = False,
) -> str:
    """The text of a DAG file that runs a pipeline for each data interval.

    Args:
        context: the project.
        pipeline: the pipeline's name.
        is_per_node: whether each node that stores something is a task, in place of the pipeline.
        schedule: a cron expression (UTC), or a preset such as `@daily`.
        start_date: the first day of the first interval, an ISO date (UTC).
        has_catchup: whether Airflow runs the intervals since then.
        dag_id: the DAG's id; made of the project's and the pipeline's names if None.
        at: the project's folder on the workers; where it lies here if None.
        env: the environment that the project was opened in.
        settings: the values it was given for `${name}`.
        python: the interpreter with Tauro and Spark on the workers; the worker's own if None.
        is_deferrable: whether triggers watch the runs.

    Raises:
        InvalidValueError: the schedule, the date or the id is none.
        ConfigError: the pipeline can't be planned.
    """
    tasks = task_per_node(context, pipeline) if is_per_node else [whole_pipeline(context, pipeline)]
    spec = context.pipelines[pipeline]
    folder = at.rstrip("/") if at else str(context.root)
    run = {
        "project": folder,
        "pipeline": pipeline,
        "env": env,
        "has_window": None if spec.requires_dates else False,
        "settings": dict(sorted(settings.items())) if settings else None,
        "python": python,
        "deferrable": True if is_deferrable else None,
    }
    day = _day(start_date)
    dag = Call(
        "DAG",
        keywords={
            "dag_id": _dag_id(dag_id, context, pipeline),
            "description": spec.description,
            "schedule": Call("CronDataIntervalTimetable", (_cron(schedule),), {"timezone": "UTC"}),
            "start_date": Call("pendulum.datetime", (day.year, day.month, day.day)),
            "catchup": has_catchup,
            "max_active_runs": 1,
            "default_args": {"retries": _RETRIES, **(_given(run) if is_per_node else {})},
            "tags": ["tauro", *spec.tags],
        },
    )
    here, there = f"file://{quote(str(context.root))}/", f"file://{quote(folder)}/"
    moved = [_at(task, here, there) for task in tasks]
    return "\n".join(
        [
            _docstring(context.name, pipeline, is_per_node=is_per_node),
            "",
            *_imports(moved),
            "",
            f"with {source(dag, used=len('with :'))}:",
            *_body(moved, {} if is_per_node else run),
            "",
        ]
    )


def _docstring(project: str, pipeline: str, *, is_per_node: bool) -> str:
    paragraphs = [
        f"Runs the pipeline `{pipeline}` of the project `{project}` for each data interval.",
        *(
            ["Each task publishes its own node when that is done; those that follow read it then."]
            if is_per_node
            else []
        ),
        "Written by `tauro airflow export`, which writes it anew: what is changed here is lost then.",
    ]
    text = "\n\n".join(textwrap.fill(one, LONGEST_LINE - len('"""')) for one in paragraphs)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}\n"""'


def _imports(tasks: Sequence[Task]) -> list[str]:
    has_assets = any(task.inlets or task.outlets for task in tasks)
    names = ["DAG", *(["Asset"] if has_assets else []), "CronDataIntervalTimetable"]
    return [
        "import pendulum",
        f"from airflow.sdk import {', '.join(names)}",
        "from tauro.integrations.airflow import TauroOperator",
    ]


def _body(tasks: Sequence[Task], run: Mapping[str, object]) -> list[str]:
    names = names_for([task.name for task in tasks], taken=("DAG", "Asset", "TauroOperator", "pendulum"))
    ids = {name: name if _ID.fullmatch(name) else names[name] for name in names}
    if len(set(ids.values())) < len(ids):
        ids = names
    linked = {name for task in tasks if task.after for name in (task.name, *task.after)}
    lines = []
    for task in tasks:
        call = Call(
            "TauroOperator",
            keywords={
                "task_id": ids[task.name],
                **run,
                "nodes": task.node,
                "inlets": [Call("Asset", (uri,)) for uri in task.inlets] or None,
                "outlets": [Call("Asset", (uri,)) for uri in task.outlets] or None,
            },
        )
        if task.also_runs:
            comment = f"Runs what stores nothing, too: {', '.join(task.also_runs)}."
            lines += [f"{_INDENT}# {line}" for line in textwrap.wrap(comment, LONGEST_LINE - len(_INDENT) - 2)]
        variable = f"{names[task.name]} = " if task.name in linked else ""
        lines.append(f"{_INDENT}{variable}{source(call, 1, len(variable))}")
    orders = [_order([names[name] for name in task.after], names[task.name]) for task in tasks if task.after]
    return [*lines, *([""] if orders else []), *orders]


def _order(before: Sequence[str], after: str) -> str:
    """`[a, b] >> c`."""
    behind = f" >> {after}"
    if len(before) == 1:
        return f"{_INDENT}{before[0]}{behind}"
    return f"{_INDENT}{source([Name(name) for name in before], 1, len(behind))}{behind}"


def _at(task: Task, here: str, there: str) -> Task:
    """The task with what lies in the project's folder there."""

    def move(uris: Sequence[str]) -> tuple[str, ...]:
        return tuple(there + uri.removeprefix(here) if uri.startswith(here) else uri for uri in uris)

    return Task(task.name, task.node, move(task.inlets), move(task.outlets), task.after, task.also_runs)


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _dag_id(asked: str | None, context: Context, pipeline: str) -> str:
    if asked is None:
        return readable(f"{context.name}_{pipeline}", 250)
    if not _ID.fullmatch(asked):
        fix = "use up to 250 letters, digits, dashes, dots and underscores"
        raise InvalidValueError(f"Airflow takes no DAG id {asked!r}", where="--dag-id", fix=fix)
    return asked


def _cron(schedule: str) -> str:
    text = " ".join(schedule.split())
    if text in PRESETS or _CRON.fullmatch(text):
        return text
    fix = f"write five fields, such as '0 6 * * *', or one of {', '.join(PRESETS)}"
    raise InvalidValueError(f"{schedule!r} is no cron expression", where="--schedule", fix=fix)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValueError(
            f"{text!r} is not an ISO date", where="--start-date", fix="write it as 2025-01-31"
        ) from None
