"""The whole pipeline, run on a copy of the project."""

from __future__ import annotations

import shutil
from pathlib import Path

import tauro
from pyspark.sql import SparkSession

PROJECT = Path(__file__).parent.parent


def test_daily_runs_and_a_second_run_gives_the_same_rows(spark: SparkSession, tmp_path: Path) -> None:
    for part in ("tauro.yml", "config", "data", "my_project"):
        source = PROJECT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, tmp_path / part)

    for _ in range(2):
        result = tauro.run(tmp_path, pipeline="daily", start="2025-01-01", end="2025-01-07")
        assert result.is_completed, result.error

        days = spark.read.parquet(str(tmp_path / "output/gold/sales_by_day"))
        assert days.count() == 7
        assert days.agg({"orders": "sum"}).first() == (13,)
