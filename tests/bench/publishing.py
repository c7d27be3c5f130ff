"""What safe publishing costs: a run of one node, beside the writer that one would call by hand, in one warm session."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tauro.config import Context
from tauro.exec import BaseExecutor
from tauro.io.locations import output_spec_for
from tauro.io.output import OutputManager
from tauro.io.ports import WriteRequest
from tauro.model import Window
from tauro.spark.session import stop_session
from tests.bench.processes import SCRATCH
from tests.bench.timing import Row, duration, in_turns, ratio, seconds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LIMIT_OF_FILES = 1.05
LIMIT_OF_DELTA = 1.25
LARGE, TINY = 2_000_000, 3
ROUNDS_OF_LARGE, ROUNDS_OF_TINY = 7, 11
FUNCTION = "tests.bench.publishing.make_rows"
PARQUET, DELTA = "parquet", "delta"
OVERWRITE, APPEND, MERGE = "overwrite", "append", "merge"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of write."""

    format: str
    mode: str
    rows: int
    limit: float | None = None

    @property
    def name(self) -> str:
        """As pipeline, node, output and table are called."""
        return f"{self.format}_{self.mode}_{self.rows}"


CASES = (
    Case(PARQUET, OVERWRITE, LARGE, LIMIT_OF_FILES),
    Case(PARQUET, APPEND, LARGE, LIMIT_OF_FILES),
    Case(DELTA, OVERWRITE, LARGE, LIMIT_OF_DELTA),
    Case(DELTA, APPEND, LARGE, LIMIT_OF_DELTA),
    Case(DELTA, MERGE, LARGE),
    Case(PARQUET, OVERWRITE, TINY),
    Case(PARQUET, APPEND, TINY),
    Case(DELTA, OVERWRITE, TINY),
    Case(DELTA, APPEND, TINY),
    Case(DELTA, MERGE, TINY),
)


def rows(*, is_quick: bool = False) -> Iterator[Row]:
    """Files and Delta tables, many rows and few: runs by Tauro, and the same writes by hand."""
    root = SCRATCH / "publishing"
    shutil.rmtree(root, ignore_errors=True)
    context = project(root)
    try:
        for case in CASES:
            if not is_quick:
                yield _measured(case, context, root, ROUNDS_OF_LARGE if case.rows == LARGE else ROUNDS_OF_TINY)
            elif case.rows == TINY and case.mode == OVERWRITE:
                yield _measured(case, context, root, 1)
    finally:
        stop_session(context.spark)
        shutil.rmtree(root, ignore_errors=True)


def project(root: Path) -> Context:
    """A project with a pipeline of one node for each case."""
    manifest = {
        "global_settings": {"output_path": "tauro"},
        "pipelines_config": {case.name: {"nodes": [case.name]} for case in CASES},
        "nodes_config": {
            case.name: {"function": FUNCTION, "params": {"rows": case.rows}, "output": [case.name]} for case in CASES
        },
        "input_config": {},
        "output_config": {
            case.name: {"format": case.format, "path": f"tauro/{case.name}", "write_mode": case.mode}
            | ({"keys": ["id"]} if case.mode == MERGE else {})
            for case in CASES
        },
    }
    root.mkdir(parents=True)
    (root / "tauro.yml").write_text(json.dumps(manifest))
    return Context.from_project(root)


def make_rows(rows: int) -> DataFrame:
    """What each node returns, computed anew: numbers, a text of few values and one of many."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.active()
        .range(rows)
        .selectExpr(
            "id",
            "id * 0.5 AS amount",
            "concat('city ', id % 100) AS city",
            "md5(cast(id AS string)) AS customer",
        )
    )


def _measured(case: Case, context: Context, root: Path, rounds: int) -> Row:
    session, manager = context.spark, OutputManager(context)
    by_hand, again, alone, by_tauro = (root / kind / case.name for kind in ("by_hand", "again", "alone", "tauro"))
    days = (date(2025, 1, 1) + timedelta(days) for days in count())

    def run(day: str) -> object:
        return BaseExecutor(context).execute_pipeline(case.name, day, day)

    def stage_and_publish(day: str) -> None:
        spec = output_spec_for(context, case.name).model_copy(update={"path": str(alone)})
        request = WriteRequest(case.name, case.name, case.name, spec, Window.parse(day, day), f"alone {day}")
        list(manager.publish_all([request], [make_rows(case.rows)]))

    def on_a_new_day(call: Callable[[str], object]) -> Callable[[], float]:
        def measure() -> float:
            day = next(days).isoformat()  # an append of a day that was appended before would replace it
            return seconds(lambda: call(day))

        return measure

    if case.mode == MERGE:
        for path in (by_hand, again, by_tauro, *([alone] if case.rows == TINY else [])):
            write(session, case, path)
    programs = {
        "by hand": lambda: seconds(lambda: write(session, case, by_hand)),
        "tauro": on_a_new_day(run),
        "by hand again": lambda: seconds(lambda: write(session, case, again)),
    }
    if case.rows == TINY:
        programs["alone"] = on_a_new_day(stage_and_publish)
    costs = in_turns(programs, rounds)
    tables = [path for path in (by_hand, again, alone, by_tauro) if path.exists()]
    check_same(session, case.format, *tables)
    for path in tables:
        shutil.rmtree(path)
    middle = {kind: duration(median(times)) for kind, times in costs.items()}
    without_run = f"; without the run around it {middle['alone']}" if "alone" in middle else ""
    return Row(
        name=f"{case.format}, {case.mode}, {case.rows:,} rows",
        against="the same writer by hand",
        ratio=ratio(costs["tauro"], costs["by hand"]),
        same=ratio(costs["by hand again"], costs["by hand"]),
        limit=case.limit,
        detail=f"{middle['tauro']} : {middle['by hand']}{without_run}",
    )


def write(session: SparkSession, case: Case, path: Path) -> None:
    """The same write by hand: straight into the table."""
    from delta.tables import DeltaTable

    frame = make_rows(case.rows)
    if case.mode == MERGE and path.exists():
        merge = (
            DeltaTable.forPath(session, str(path)).alias("target").merge(frame.alias("source"), "target.id = source.id")
        )
        merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        return
    mode = OVERWRITE if case.mode == MERGE else case.mode
    frame.write.format(case.format).mode(mode).save(str(path))


def check_same(session: SparkSession, format: str, *paths: Path) -> None:
    """Makes sure that all programs did the same work.

    Raises:
        RuntimeError: a table has other rows than the first.
    """
    counts = [session.read.format(format).load(str(path)).count() for path in paths]
    if len(set(counts)) > 1:
        raise RuntimeError(f"{paths[0].name} has {counts} rows")
