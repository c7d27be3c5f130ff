"""The tables of the history, as the steps that make them: a new history takes all, an older one those it lacks.

A step that a release has shipped is never changed; what is new is a step of its own at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tauro.history.records import (
    AttemptRecord,
    NodeRecord,
    NoteRecord,
    OutputRecord,
    PlanRecord,
    ReadRecord,
    RunRecord,
)

Steps = tuple[tuple[str, ...], ...]
"""Step -> its statements, in SQL that every store understands once `{by_key}` is filled in (`Dialect.by_key`)."""

STEPS: Steps = (
    (
        """create table tauro_runs (
            run_id text primary key, project text not null, env text, pipeline text not null, window_start text,
            window_end text, status text not null, started_at text not null, ended_at text, duration_s double precision,
            seen_at text not null, host text not null, pid integer not null, process_began text, boot_id text,
            pid_namespace text, tauro_version text not null, nodes integer not null, nodes_done integer not null,
            error_type text, error_message text, error_cause text)""",
        "create index tauro_runs_by_start on tauro_runs (started_at)",
        "create table tauro_plans (run_id text primary key, plan text not null)",
        """create table tauro_nodes (
            run_id text not null, node text not null, status text not null, attempts integer not null,
            ended_at text not null, duration_s double precision not null, note text,
            primary key (run_id, node)) {by_key}""",
        """create table tauro_attempts (
            run_id text not null, node text not null, attempt integer not null, started_at text not null, ended_at text,
            status text not null, error_type text, error_message text, error_kind text, error_cause text,
            retry_delay_s double precision, primary key (run_id, node, started_at, attempt)) {by_key}""",
        """create table tauro_outputs (
            run_id text not null, node text not null, output text not null, format text not null, path text,
            table_name text, rows bigint, columns_json text, is_written integer not null, written_at text not null,
            published_at text, primary key (run_id, node, output)) {by_key}""",
        """create table tauro_notes (
            run_id text not null, at text not null, note text not null, primary key (run_id, at, note))""",
    ),
    ("alter table tauro_runs add column user_name text",),
    (
        """create table tauro_reads (
            run_id text not null, node text not null, input text not null, location text not null, version text,
            primary key (run_id, node, input)) {by_key}""",
    ),
    ("alter table tauro_outputs add column dropped_at text",),
    ("alter table tauro_nodes add column started_at text",),
)
"""The version of a history is the number of the steps it has taken."""


class Table(NamedTuple):
    """Where the records of one class are kept."""

    name: str
    key: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """Columns that stay as they were when a row is written again."""
    unless: str | None = None
    """When a row is not written again, in SQL."""


TABLES: Mapping[type[tuple[Any, ...]], Table] = {  # Any: a record is a tuple of whatever its columns hold
    RunRecord: Table("tauro_runs", ("run_id",), kept=("started_at",)),
    PlanRecord: Table("tauro_plans", ("run_id",)),
    NodeRecord: Table(  # a run that is carried on skips what is done: how it was done is worth more
        "tauro_nodes",
        ("run_id", "node"),
        unless="excluded.status = 'skipped' and tauro_nodes.status = 'completed'",
    ),
    AttemptRecord: Table("tauro_attempts", ("run_id", "node", "started_at", "attempt")),
    OutputRecord: Table("tauro_outputs", ("run_id", "node", "output")),
    ReadRecord: Table("tauro_reads", ("run_id", "node", "input")),
    NoteRecord: Table("tauro_notes", ("run_id", "at", "note")),
}
