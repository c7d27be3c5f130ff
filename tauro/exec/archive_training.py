"""What small projects do, done once: so that Java can be told which classes their sessions need.

It is run in a process of its own by `tauro.launch.archive.making`, and touches nothing outside of its folder.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROUNDS = 2
"""Runs: the first makes the tables, the second finds them."""

_DAY = "2025-01-01"
_ME = "tauro.exec.archive_training"
_LOOK_S = 1.0


def main(folder: Path, settings: dict[str, str], formats: list[str], class_path: Path) -> None:
    """Runs a project of its own, and tells what Java looked for classes in.

    Args:
        folder: an empty one.
        settings: `spark_config` of the project.
        formats: those that tables are written in, beside Parquet: `delta`, `table`.
        class_path: the file to write the JVM's class path to.
    """
    from tauro.config import Context
    from tauro.exec import BaseExecutor
    from tauro.spark.session import stop_session

    (folder / "rows.csv").write_text("id,day,kind,amount\n" + "".join(f"{n},{_DAY},k{n % 3},{n}.5\n" for n in range(9)))
    context = Context(*_documents(settings, formats), root=folder)
    session = context.spark
    try:
        for _ in range(ROUNDS):
            BaseExecutor(context).execute_pipeline("daily", _DAY, _DAY)
        class_path.write_text(_class_path(session), encoding="utf-8")
    finally:
        stop_session(session)


def clean(rows: DataFrame) -> DataFrame:
    """A node: expressions as they are common, and a look at a few rows."""
    from pyspark.sql import functions as f

    if not rows.limit(1).collect():
        raise ValueError("there are no rows")
    return rows.withColumn("half", f.round(f.col("amount") / 2, 2)).where(f.col("amount") > 0).dropDuplicates(["id"])


def same(rows: DataFrame) -> DataFrame:
    """A node that copies."""
    return rows


def _documents(settings: dict[str, str], formats: list[str]) -> tuple[dict[str, Any], ...]:  # Any: documents
    """The five documents of the project."""
    nodes: dict[str, dict[str, Any]] = {
        "clean": {"function": f"{_ME}.clean", "input": ["rows"], "output": ["cleaned"]},
        "copy": {"function": f"{_ME}.same", "input": ["cleaned"], "output": ["copied"]},
        "count": {"sql": _SQL, "input": {"cleaned": "cleaned", "copied": "copied"}, "output": ["counted"]},
    }
    outputs: dict[str, dict[str, Any]] = {
        "cleaned": {"format": "parquet", "path": "out/cleaned"},
        "copied": {"format": "parquet", "path": "out/copied", "write_mode": "append"},
        "counted": {
            "format": "parquet",
            "path": "out/counted",
            "overwrite_scope": "window",
            "window_column": "day",
            "partition_by": ["day"],
        },
    }
    if "delta" in formats:
        modes: dict[str, dict[str, Any]] = {
            "overwrite": {},
            "append": {"write_mode": "append"},
            "window": {"overwrite_scope": "window", "window_column": "day", "partition_by": ["day"]},
            "merge": {"write_mode": "merge", "keys": ["id"]},
        }
        for mode, fields in modes.items():
            name, source = f"delta_{mode}", "cleaned" if mode == "overwrite" else "delta_overwrite"
            nodes[name] = {"function": f"{_ME}.same", "input": [source], "output": [name]}
            outputs[name] = {"format": "delta", "path": f"out/{name}", **fields}
    if "table" in formats:
        nodes["table"] = {"function": f"{_ME}.same", "input": ["cleaned"], "output": ["kept"]}
        outputs["kept"] = {"format": "table", "table": "kept"}
    return (
        {"output_path": "out", "spark_config": settings, "max_workers": 2},
        {"daily": {"nodes": list(nodes)}},
        nodes,
        {"rows": {"path": "rows.csv", "options": {"header": True}, "schema": _SCHEMA}},
        outputs,
    )


def _end_with(parent: int) -> None:
    """Ends this process when the one that started it is gone; Spark's JVM ends by itself then."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def _class_path(session: SparkSession) -> str:
    jvm: Any = session.sparkContext._jvm  # Any: py4j's objects have no types
    return str(jvm.java.lang.System.getProperty("java.class.path"))


_SCHEMA = "id INT, day DATE, kind STRING, amount DOUBLE"
_SQL = """\
SELECT c.day, c.kind, count(*) AS n, sum(d.amount) AS total, max(c.half) AS most
FROM cleaned c JOIN copied d ON c.id = d.id
WHERE c.day BETWEEN :start_date AND :end_date
GROUP BY c.day, c.kind
"""

if __name__ == "__main__":
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    told = json.load(sys.stdin)
    main(Path(told["folder"]), told["settings"], told["formats"], Path(told["class_path"]))
