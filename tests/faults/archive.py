"""The archive of Spark's classes that lets every JVM of the suite start sooner; made once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tauro.launch.java import java_environment

MAKE_TIMEOUT_S = 300.0


def java_options(jars: Sequence[Path], folder: Path | None = None) -> str:
    """The JVM's options: few compilers, the simple collector, and the archive, which fits these jars alone.

    Args:
        jars: those of the session.
        folder: where the archive is kept; the virtual environment by default.
    """
    archive = (folder or Path(sys.prefix)) / "faults.jsa"
    plain = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    if not archive.exists():
        draft = Path(tempfile.mkdtemp(dir=archive.parent)) / "draft.jsa"
        environment = {**os.environ, **java_environment(), "FAULTS_JARS": ",".join(map(str, jars))}
        environment["FAULTS_JAVA_OPTIONS"] = f"{plain} -XX:ArchiveClassesAtExit={draft}"
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=environment,
            check=True,
            timeout=MAKE_TIMEOUT_S,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        draft.replace(archive)
        draft.parent.rmdir()
    return f"{plain} -XX:SharedArchiveFile={archive} -Xlog:cds=off -Xlog:class+path=off"


_PROGRAM = """
import os, tempfile
from pyspark import SparkContext
from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[2]")
settings = {
    "spark.jars": os.environ["FAULTS_JARS"],
    "spark.driver.extraJavaOptions": os.environ["FAULTS_JAVA_OPTIONS"],
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
}
for name, value in settings.items():
    builder = builder.config(name, value)
with tempfile.TemporaryDirectory() as folder:
    spark = builder.getOrCreate()
    frame = spark.range(10).selectExpr("id", "cast(id % 2 as string) part")
    frame.write.partitionBy("part").parquet(f"{folder}/parquet")
    spark.read.parquet(f"{folder}/parquet").groupBy("part").count().write.csv(f"{folder}/csv", header=True)
    frame.write.format("delta").save(f"{folder}/delta")
    frame.createOrReplaceTempView("source")
    spark.sql(f"merge into delta.`{folder}/delta` t using source s on t.id = s.id "
              "when matched then update set * when not matched then insert *")
    spark.read.format("delta").load(f"{folder}/delta").collect()
    spark.stop()
    process = SparkContext._gateway.proc
    SparkContext._gateway.shutdown()
    process.stdin.close()
    process.wait()
"""
