"""A process of its own that stages Delta outputs, publishes them and takes them back, until it is killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from tests.support.delta_table import MODES, NEW, delta_table
from tests.support.jars import spark_jars
from tests.support.stopping import kill_at

TABLES = {"made": "overwrite", "whole": "overwrite", "more": "append", "part": "window on a partition", "keys": "merge"}
"""Each table, and what is done to it; the first is not there before."""


def main(root: str, step: str, times: str) -> None:
    """Stages all, writes their records, publishes all, and takes all back; killed at a step on the way."""
    session = SparkSession.builder.master("local[2]")
    for name, value in {
        "spark.jars": ",".join(map(str, spark_jars())),
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "1",
    }.items():
        session = session.config(name, value)
    spark = session.getOrCreate()
    staged = {}
    for name, mode in TABLES.items():
        table = delta_table(Path(root), spark, name)
        staged[name] = table.stage(table.frame(NEW), **MODES[mode])
    records = {name: one.record() for name, one in staged.items()}
    Path(root, "records.json").write_text(json.dumps(records))
    kill_at(step, int(times))
    for one in staged.values():
        one.publish()
    for one in reversed(staged.values()):
        one.undo()


if __name__ == "__main__":
    main(*sys.argv[1:])
