"""The project that is disturbed: every kind of output, in nodes that read each other by output and by node name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

OLD, NEW = "old", "new"
"""What the events are like while the tables are prepared, and when the run is disturbed."""
BEFORE = ("2025-01-01", "2025-01-02")
"""The window that has run already."""
WINDOW = ("2025-01-03", "2025-01-04")
"""The window of the run that is disturbed."""
WHOLE, SMALL = "whole", "small"
"""The pipelines; the small one has an output of each kind of place, and fewer nodes."""
RUN_TWICE = ("read_events", "log", "sales")
"""The nodes that have run for the disturbed window too, on the old events: their rows are to be replaced."""
NEW_TABLES = ("lake/fresh", "out/first")
"""The outputs that do not exist before the disturbed run."""
URL = "FAULTS_JDBC_URL"
"""The variable that names the database."""


def write_project(root: Path, *, spark_config: Mapping[str, str], password: str, user: str) -> Path:
    """Writes the project, with old events; nothing in it names the folder that it lies in.

    Args:
        root: the folder, which is emptied.
        spark_config: Spark's settings.
        password: of the database.
        user: of the database.
    """
    shutil.rmtree(root, ignore_errors=True)
    (root / "sql").mkdir(parents=True)
    documents = {
        "global_settings": {"output_path": "output", "spark_config": dict(spark_config), "max_workers": 2},
        "pipelines_config": {WHOLE: {"nodes": list(_NODES)}, SMALL: {"nodes": list(_SMALL)}},
        "nodes_config": _NODES,
        "input_config": _INPUTS,
        "output_config": _outputs({"url": f"${{env:{URL}}}", "user": user, "password": password}),
    }
    (root / "tauro.yml").write_text(json.dumps(documents, indent=1))  # JSON is YAML too
    (root / "steps.py").write_text(_MODULE)
    write_events(root, OLD)
    return root


def write_events(root: Path, state: str) -> None:
    """Writes what the project reads: new events have other amounts, another customer, and one row less."""
    is_new = state == NEW
    lines = ["day,customer,amount"]
    for day in (1, 2, 3, 4):
        for number in range(6):
            if is_new and (day, number) == (3, 0):
                continue
            customer = f"c{(number + day + is_new) % 5}"
            lines.append(f"2025-01-0{day},{customer},{day * 100 + number * 7 + is_new}")
    (root / "events.csv").write_text("\n".join(lines) + "\n")


_INPUTS = {
    "raw.events": {
        "path": "events.csv",
        "schema": "day DATE, customer STRING, amount INT",
        "options": {"header": True},
        "window_column": "day",
    },
    # the rows of the window, of a table that another node writes
    "daily.window": {"format": "delta", "path": "output/lake/daily", "window_column": "day"},
}
_NODES: dict[str, dict[str, object]] = {
    "read_events": {"function": "steps.read_events", "input": ["raw.events"], "output": ["bronze.events"]},
    "totals": {
        "sql": "SELECT customer, sum(amount) AS amount, count(*) AS events FROM bronze_events GROUP BY customer",
        "input": ["bronze.events"],
        "output": ["silver.totals"],
    },
    "log": {"function": "steps.log", "input": ["read_events"], "output": ["silver.log"]},
    "export": {
        "sql": "SELECT customer, amount FROM totals WHERE amount > :least ORDER BY customer",
        "params": {"least": 10},
        "input": {"totals": "silver.totals"},
        "output": ["out.totals"],
    },
    "daily": {"function": "steps.daily", "input": ["bronze.events"], "output": ["lake.daily"]},
    "audit": {
        "sql": "SELECT day, count(*) AS entries, sum(cents) AS cents FROM log GROUP BY day",
        "input": ["log"],
        "output": ["lake.audit"],
    },
    "customers": {"function": "steps.customers", "input": ["read_events"], "output": ["lake.customers"]},
    "fresh": {
        "sql": "SELECT customer, last_day, amount * 2 AS twice FROM lake_customers",
        "input": ["lake.customers"],
        "output": ["lake.fresh"],
    },
    "first": {
        "sql": "SELECT customer, max(last_day) AS last_day FROM customers GROUP BY customer",
        "input": ["customers"],
        "output": ["out.first"],
    },
    "sales": {"function": "steps.sales", "input": ["daily.window"], "output": ["db.sales"]},
    "db_totals": {
        "sql": "SELECT customer, amount, events FROM totals",
        "input": ["totals"],
        "output": ["db.totals"],
    },
}
_SMALL = ("read_events", "log", "daily", "sales")
_MODULE = '''"""Functions of nodes."""

from pyspark.sql import functions as F


def read_events(events):
    """The window's events, one row each."""
    return events.coalesce(1)


def log(events):
    """An entry for each event."""
    return events.select("day", "customer", (F.col("amount") * 100).alias("cents")).coalesce(1)


def daily(events):
    """The amount of each day, of all that there are."""
    return events.groupBy("day").agg(F.sum("amount").alias("amount"), F.count("*").alias("events")).coalesce(1)


def customers(events):
    """When each customer of the window was last seen."""
    seen = events.groupBy("customer").agg(F.max("day").alias("last_day"), F.sum("amount").alias("amount"))
    return seen.coalesce(1)


def sales(daily):
    """What dashboards read."""
    return daily.select("day", "amount").coalesce(1)
'''


def _outputs(database: Mapping[str, str]) -> dict[str, dict[str, object]]:
    return {
        "bronze.events": {
            "path": "output/bronze/events",
            "format": "parquet",
            "overwrite_scope": "window",
            "window_column": "day",
            "partition_by": ["day"],
        },
        "silver.totals": {"path": "output/silver/totals", "format": "parquet"},
        "silver.log": {"path": "output/silver/log", "format": "parquet", "write_mode": "append"},
        "out.totals": {"path": "output/out/totals", "format": "csv", "options": {"header": True}},
        "out.first": {"path": "output/out/first", "format": "parquet"},
        "lake.daily": {"path": "output/lake/daily", "format": "delta"},
        "lake.audit": {"path": "output/lake/audit", "format": "delta", "write_mode": "append"},
        "lake.customers": {
            "path": "output/lake/customers",
            "format": "delta",
            "write_mode": "merge",
            "keys": ["customer"],
        },
        "lake.fresh": {"path": "output/lake/fresh", "format": "delta"},
        "db.sales": {
            "format": "jdbc",
            "write_mode": "append",
            "window_column": "day",
            "options": {**database, "dbtable": "sales"},
        },
        "db.totals": {"format": "jdbc", "options": {**database, "dbtable": "totals"}},
    }
