"""What a process does that stages Delta outputs, publishes them and takes them back, until it is killed on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.delta_table import MODES, NEW, delta_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLES = {"made": "overwrite", "whole": "overwrite", "more": "append", "part": "window on a partition", "keys": "merge"}
"""Each table, and what is done to it; the first is not there before."""


def publish_and_undo(root: Path, spark: SparkSession) -> None:
    """Stages all below `root`, writes their records to `records.json`, publishes all, and takes all back."""
    staged = {}
    for name, mode in TABLES.items():
        table = delta_table(root, spark, name)
        staged[name] = table.stage(table.frame(NEW), **MODES[mode])
    records = {name: one.record() for name, one in staged.items()}
    (root / "records.json").write_text(json.dumps(records))
    for one in staged.values():
        one.publish()
    for one in reversed(staged.values()):
        one.undo()
