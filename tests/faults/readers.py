"""Readers other than Tauro, each in a process of its own, that look at tables again and again while these are replaced.

`python -m tests.faults.readers KIND FOLDER ROWS` reads the tables in `FOLDER/*`, which have the columns `run` and `id`,
until `FOLDER/stop.KIND` is there. It writes `FOLDER/ready.KIND` once it has read each, and its figures, as JSON, to
`FOLDER/seen.KIND`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from tests.faults.tables import DeltaLog
from tests.support.jars import spark_jars
from tests.support.jvms import OPTIONS

PERIOD_S = 0.05
"""How long from one look at a table to the next, at least."""
SPARK, PYARROW = "spark", "pyarrow"
Read = Callable[[Path], Iterable[tuple[int, int]]]


@dataclass(slots=True)
class Seen:
    """What a reader saw of one table."""

    looks: int = 0
    runs: list[int] = field(default_factory=list)
    """The runs whose rows it saw, in order, each once in a row."""
    errors: int = 0
    empty: int = 0
    """How often it found no row at all."""
    bad: list[str] = field(default_factory=list)
    """Looks that saw a part of a run's rows, or rows of several runs."""
    first_error: str = ""


def look(read: Read, table: Path, rows: int, seen: Seen) -> None:
    """Reads a table once, and notes what it is like.

    Args:
        read: returns (run, id) of each row.
        table: its folder.
        rows: how many a whole table has: the ids from 0 on.
        seen: the notes.
    """
    seen.looks += 1
    try:
        found = list(read(table))
    except Exception as error:  # noqa: BLE001 - Spark's, pyarrow's, the system's: each is an error that a reader meets
        seen.errors += 1
        seen.first_error = seen.first_error or f"{type(error).__name__}: {error}"[:2000]
        return
    runs = {run for run, _ in found}
    if not found:
        seen.empty += 1
    elif len(runs) > 1 or sorted(id for _, id in found) != list(range(rows)):
        seen.bad.append(f"{len(found)} rows of the runs {sorted(runs)}")
    elif not seen.runs or seen.runs[-1] not in runs:
        seen.runs += runs


def pyarrow_reader() -> Read:
    """Lists and reads Parquet files; of a Delta table those that its log names."""

    def read(table: Path) -> Iterable[tuple[int, int]]:
        if (table / "_delta_log").exists():
            live = [str(table / path) for path in DeltaLog.read(table).live]
            found = ds.dataset(live, format="parquet").to_table() if live else pa.table({"run": [], "id": []})
        else:
            found = ds.dataset(table, format="parquet").to_table()
        return zip(found["run"].to_pylist(), found["id"].to_pylist(), strict=True)

    return read


def spark_reader() -> Read:
    """A session of its own, with a JVM of its own."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    jars = spark_jars()
    settings = {
        "spark.jars": ",".join(map(str, jars)),
        "spark.driver.extraJavaOptions": OPTIONS,
        "spark.driver.memory": "768m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "1",
    }
    builder = SparkSession.builder.master("local[1]").appName("reader")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()

    def read(table: Path) -> Iterable[tuple[int, int]]:
        if (table / "_delta_log").exists():
            frame = session.read.format("delta").load(str(table))
        else:
            frame = session.read.schema("run INT, id INT").parquet(str(table))
        return [(row["run"], row["id"]) for row in frame.select("run", "id").collect()]

    return read


def watch(kind: str, folder: Path, rows: int) -> None:
    """Looks at all tables until it is told to stop, or nobody is left to tell it."""
    read = spark_reader() if kind == SPARK else pyarrow_reader()
    tables = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(("_", ".")))
    for table in tables:
        list(read(table))  # what is read for the first time takes long
    seen = {table.name: Seen() for table in tables}
    (folder / f"ready.{kind}").touch()
    stop, parent = folder / f"stop.{kind}", os.getppid()
    while not stop.exists() and os.getppid() == parent:
        began = time.monotonic()
        for table in tables:
            look(read, table, rows, seen[table.name])
        time.sleep(max(0.0, PERIOD_S - (time.monotonic() - began)))
    for table in tables:  # whatever was still to be seen when it was told to stop
        look(read, table, rows, seen[table.name])
    draft = folder / f"draft.{kind}"
    draft.write_text(json.dumps({name: asdict(one) for name, one in seen.items()}))
    draft.rename(folder / f"seen.{kind}")


if __name__ == "__main__":
    watch(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
