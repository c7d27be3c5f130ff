"""SQL nodes and machine-learning nodes on a real session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tauro.errors import RunFailedError
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


def stored(spark: SparkSession, project: ExecProject, name: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in spark.read.parquet(str(project.root / "output" / name)).collect())


class TestSql:
    def test_inputs_are_views_by_their_id_or_keyword(self, spark: SparkSession, project: ExecProject) -> None:
        views = spark.sql("SHOW VIEWS").collect()
        project.run(
            {
                "bronze": {"function": lambda: spark.range(4), "output": ["bronze.rows"]},
                "by_id": {"sql": "select id from bronze_rows where id > 1", "input": ["bronze.rows"], "output": ["a"]},
                "by_keyword": {"sql": "select id from r where id < 1", "input": {"r": "bronze"}, "output": ["b"]},
                "by_dependency": {"sql": "select max(id) as id from bronze", "dependencies": "bronze", "output": ["c"]},
            }
        )
        assert [stored(spark, project, name) for name in "abc"] == [[(2,), (3,)], [(0,)], [(3,)]]
        assert spark.sql("SHOW VIEWS").collect() == views

    def test_dates_and_params_are_bound_never_pasted(self, spark: SparkSession, project: ExecProject) -> None:
        text = "' or 1=1 --"
        project.run(
            {
                "n": {
                    "sql": "select :start_date as s, :end_date as e, :text as t, :n + 1 as n, ':text' as literal",
                    "input": [],
                    "params": {"text": text, "n": 4},
                    "output": ["a"],
                }
            },
            "2013-01-01",
            "2013-01-07",
        )
        assert stored(spark, project, "a") == [("2013-01-01", "2013-01-07", text, 5, ":text")]

    def test_views_are_each_nodes_own(self, spark: SparkSession, project: ExecProject) -> None:
        nodes: dict[str, Any] = {}
        for at in range(6):
            nodes[f"make{at}"] = lambda at=at: spark.range(at, at + 1)
            nodes[f"sql{at}"] = {"sql": "select id from r", "input": {"r": f"make{at}"}, "output": [f"out{at}"]}
        project.run(nodes)
        assert [stored(spark, project, f"out{at}") for at in range(6)] == [[(at,)] for at in range(6)]

    def test_an_optional_input_that_does_not_exist_is_empty(self, spark: SparkSession, project: ExecProject) -> None:
        project.run(
            {"n": {"sql": "select count(*) as n, max(id) as id from raw", "input": ["raw"], "output": ["a"]}},
            inputs={"raw": {"path": "missing", "format": "parquet", "optional": True, "schema": "id long"}},
        )
        assert stored(spark, project, "a") == [(0, None)]

    def test_a_query_of_a_file_is_run(self, spark: SparkSession, project: ExecProject) -> None:
        (project.root / "q.sql").write_text("-- the answer\nselect 42 as id;\n")
        project.run({"n": {"sql": "q.sql", "input": [], "output": ["a"]}})
        assert stored(spark, project, "a") == [(42,)]

    def test_a_value_that_is_no_frame_is_an_error_that_names_it(self, project: ExecProject) -> None:
        with pytest.raises(RunFailedError, match="input 'make' of a SQL node is a int; expected a DataFrame"):
            project.run({"make": lambda: 5, "n": {"sql": "select * from make", "input": ["make"]}})

    def test_a_query_that_spark_refuses_is_not_tried_again(self, project: ExecProject) -> None:
        with pytest.raises(RunFailedError, match=r"attempt 1.*AnalysisException"):
            project.run({"n": {"sql": "select nothing from nowhere", "input": [], "retry": 3}})


class TestMachineLearning:
    def test_hyperparameters_stand_in_the_settings_of_the_nodes_own_session(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        together = Barrier(2, timeout=30)
        seen: dict[str, Any] = {}

        def train(ml_context: dict[str, Any]) -> DataFrame:
            own = ml_context["spark"]
            together.wait()  # both nodes are at work
            name = ml_context["execution"]["node"]
            seen[name] = {key: own.conf.get(f"tauro.ml.{key}", None) for key in ("depth", "rate", "only_deep")}
            return own.range(int(own.conf.get("tauro.ml.depth")))

        result = project.run(
            {
                "deep": {"function": train, "hyperparams": {"depth": 9, "only_deep": True}, "output": ["deep"]},
                "flat": {"function": train, "hyperparams": {"depth": 1}, "output": ["flat"]},
            },
            pipeline={"type": "ml", "hyperparams": {"rate": 0.1}},
        )
        assert seen == {
            "deep": {"depth": "9", "rate": "0.1", "only_deep": "True"},
            "flat": {"depth": "1", "rate": "0.1", "only_deep": None},
        }
        assert [node.outputs[0].rows for node in result.nodes] == [9, 1]
        assert spark.conf.get("tauro.ml.depth", None) is None

    def test_inputs_can_be_joined_with_frames_of_the_nodes_own_session(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        def score(rows: DataFrame, ml_context: dict[str, Any]) -> DataFrame:
            return rows.join(ml_context["spark"].range(2), "id")

        project.run(
            {
                "make": lambda: spark.range(5),
                "score": {"function": score, "input": ["make"], "output": ["a"]},
            },
            pipeline={"type": "ml"},
        )
        assert stored(spark, project, "a") == [(0,), (1,)]
