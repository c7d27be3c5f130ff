"""The functions of the projects with which starting is measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from tests.bench.by_hand import note_memory

NOTES = "BENCH_NOTES"
"""The variable that names the folder for what a run notes about itself."""


def _spark() -> SparkSession:
    spark = SparkSession.getActiveSession()
    assert spark is not None, "Tauro has opened one"
    return spark


def orders() -> DataFrame:
    """A small table."""
    return _spark().range(100).selectExpr("id", "id % 7 AS customer", "id * 1.5 AS amount")


def totals(orders: DataFrame) -> DataFrame:
    """What each customer has paid."""
    return orders.groupBy("customer").sum("amount").withColumnRenamed("sum(amount)", "amount")


def note_start() -> DataFrame:
    """Notes when the session is there, and what it holds then; has a row to be written."""
    folder = Path(os.environ[NOTES])
    (folder / "started").write_text(repr(time.time()))
    note_memory(folder / "idle.json", _spark())
    return _spark().range(1).toDF("id")


def note_end(totals: DataFrame) -> None:
    """Notes what the driver has held at most, once the totals are there."""
    note_memory(Path(os.environ[NOTES]) / "peak.json", _spark())
