"""A table of a real PostgreSQL, as tests write it and look at it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tauro.io.jdbc.database import connected, last_part
from tauro.io.jdbc.pointer import StagePointer, drop, stages_beside
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.recorded import as_record, staged_from
from tauro.model import OutputResult, Window
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class JdbcTarget:
    """A table of the server, and a project whose output `t` it is."""

    def __init__(self, project: IoProject, server: Any) -> None:
        self.project = project
        self.server = server
        self.table = f"t_{uuid.uuid4().hex[:8]}"

    def declare(self, **fields: Any) -> None:
        options = {"url": self.server.jdbc_url, "user": self.server.user, "password": self.server.password}
        options |= {"driver": "org.postgresql.Driver", "dbtable": self.table}
        self.project.with_output("t", format="jdbc", options=options, **fields)

    @property
    def options(self) -> dict[str, str]:
        return dict(self.project.outputs["t"].options)  # type: ignore[arg-type]  # all of them are text here

    def request(self, run_id: str = "run1", window: Window | None = None) -> WriteRequest:
        return WriteRequest(
            "pipe", "node", "t", output_spec_for(self.project, "t"), window, run_id, home="/the/journal"
        )

    def stage(self, frame: DataFrame, run_id: str = "run1", window: Window | None = None) -> tuple[Staged, Record]:
        """Rows staged, and their record as a file would have it."""
        request = self.request(run_id, window)
        staged = OutputManager(self.project).stage(request, frame)
        return staged, json.loads(json.dumps(as_record(request, staged)))

    def again(self, record: Record) -> Staged:
        """What another process finds by the record, in a project that knows the output."""
        return staged_from(record, lambda: self.project.spark, self.options)

    def publish(self, frame: DataFrame, run_id: str, window: Window | None = None) -> OutputResult:
        staged, _ = self.stage(frame, run_id, window)
        try:
            return staged.publish()
        finally:
            staged.discard()

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(self.server.execute(f"select * from {self.table}"))

    def staged(self) -> list[tuple[Any, ...]]:
        return list(self.server.execute("select tablename from pg_tables where tablename like 'tauro_stage%'"))

    def notes(self) -> list[str]:
        """What the table `_tauro` says of staged tables."""
        return [id for (id,) in self.server.execute("select id from _tauro where id like 'stage %'")]


def left_stages(session: SparkSession, options: Mapping[str, str], table: str) -> list[StagePointer]:
    """All staged tables in a table's schema."""
    with connected(session, options, table) as database:
        return stages_beside(database, table)


def drop_stage(session: SparkSession, options: Mapping[str, str], table: str, stage: str) -> None:
    """Drops one of them."""
    with connected(session, options, table) as database:
        drop(database, table, last_part(stage))
