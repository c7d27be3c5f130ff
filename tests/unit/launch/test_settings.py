"""Every setting has one origin, and the nearest wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tauro.launch.installed import InstalledSpark
from tauro.launch.machine import Machine
from tauro.launch.settings import (
    FROM_ENVIRONMENT,
    FROM_PIPELINE,
    FROM_PROJECT,
    FROM_TAURO,
    Needs,
    Setting,
    settings_for,
)

ROOT = Path("/project")
SPARK = InstalledSpark(Path("/spark"), "4.2.0", "2.13", jars=("spark-core_2.13-4.2.0.jar",), delta_version="4.4.0")
MACHINE = Machine(cores=6, memory_bytes=8 * 1024**3)
DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
POSTGRES = frozenset({"jdbc:postgresql://host/db"})


def settings(
    environment: dict[str, str] | None = None, spark: InstalledSpark = SPARK, machine: Machine = MACHINE, **needs: Any
) -> dict[str, Setting]:
    if "formats" in needs:
        needs["formats"] = frozenset(needs["formats"])
    return settings_for(Needs(ROOT, **needs), spark, machine, environment or {})


def values(**needs: Any) -> dict[str, str]:
    return {name: setting.value for name, setting in settings(**needs).items()}


def test_the_nearest_setting_wins_and_tells_its_origin() -> None:
    name = "spark.sql.shuffle.partitions"
    environment, project, pipeline = {name: "1"}, {name: "2"}, {name: "3"}
    assert settings()[name] == Setting(name, "6", f"{FROM_TAURO}: one for each core")
    assert settings(environment)[name] == Setting(name, "1", FROM_ENVIRONMENT)
    assert settings(environment, project=project)[name] == Setting(name, "2", FROM_PROJECT)
    assert settings(environment, project=project, pipeline=pipeline)[name] == Setting(name, "3", FROM_PIPELINE)


def test_every_default_gives_a_reason() -> None:
    for setting in settings(formats={"delta", "table", "avro"}).values():
        assert setting.origin.startswith(f"{FROM_TAURO}: ")
        assert len(setting.origin) > len(FROM_TAURO) + 5


def test_paths_on_s3_bring_their_jars_and_not_the_whole_sdk() -> None:
    spark = replace(SPARK, jars=(*SPARK.jars, "hadoop-client-api-3.5.0.jar"))
    given = {"spark.jars.packages": "a:b:1", "spark.jars.excludes": "c:d"}
    found = {one.name: one.value for one in settings(spark=spark, schemes={"s3a"}, project=given).values()}
    assert found["spark.jars.packages"].startswith("a:b:1,org.apache.hadoop:hadoop-aws:3.5.0,software.amazon.awssdk:")
    assert found["spark.jars.excludes"].startswith("c:d,software.amazon.awssdk:bundle,")
    assert found["spark.hadoop.fs.s3a.performance.flags"] == "create,mkdir"
    assert {"spark.jars.excludes", "spark.hadoop.fs.s3a.performance.flags"}.isdisjoint(values())


def test_a_local_session_is_tuned_for_the_machine_and_listens_to_it_alone() -> None:
    found = values()
    assert found["spark.master"] == "local[*]"
    assert found["spark.sql.shuffle.partitions"] == "6"
    assert found["spark.driver.memory"] == "4096m"
    assert found["spark.driver.host"] == found["spark.driver.bindAddress"] == "127.0.0.1"
    assert found["spark.ui.enabled"] == "false"
    assert found["spark.sql.session.timeZone"] == "UTC"
    assert found["spark.sql.variable.substitute"] == "false"
    assert found["spark.sql.execution.arrow.pythonUDF.columnarInput.enabled"] == "false"
    assert found["spark.sql.legacy.parameterSubstitution.constantsOnly"] == "true"
    assert found["spark.sql.warehouse.dir"] == "/project/spark-warehouse"
    assert "spark.sql.sources.partitionOverwriteMode" not in found


@pytest.mark.parametrize(("master", "partitions"), [("local", 1), ("local[3]", 3), ("local[4, 2]", 4), ("local[*]", 6)])
def test_shuffle_partitions_follow_the_cores_that_the_master_names(master: str, partitions: int) -> None:
    assert values(project={"spark.master": master})["spark.sql.shuffle.partitions"] == str(partitions)


@pytest.mark.parametrize(("memory_gib", "heap"), [(1, "1024m"), (16, "8192m"), (512, "31744m")])
def test_the_heap_is_half_of_the_memory_within_bounds(memory_gib: int, heap: str) -> None:
    found = settings(machine=Machine(2, memory_gib * 1024**3))
    assert found["spark.driver.memory"].value == heap


def test_a_cluster_is_not_told_about_this_machine() -> None:
    found = values(is_local=False, formats={"delta", "table"})
    here = (
        "spark.master",
        "spark.driver.",
        "spark.sql.shuffle",
        "spark.sql.warehouse",
        "spark.ui.enabled",
        "spark.exec",
    )
    assert [name for name in found if name.startswith(here)] == []
    assert "spark.databricks.delta.snapshotPartitions" not in found
    assert "spark.sql.catalogImplementation" not in found
    assert found["spark.sql.session.timeZone"] == "UTC"


def test_a_project_of_plain_files_needs_no_packages_and_no_extension() -> None:
    found = values(formats={"parquet", "csv"})
    assert "spark.jars.packages" not in found
    assert "spark.sql.extensions" not in found
    assert not any("delta" in name for name in found)


def test_delta_brings_its_package_its_extension_and_its_catalog() -> None:
    found = values(formats={"delta"})
    assert found["spark.jars.packages"] == DELTA
    assert found["spark.sql.extensions"] == EXTENSION
    assert found["spark.sql.catalog.spark_catalog"] == "org.apache.spark.sql.delta.catalog.DeltaCatalog"
    assert found["spark.databricks.delta.snapshotPartitions"] == "1"


def test_the_lists_that_a_project_begins_are_completed_and_not_replaced() -> None:
    found = settings(
        formats={"delta"},
        jdbc_urls=POSTGRES,
        project={"spark.jars.packages": "com.example:own:1", "spark.sql.extensions": "com.example.Own"},
    )
    packages = found["spark.jars.packages"]
    assert packages.value == f"com.example:own:1,{DELTA},org.postgresql:postgresql:42.7.13"
    assert packages.origin == f"{FROM_PROJECT}, completed by {FROM_TAURO}: the project's formats"
    assert found["spark.sql.extensions"].value == f"com.example.Own,{EXTENSION}"


@pytest.mark.parametrize(
    "given",
    [
        {"spark.jars": "/jars/delta-spark_4.2_2.13-4.3.0.jar,/jars/other.jar"},
        {"spark.jars.packages": "io.delta:delta-spark_2.13:4.0.0"},
        {"spark.driver.extraClassPath": "/jars/a.jar:/jars/delta-spark_2.13-4.0.0.jar"},
    ],
)
def test_what_the_user_provides_in_any_version_is_not_added(given: dict[str, str]) -> None:
    for found in (settings(formats={"delta"}, project=given), settings(given, formats={"delta"})):
        assert found.get("spark.jars.packages", Setting("", "", "")).value == given.get("spark.jars.packages", "")
        assert found["spark.sql.extensions"].value == EXTENSION


def test_jars_that_spark_itself_brings_are_not_added() -> None:
    spark = InstalledSpark(
        Path("/spark"), "4.2.0", "2.13", jars=("delta-spark_4.2_2.13-4.4.0.jar", "postgresql-42.jar")
    )
    assert "spark.jars.packages" not in settings(spark=spark, formats={"delta", "jdbc"}, jdbc_urls=POSTGRES)


def test_jars_in_a_folder_of_the_class_path_are_seen(tmp_path: Path) -> None:
    (tmp_path / "postgresql-42.1.0.jar").touch()
    given = {"spark.driver.extraClassPath": f"{tmp_path}/*"}
    assert "spark.jars.packages" not in settings(jdbc_urls=POSTGRES, project=given)
    given = {"spark.jars": f"{tmp_path}/*.jar"}
    assert "spark.jars.packages" not in settings(jdbc_urls=POSTGRES, project=given)


def test_jars_of_the_project_are_looked_for_in_its_folder() -> None:
    given = {"spark.jars": "jars/own.jar, /opt/other.jar,s3a://bucket/third.jar"}
    assert values(project=given)["spark.jars"] == "/project/jars/own.jar,/opt/other.jar,s3a://bucket/third.jar"
    assert settings(given)["spark.jars"].value == given["spark.jars"]


def test_a_local_catalog_that_is_used_outlives_the_session() -> None:
    found = values(formats={"table"})
    assert found["spark.sql.catalogImplementation"] == "hive"
    assert "/project/metastore_db" in found["spark.hadoop.javax.jdo.option.ConnectionURL"]
    assert "spark.sql.catalogImplementation" not in values(formats={"parquet"})
