"""The scripts that one would write with PySpark alone, in the session that PySpark makes if nobody tunes it.

`python -m tests.bench.by_hand small|first|flights FOLDER [SETTING=VALUE ...]`
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pyspark.sql import SparkSession

from tests.bench.memory import held_bytes, peak_bytes

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
PLAIN = {"spark.log.level": "ERROR"}
"""All else is as Spark has it."""
STOCK = PLAIN | {
    "spark.jars.packages": DELTA,
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
"""What Delta's own guide says beside it."""
WINDOW = ("2013-01-01", "2013-01-07")


def session(settings: Mapping[str, str]) -> SparkSession:
    """A local session with these settings alone."""
    builder = SparkSession.builder.appName("by hand")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def small(folder: Path, settings: Mapping[str, str]) -> None:
    """Writes a small Delta table, reads it, and writes another one."""
    spark = session(settings)
    orders = spark.range(100).selectExpr("id", "id % 7 AS customer", "id * 1.5 AS amount")
    orders.write.format("delta").mode("overwrite").save(str(folder / "orders"))
    read = spark.read.format("delta").load(str(folder / "orders"))
    totals = read.groupBy("customer").sum("amount").withColumnRenamed("sum(amount)", "amount")
    totals.write.format("delta").mode("overwrite").save(str(folder / "totals"))
    note_memory(folder / "peak.json", spark)
    spark.stop()


def first(folder: Path, settings: Mapping[str, str]) -> None:
    """Starts a session, and notes when it is there, and what it holds then."""
    spark = session(settings)
    (folder / "started").write_text(repr(time.time()))
    note_memory(folder / "idle.json", spark)
    spark.stop()


def flights(project: Path, settings: Mapping[str, str]) -> None:
    """The pipeline `daily` of the flights example; notes how long that took in a session that was there."""
    sys.path.insert(0, str(project))
    from tests.bench import flights_by_hand

    spark = session(settings)
    began = time.perf_counter()
    flights_by_hand.run(spark, project, project / "by_hand", *WINDOW, workers=4)
    (project / "work_s").write_text(repr(time.perf_counter() - began))
    note_memory(project / "peak.json", spark)
    spark.stop()


def note_memory(file: Path, spark: SparkSession) -> None:
    """Notes what the driver's two processes hold now, and have held at most, in bytes."""
    gateway = spark.sparkContext._gateway
    assert gateway is not None
    pids = {"jvm": gateway.proc.pid, "python": None}
    told = {name: {"now": held_bytes(pid), "peak": peak_bytes(pid)} for name, pid in pids.items()}
    file.write_text(json.dumps(told))


PROGRAMS: Mapping[str, Callable[[Path, Mapping[str, str]], None]] = {
    "small": small,
    "first": first,
    "flights": flights,
}

if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[3:])
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]), given or (PLAIN if sys.argv[1] == "flights" else STOCK))
