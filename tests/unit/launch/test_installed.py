"""The installed Spark tells its versions without being imported."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tauro.errors import SessionError
from tauro.launch.installed import installed_spark


def test_the_spark_inside_pyspark_is_found() -> None:
    spark = installed_spark({})
    assert spark.version == version("pyspark")
    assert spark.scala_version == "2.13"
    assert f"spark-core_2.13-{spark.version}.jar" in spark.jars
    assert spark.delta_version == version("delta-spark")


def test_spark_home_wins(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.13-4.0.1.jar").touch()
    spark = installed_spark({"SPARK_HOME": str(tmp_path)})
    assert (spark.home, spark.version, spark.scala_version) == (tmp_path, "4.0.1", "2.13")


def test_a_spark_home_without_spark_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="SPARK_HOME"):
        installed_spark({"SPARK_HOME": str(tmp_path)})


def test_what_happens_before_spark_needs_the_standard_library_alone() -> None:
    modules = "java installed jars machine defaults settings"
    program = f"""
import sys
before = set(sys.modules)
for name in {modules.split()}:
    __import__("tauro.launch." + name)
from tauro.launch.installed import installed_spark
installed_spark()
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(new - set(sys.stdlib_module_names) - {{"tauro"}}))
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == []
