"""The leases of what a session has to be asked about: tables of databases, and those of catalogs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tauro.errors import RunFailedError
from tauro.exec.planning.plan import make_plan
from tauro.publish.targets import Target, session_targets_of, targets_of
from tests.support.exec_project import ExecProject, exec_project

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


@pytest.fixture
def schema(postgres: Any) -> Iterator[str]:
    name = f"s_{uuid.uuid4().hex[:8]}"
    postgres.execute(f"create schema {name}")
    yield name
    postgres.execute(f"drop schema {name} cascade")


def targets(spark: SparkSession, project: ExecProject, outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Target]:
    nodes = {f"n{at}": {"function": print, "output": [name]} for at, name in enumerate(outputs)}
    plan = make_plan(project.context(nodes, outputs=outputs), "p", None)
    return {one.output: one for one in session_targets_of(plan, spark, project.root)}


def test_the_lease_of_a_catalogs_table_lies_beside_its_folder(
    spark: SparkSession, project: ExecProject, tmp_path: Path
) -> None:
    name = f"t_{uuid.uuid4().hex[:8]}"
    spark.sql(f"create table {name} (id long) using parquet location '{tmp_path}/deep/folder'")
    outputs = {"old": {"table": name}, "new": {"table": f"default.{name}_New"}, "none": {"table": "no_such.t"}}
    found = targets(spark, project, outputs)
    warehouse = Path(spark.conf.get("spark.sql.warehouse.dir", "").removeprefix("file:"))
    assert {id: one.place.name for id, one in found.items()} == {
        "old": f"{tmp_path}/deep/_tauro/leases/folder.json",
        "new": f"{warehouse}/_tauro/leases/{name}_new.json",
        "none": f"{tmp_path}/.tauro/leases/table%3Ano_such.t.json",
    }
    nodes = {"n": {"function": print, "output": ["f"]}}
    plan = make_plan(project.context(nodes, outputs={"f": {"path": "deep/folder"}}), "p", None)
    assert [one.place.name for one in targets_of(plan)] == [found["old"].place.name]
    spark.sql(f"drop table {name}")


def test_a_database_is_held_by_a_run_and_free_after_it(
    spark: SparkSession, project: ExecProject, postgres: Any, schema: str
) -> None:
    seen: list[dict[str, Any]] = []

    def notes() -> dict[str, Any]:
        return {id: json.loads(body) for id, body in postgres.execute(f"select id, body from {schema}._tauro")}

    def first() -> DataFrame:
        seen.append(notes())
        return spark.range(3)

    def second(frame: DataFrame) -> DataFrame:
        seen.append(notes())
        return frame.limit(1)

    project.run(
        {
            "first": {"function": first, "output": ["a"]},
            "second": {"function": second, "input": ["a"], "output": ["b"]},
        },
        outputs={"a": jdbc(postgres, f"{schema}.a"), "b": jdbc(postgres, f"{schema}.b")},
    )
    assert {*seen[0]} == {"lease a", "lease b"}
    (holder,) = seen[0]["lease a"]["holders"]
    assert holder["jvm"]["pid"] == spark.sparkContext._gateway.proc.pid  # type: ignore[union-attr]  # it is running
    (pointer,) = (body for id, body in seen[1].items() if id.startswith("stage "))
    assert (pointer["node"], pointer["output"], pointer["target"]) == ("first", "a", f"{schema}.a")
    assert pointer["home"] == holder["home"]
    assert notes() == {}
    assert tables(postgres, schema) == {"_tauro", "a", "b"}
    assert len(postgres.execute(f"select * from {schema}.a")) == 3


def test_a_run_whose_lease_in_the_database_is_gone_publishes_nothing(
    spark: SparkSession, project: ExecProject, postgres: Any, schema: str
) -> None:
    def node() -> DataFrame:
        postgres.execute(f"delete from {schema}._tauro where id = 'lease a'")
        return spark.range(3)

    with pytest.raises(RunFailedError, match="has lost its lease of output 'a'"):
        project.run({"n": {"function": node, "output": ["a"]}}, outputs={"a": jdbc(postgres, f"{schema}.a")})
    assert "a" not in tables(postgres, schema)


def tables(server: Any, schema: str) -> set[str]:
    return {name for (name,) in server.execute("select tablename from pg_tables where schemaname = %s", (schema,))}


def jdbc(server: Any, table: str) -> dict[str, Any]:
    options = {"url": server.jdbc_url, "user": server.user, "password": server.password, "dbtable": table}
    return {"format": "jdbc", "options": options}
