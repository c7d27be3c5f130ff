"""What a project asks of a session is known from its configuration alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.config import Context
from tauro.errors import UnsupportedError
from tauro.spark.needs import (
    data_folders,
    remote_url,
    session_needs,
    session_settings,
    settings_of_the_server,
    unresolved_settings,
)
from tauro.spark.session import open_session

PLAIN = {"format": "parquet", "path": "rows"}


def context(root: Path, **documents: object) -> Context:
    given = {"global_settings": {"output_path": "out"}, "pipelines_config": {}, "nodes_config": {}} | documents
    return Context(**given, root=root, environ={})  # type: ignore[arg-type]  # a test's own mappings


def test_formats_come_from_inputs_outputs_and_from_entries_inside_nodes(tmp_path: Path) -> None:
    needs = session_needs(
        context(
            tmp_path,
            input_config={"a": {"path": "a.csv.gz"}, "b": {"table": "db.b"}},
            output_config={"c": {"format": "delta", "path": "c"}},
            nodes_config={
                "n": {
                    "sql": "select 1 as one",
                    "input": {"i": {"format": "avro", "path": "i"}},
                    "output": [{"format": "orc", "path": "o"}],
                }
            },
        )
    )
    assert needs.formats == {"csv", "table", "delta", "avro", "orc"}
    assert needs.root == tmp_path
    assert needs.is_local


def test_databases_are_known_by_their_urls(tmp_path: Path) -> None:
    options = {"url": "jdbc:postgresql://host/db", "dbtable": "t"}
    needs = session_needs(context(tmp_path, input_config={"a": {"format": "jdbc", "options": options}}))
    assert needs.jdbc_urls == {"jdbc:postgresql://host/db"}


def test_remote_paths_are_known_by_their_schemes(tmp_path: Path) -> None:
    needs = session_needs(
        context(
            tmp_path,
            global_settings={"output_path": "hdfs://host/out"},
            input_config={"a": {"format": "csv", "path": ["a.csv", "S3A://bucket/b.csv", "file:/c.csv"]}},
        )
    )
    assert needs.schemes == {"hdfs", "s3a"}


def test_the_default_format_counts_only_where_an_output_has_none_of_its_own(tmp_path: Path) -> None:
    settings = {"default_format": "delta", "output_path": "out"}
    node = {"sql": "select 1 as one", "output": ["x"]}
    explicit = {"global_settings": settings, "nodes_config": {"n": node}, "output_config": {"x": PLAIN}}
    assert session_needs(context(tmp_path, **explicit)).formats == {"parquet"}
    implied = {"global_settings": settings, "nodes_config": {"n": node}}
    assert session_needs(context(tmp_path, **implied)).formats == {"delta"}
    without_format = explicit | {"output_config": {"x": {"path": "rows"}}}
    assert session_needs(context(tmp_path, **without_format)).formats == {"delta"}


def test_settings_of_the_pipeline_win_over_those_of_the_project(tmp_path: Path) -> None:
    project = context(tmp_path, global_settings={"spark_config": {"spark.a": 1, "spark.b": True, "spark.c": None}})
    found = session_settings(project, {"spark.a": 2})
    assert (found["spark.a"].value, found["spark.a"].origin) == ("2", "pipeline")
    assert (found["spark.b"].value, found["spark.b"].origin) == ("true", "global_settings.spark_config")
    assert "spark.c" not in found


def test_a_mode_that_does_not_exist_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="there is no mode 'locl'") as caught:
        open_session(context(tmp_path, global_settings={"mode": "locl"}))
    assert caught.value.exit_code == 2
    assert "connect, databricks, distributed, local" in str(caught.value)


TUNED = {"spark.driver.memory", "spark.driver.host", "spark.sql.warehouse.dir", "spark.executorEnv.PYTHONPATH"}
"""What fits the one machine of a local session."""


@pytest.mark.parametrize("master", ["spark://host:7077", "yarn", "k8s://https://host", "local-cluster[2,1,512]"])
def test_nothing_is_tuned_for_this_machine_where_a_cluster_does_the_work(tmp_path: Path, master: str) -> None:
    local = context(tmp_path)
    assert set(session_settings(local)) >= TUNED
    named = context(tmp_path, global_settings={"output_path": "out", "spark_config": {"spark.master": master}})
    assert not TUNED & set(session_settings(named))
    assert not TUNED & set(session_settings(local, {"spark.master": master}))
    by_command = unresolved_settings(local, command={"spark.master": master})
    assert not TUNED & set(by_command)
    assert (by_command["spark.master"].value, by_command["spark.master"].origin) == (master, "--conf")


def test_what_spark_submit_was_told_stands_and_its_master_decides(tmp_path: Path) -> None:
    project = context(tmp_path, global_settings={"spark_config": {"spark.master": "local[2]"}})
    submitted = {"spark.master": "yarn", "spark.sql.shuffle.partitions": "7"}
    found = unresolved_settings(project, submitted=submitted)
    assert not TUNED & set(found)
    assert found["spark.sql.shuffle.partitions"].value == "7"


def test_data_and_secrets_are_no_code(tmp_path: Path) -> None:
    settings = {"input_path": "data", "output_path": "/mnt/out", "secrets_path": "keys"}
    folders = data_folders(context(tmp_path, global_settings=settings))
    assert folders == (tmp_path / "data", Path("/mnt/out"), tmp_path / "keys")
    assert data_folders(context(tmp_path, global_settings={"output_path": "s3a://bucket/out"})) == ()


def test_over_connect_a_session_is_given_what_sessions_can_have(tmp_path: Path) -> None:
    options = {"spark.remote": "sc://host", "spark.sql.session.timeZone": "Europe/Paris", "spark.executor.memory": "4g"}
    project = context(tmp_path, global_settings={"mode": "connect", "spark_config": options})
    found = session_settings(project, {"spark.sql.shuffle.partitions": 3})
    assert found["spark.sql.session.timeZone"].value == "Europe/Paris"
    assert found["spark.sql.shuffle.partitions"].origin == "pipeline"
    assert found["spark.sql.variable.substitute"].origin.startswith("tauro default")
    assert found["spark.sql.execution.arrow.pythonUDF.columnarInput.enabled"].value == "false"
    assert not {"spark.remote", "spark.jars.packages", "spark.driver.memory"} & set(found)
    assert settings_of_the_server(options) == ["spark.executor.memory"]


def test_the_nearest_name_of_a_server_wins(tmp_path: Path) -> None:
    around = {"SPARK_REMOTE": "sc://environment"}
    bare = context(tmp_path, global_settings={"mode": "connect"})
    named = context(tmp_path, global_settings={"mode": "connect", "spark_config": {"spark.remote": "sc://project"}})
    assert remote_url(bare, {}, {}) is None
    assert remote_url(bare, {}, around) == "sc://environment"
    assert remote_url(named, {}, around) == "sc://project"
    assert remote_url(named, {"spark.remote": "sc://pipeline"}, around) == "sc://pipeline"
