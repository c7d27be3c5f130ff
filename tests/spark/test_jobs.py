"""Jobs are cancelled by their mark, and marks do not stay on pooled threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf
from pyspark.sql.types import IntegerType

from tauro.spark.jobs import cancel, tag

pytestmark = [pytest.mark.spark, pytest.mark.matrix]


@udf(IntegerType(), useArrow=False)
def slowly(value: int) -> int:
    import time

    time.sleep(0.05)
    return value


def run_slow_job(spark: SparkSession, name: str, has_begun: threading.Event) -> None:
    with tag(spark, name):
        has_begun.set()
        spark.range(2000).select(slowly("id")).collect()


def test_cancelling_ends_the_marked_jobs_soon_and_no_others(spark: SparkSession) -> None:
    has_begun, others_begun = threading.Event(), threading.Event()

    def run_other() -> int:
        with tag(spark, "kept, really"):
            others_begun.set()
            return len(spark.range(20).select(slowly("id")).collect())

    with ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(run_slow_job, spark, "unwanted, really", has_begun)
        kept = pool.submit(run_other)
        assert has_begun.wait(30)
        assert others_begun.wait(30)
        deadline = time.monotonic() + 20
        while not cancelled.done() and time.monotonic() < deadline:
            cancel(spark, "unwanted, really")
            time.sleep(0.2)
        assert kept.result(timeout=60) == 20
    assert "cancelled" in str(cancelled.exception()).lower()


def test_a_pooled_thread_bears_no_mark_after_the_block(spark: SparkSession) -> None:
    context = spark.sparkContext

    def marks() -> tuple[set[str], str | None, str | None]:
        properties = [context.getLocalProperty(name) for name in ("spark.job.description", "spark.scheduler.pool")]
        return set(context.getJobTags()), properties[0], properties[1]

    def fail_inside() -> None:
        with tag(spark, "first", "what it does"):
            assert marks() == ({"tauro first"}, "what it does", "tauro first")
            raise RuntimeError("the node fails")

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(RuntimeError, match="the node fails"):
            pool.submit(fail_inside).result()
        assert pool.submit(marks).result() == (set(), None, None)


def test_cancelling_what_does_not_run_does_nothing(spark: SparkSession) -> None:
    cancel(spark, "nobody")
    assert spark.range(3).count() == 3


def test_a_worker_thread_finds_the_session_active(spark: SparkSession) -> None:
    found = []

    def work() -> None:
        with tag(spark, "active"):
            found.append(SparkSession.getActiveSession())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0] is not None
    assert found[0].sparkContext is spark.sparkContext
