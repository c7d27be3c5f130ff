"""How many rows a write wrote, from what Spark counts anyway: no other job is started.

Spark keeps the metrics of every query; the one of a write is found by a job description that nothing else has. Over
Spark Connect these are out of reach, and the rows are counted as they pass by.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from tauro.spark.jobs import DESCRIPTION, is_classic, local_property

WAIT_S = 10.0
"""How long the metrics of a write that is done may take to arrive."""

_ROWS = "number of output rows"
_LOOKED_AT_FIRST = 32
_PAUSE_S = 0.002


@dataclass(slots=True)
class MeasuredWrite:
    """What a write told of itself."""

    rows: int | None = None
    """The rows it wrote; None while it runs, after it failed, and where Spark does not count them."""


@contextmanager
def counted_write(frame: DataFrame) -> Iterator[tuple[DataFrame, MeasuredWrite]]:
    """Counts the rows of a frame over Spark Connect, as the one write inside the block writes them.

    That costs the write a little more than a tenth of its time.

    Args:
        frame: what is to be written; the block is to write the frame that it is given.
    """
    from pyspark.sql import Observation, functions

    write, counted = MeasuredWrite(), Observation()
    yield frame.observe(counted, functions.count(functions.lit(1)).alias("rows")), write
    write.rows = counted.get.get("rows", 0)


@contextmanager
def measured_write(spark: SparkSession, description: str) -> Iterator[MeasuredWrite]:
    """Learns how many rows the one write inside the block writes.

    Known in a classic session for files (parquet, csv, json, orc, avro, text, xml), and for catalog tables of such
    files. The write is to run in the thread that entered the block.

    Args:
        spark: the session that the frame belongs to.
        description: what Spark shows for the write's jobs.
    """
    write = MeasuredWrite()
    if not is_classic(spark):
        yield write
        return
    queries = _Queries(spark)
    unique = f"{description} #{uuid4().hex[:12]}"
    newest_before = queries.newest_id()
    with local_property(spark, DESCRIPTION, unique):
        yield write
    write.rows = queries.rows_written(unique, newest_before)


class _Queries:
    """The queries that Spark remembers (`org.apache.spark.sql.execution.ui.SQLAppStatusStore`)."""

    def __init__(self, spark: SparkSession) -> None:
        # Any: py4j's objects have no types
        self._store: Any = spark._jsparkSession.sharedState().statusStore()
        self._bus: Any = spark.sparkContext._jsc.sc().listenerBus()

    def newest_id(self) -> int:
        """The id of the newest query that Spark has noticed so far; -1 before the first."""
        newest = self._store.executionsList(max(0, self._store.executionsCount() - 1), 1)
        return int(newest.last().executionId()) if newest.nonEmpty() else -1

    def rows_written(self, description: str, after_id: int) -> int | None:
        """The rows that the query so described wrote; it started after the query `after_id`, and is over."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            has_heard_all = self._wait_for_news()
            queries = self._described(description, after_id)
            if queries and all(query.completionTime().isDefined() for query in queries):
                return self._rows(queries)
            if has_heard_all and not queries:
                return None
            time.sleep(_PAUSE_S)  # Spark adds a query's metrics up in the background after its end
        return None

    def _wait_for_news(self) -> bool:
        """Waits for what has happened to be noticed, for a second at most; whether it was enough."""
        try:
            self._bus.waitUntilEmpty(1000)
        except Py4JJavaError as error:
            if "TimeoutException" in error.java_exception.getClass().getName():
                return False
            raise
        return True

    def _described(self, description: str, after_id: int) -> list[Any]:
        """The matching queries: a few, if one runs others. The newest are looked at first; older ones cost time."""
        count = self._store.executionsCount()
        found: list[Any] = []
        for length in (_LOOKED_AT_FIRST, count):
            found = []
            queries = self._store.executionsList(max(0, count - length), length + _LOOKED_AT_FIRST)
            for at in reversed(range(queries.size())):
                query = queries.apply(at)
                if query.executionId() <= after_id:
                    return found
                if query.description() == description:
                    found.append(query)
        return found

    def _rows(self, queries: list[Any]) -> int | None:
        """The count of the command that wrote; where one query ran another, both count the same rows."""
        counts = []
        for query in queries:
            values = self._store.executionMetrics(query.executionId())
            nodes = self._store.planGraph(query.executionId()).allNodes()
            for node in map(nodes.apply, range(nodes.size())):
                if not node.name().startswith("Execute "):
                    continue
                metrics = node.metrics()
                for metric in map(metrics.apply, range(metrics.size())):
                    value = values.get(metric.accumulatorId())
                    if metric.name() == _ROWS and value.isDefined():
                        counts.append(int("".join(filter(str.isdigit, value.get()))))
        return max(counts, default=None)
