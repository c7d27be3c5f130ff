"""One version of each Delta table throughout a run, whoever commits meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.io import InputLoader
from tauro.io.locations import output_spec_for
from tauro.io.overlay import Overlay
from tauro.io.versions import ReadVersions
from tests.support.exec_project import exec_project
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
_AGE = "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration"


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> IoProject:
    return IoProject(tmp_path, spark)


def add(project: IoProject, number: int, name: str = "t") -> None:
    frame = project.spark.range(number, number + 1)
    frame.write.format("delta").mode("append").save(str(project.root / name))


def ids(loader: InputLoader, id: str = "t") -> list[int]:
    (frame,) = loader.load_inputs({"input": [id]})
    return numbers(frame)


def numbers(frame: DataFrame | None) -> list[int]:
    assert frame is not None
    return sorted(row[0] for row in frame.collect())


def a_run(project: IoProject) -> tuple[InputLoader, ReadVersions]:
    versions = ReadVersions(project)
    return InputLoader(project, Overlay(), versions), versions


def test_all_reads_of_a_run_are_of_the_version_that_the_first_found(project: IoProject) -> None:
    add(project, 0)
    project.with_input("t", path="t").with_input("q", query="SELECT id FROM t WHERE id >= 0")
    loader, versions = a_run(project)
    (first,) = loader.load_inputs({"input": ["t"]})
    add(project, 1)
    assert (numbers(first), ids(loader), ids(loader, "q")) == ([0], [0], [0])
    assert versions.read(project.inputs["t"]).version == "0"
    assert ids(InputLoader(project)) == [0, 1]
    assert ids(a_run(project)[0], "q") == [0, 1]


def test_what_the_run_has_published_itself_is_read_as_it_is_then(project: IoProject) -> None:
    add(project, 0)
    project.with_input("t", path="t").with_input("q", query="SELECT id FROM t")
    project.with_output("t", path="t", format="delta")
    loader, versions = a_run(project)
    assert ids(loader, "q") == [0]
    add(project, 1)
    assert numbers(loader.load_output(output_spec_for(project, "t"), None)) == [0, 1]
    assert ids(loader) == [0]
    versions.published(str(project.root / "t"))
    assert ids(loader) == ids(loader, "q") == [0, 1]


def test_an_input_that_names_its_version_is_read_in_it(project: IoProject) -> None:
    for number in range(3):
        add(project, number)
    project.with_input("old", path="t", options={"versionAsOf": 1})
    loader, versions = a_run(project)
    assert ids(loader, "old") == [0, 1]
    assert versions.read(project.inputs["old"]).version == "1"


def test_a_catalog_table_is_read_in_one_version_too(project: IoProject) -> None:
    spark = project.spark
    spark.sql("CREATE TABLE versions_read (id bigint) USING delta")
    spark.sql("CREATE VIEW versions_seen AS SELECT * FROM versions_read")
    spark.sql("CREATE TABLE versions_plain (id bigint) USING parquet")
    try:
        spark.sql("INSERT INTO versions_read VALUES (0)")
        project.with_input("t", table="versions_read").with_input("v", table="versions_seen")
        project.with_input("p", table="versions_plain").with_input("gone", table="versions_gone", optional=True)
        loader, versions = a_run(project)
        assert ids(loader) == [0]
        spark.sql("INSERT INTO versions_read VALUES (1)")
        assert ids(loader) == [0]
        assert ids(loader, "v") == [0, 1]
        assert ids(loader, "p") == []
        assert loader.load_inputs({"input": ["gone"]}) == [None]
        assert versions.read(project.inputs["t"]).version == "1"
        assert [versions.version_of(project.inputs[id]) for id in ("v", "p", "gone")] == [None, None, None]
    finally:
        spark.sql("DROP VIEW versions_seen")
        spark.sql("DROP TABLE versions_read")
        spark.sql("DROP TABLE versions_plain")


def test_a_table_that_nobody_wrote_for_long_is_read_even_if_somebody_writes_now(project: IoProject) -> None:
    add(project, 0)
    for file in (project.root / "t" / "_delta_log").iterdir():
        os.utime(file, (1.5e9, 1.5e9))
    project.with_input("t", path="t")
    loader, _ = a_run(project)
    assert ids(loader) == [0]
    add(project, 1)
    (late,) = loader.load_inputs({"input": ["t"]})
    assert project.spark.conf.get(_AGE, None) is None
    add(project, 2)
    assert numbers(late) == [0]
    with pytest.raises(Exception, match="Cannot time travel beyond"):
        project.spark.read.format("delta").option("versionAsOf", 0).load(str(project.root / "t"))


def test_a_table_that_was_made_anew_meanwhile_does_not_pass_for_the_one_that_was_there(project: IoProject) -> None:
    add(project, 0)
    project.with_input("t", path="t")
    before = ReadVersions(project).version_of(project.inputs["t"])
    shutil.rmtree(project.root / "t")
    add(project, 0)
    after = ReadVersions(project).version_of(project.inputs["t"])
    assert (before or "").startswith("delta:0:")
    assert (after or "").startswith("delta:0:")
    assert before != after


def test_an_optional_table_that_is_not_there_is_none_for_the_run(project: IoProject) -> None:
    project.with_input("t", path="t", format="delta", optional=True)
    loader, versions = a_run(project)
    assert loader.load_inputs({"input": ["t"]}) == [None]
    assert versions.read(project.inputs["t"]).version == "does not exist"


def test_a_run_reads_one_version_and_says_which(project: IoProject) -> None:
    add(project, 0)
    seen: dict[str, list[int]] = {}

    def a(t: DataFrame) -> None:
        seen["a"] = numbers(t)
        add(project, 1)

    def b(t: DataFrame) -> None:
        seen["b"] = numbers(t)

    with exec_project(project.root) as made:
        nodes = {
            "a": {"function": a, "input": ["t"]},
            "b": {"function": b, "input": ["t"], "dependencies": ["a"]},
        }
        result = made.run(nodes, inputs={"t": {"path": "t"}})
    assert seen == {"a": [0], "b": [0]}
    assert [(one.input, one.version) for node in result.nodes for one in node.reads] == [("t", "0"), ("t", "0")]


@pytest.mark.parametrize("publish", ["node", "run"])
def test_a_node_reads_its_own_output_as_it_was_and_later_nodes_as_it_is(project: IoProject, publish: str) -> None:
    add(project, 0)
    seen: dict[str, list[int]] = {}

    def grow(t: DataFrame) -> DataFrame:
        seen["grow"] = numbers(t)
        return t.selectExpr("id + 10 AS id")

    def after(t: DataFrame) -> None:
        seen["after"] = numbers(t)

    with exec_project(project.root) as made:
        nodes = {
            "grow": {"function": grow, "input": ["t"], "output": ["out"]},
            "after": {"function": after, "input": ["t"], "dependencies": ["grow"]},
        }
        made.run(
            nodes,
            inputs={"t": {"path": "t", "format": "delta"}},
            outputs={"out": {"path": "t", "format": "delta", "write_mode": "append"}},
            settings={"publish": publish},
        )
    assert seen == {"grow": [0], "after": [0, 10]}
