"""The jars that a project's formats need come by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.spark


def test_delta_and_a_driver_come_from_maven_by_themselves(tmp_path: Path) -> None:
    ivy = Path(sys.prefix) / "jars" / "ivy"
    program = f"""
from tauro.config import Context
from tauro.launch.jars import jdbc_driver
from tauro.spark.session import open_session, stop_session

url = "jdbc:h2:mem:rows;DB_CLOSE_DELAY=-1"
settings = {{"output_path": "out", "spark_config": {{"spark.master": "local[2]", "spark.jars.ivy": {str(ivy)!r}}}}}
outputs = {{
    "lake": {{"format": "delta", "path": "lake"}},
    "rows": {{"format": "jdbc", "options": {{"url": url, "dbtable": "r"}}}},
}}
spark = open_session(Context(settings, {{}}, {{}}, {{}}, outputs, root={str(tmp_path)!r}))
spark.range(4).write.format("delta").save({str(tmp_path / "lake")!r})
print(spark.read.format("delta").load({str(tmp_path / "lake")!r}).count())
print(spark.sql("select id from delta.`{tmp_path / "lake"}` where id < :least", {{"least": 2}}).count())
access = {{"url": url, "dbtable": "r", "driver": jdbc_driver(url).class_name}}
spark.range(3).write.format("jdbc").options(**access).save()
print(spark.read.format("jdbc").options(**access).load().count())
stop_session(spark)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["4", "2", "3"]
    assert done.stderr == ""
