"""What nodes hand to each other: persisted once, read back where it is stored, let go after the last reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import udf

from tauro.errors import RunFailedError
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_stays_persisted(spark: SparkSession) -> Iterator[None]:
    before = persisted(spark)
    yield
    assert persisted(spark) == before


def persisted(spark: SparkSession) -> int:
    """How many frames are kept, those aside that Delta keeps of its own logs."""
    kept = spark.sparkContext._jsc.getPersistentRDDs().values()  # type: ignore[attr-defined]  # pyspark's stubs lack it
    return sum("Delta" not in str(one.name()) for one in kept)


def rows(frame: DataFrame) -> list[Any]:
    return sorted(row[0] for row in frame.collect())


class TestInMemory:
    def test_a_frame_of_several_readers_is_computed_once_and_let_go_after_the_last(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        computed = spark.sparkContext.accumulator(0)
        seen: dict[str, Any] = {}

        @udf("long", useArrow=False)
        def counted(value: int) -> int:
            computed.add(1)
            return value * 10

        def make() -> DataFrame:
            return spark.range(3).select(counted("id").alias("x"))

        def read(name: str) -> Any:
            def function(frame: DataFrame) -> None:
                seen[name] = (rows(frame), frame.storageLevel.useMemory, persisted(spark))

            return {"function": function, "input": ["make"]}

        def after() -> None:
            seen["after"] = persisted(spark)

        project.run(
            {
                "make": make,
                "one": read("one"),
                "two": {**read("two"), "dependencies": ["one"]},
                "after": {"function": after, "input": [], "dependencies": ["two"]},
            }
        )
        assert seen == {"one": ([0, 10, 20], True, 1), "two": ([0, 10, 20], True, 1), "after": 0}
        assert computed.value == 3

    def test_a_frame_of_one_reader_is_not_persisted(self, spark: SparkSession, project: ExecProject) -> None:
        seen = []

        def read(frame: DataFrame) -> None:
            seen.append((rows(frame), frame.storageLevel.useMemory))

        project.run({"make": lambda: spark.range(2), "read": {"function": read, "input": ["make"]}})
        assert seen == [([0, 1], False)]

    def test_a_lazy_reader_keeps_its_source_until_it_is_computed(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        seen = []

        def late(frame: DataFrame) -> None:
            seen.append((persisted(spark), rows(frame)))

        project.run(
            {
                "make": lambda: spark.range(3),
                "eager": {"function": lambda frame: frame.collect() and None, "input": ["make"]},
                "lazy": {"function": lambda frame: frame.where("id > 0"), "input": ["make"]},
                "late": {"function": late, "input": ["lazy"], "dependencies": ["eager"]},
            }
        )
        assert seen == [(1, [1, 2])]

    def test_frames_are_let_go_when_the_run_fails(self, spark: SparkSession, project: ExecProject) -> None:
        def breaks(frame: DataFrame) -> None:
            frame.collect()
            raise ValueError("wrong")

        with pytest.raises(RunFailedError):
            project.run(
                {
                    "make": lambda: spark.range(3),
                    "breaks": {"function": breaks, "input": ["make"]},
                    "never": {"function": lambda frame, other: None, "input": ["make", "breaks"]},
                }
            )  # the fixture checks that nothing stays persisted


class TestStored:
    def test_by_name_a_reader_gets_the_rows_that_the_node_returned_read_from_where_they_are_staged(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        seen = []

        def read(frame: DataFrame) -> None:
            seen.append((rows(frame), all("/_tauro/" in file for file in frame.inputFiles())))

        project.run(
            {
                "make": {"function": lambda: spark.range(2), "output": ["x"]},
                "read": {"function": read, "input": ["make"]},
            }
        )
        assert seen == [([0, 1], True)]

    def test_by_output_id_a_reader_gets_the_table_as_it_is_after_the_node(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        seen = {}

        def read(name: str) -> Any:
            return lambda frame: seen.update({name: sorted(row["id"] for row in frame.collect())})

        outputs = {"x": {"format": "delta", "path": "delta/x", "write_mode": "append"}}
        for _ in range(2):
            project.run(
                {
                    "make": {"function": lambda: spark.range(2), "output": ["x"]},
                    "by_id": {"function": read("id"), "input": ["x"]},
                    "by_name": {"function": read("name"), "input": ["make"]},
                },
                outputs=outputs,
            )
        assert seen == {"id": [0, 0, 1, 1], "name": [0, 1]}

    def test_a_location_that_a_node_writes_is_read_after_it(self, spark: SparkSession, project: ExecProject) -> None:
        seen: list[Any] = []
        project.run(
            {
                "read": {"function": lambda frame: seen.extend(rows(frame)), "input": ["rows"]},
                "one": {"function": lambda: spark.range(1), "output": ["part.one"]},
                "two": {"function": lambda: spark.range(1, 2), "output": ["part.two"]},
            },
            inputs={"rows": {"path": "output/part/*", "format": "parquet"}},
        )
        assert seen == [0, 1]

    def test_a_node_that_reads_its_own_output_reads_the_version_before(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        def grow(before: DataFrame | None) -> DataFrame:
            return spark.range(1) if before is None else before.union(spark.range(before.count(), before.count() + 1))

        for expected in ([0], [0, 1], [0, 1, 2]):
            project.run(
                {"grow": {"function": grow, "input": ["before"], "output": ["x"]}},
                inputs={"before": {"path": "output/x", "format": "parquet", "optional": True}},
            )
            assert rows(spark.read.parquet(str(project.root / "output/x"))) == expected

    def test_an_optional_input_that_does_not_exist_is_none_in_its_place(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        seen = []
        spark.range(1).write.parquet(str(project.root / "there"))
        project.run(
            {
                "positions": {
                    "function": lambda *frames: seen.append([f is None for f in frames]),
                    "input": ["m", "t"],
                },
                "keywords": {
                    "function": lambda *, a, b: seen.append([a is None, b is None]),
                    "input": {"b": "m", "a": "t"},
                    "dependencies": ["positions"],
                },
            },
            inputs={
                "m": {"path": "missing", "format": "parquet", "optional": True},
                "t": {"path": "there", "format": "parquet"},
            },
        )
        assert seen == [[True, False], [False, True]]

    def test_one_node_reads_what_is_stored_and_publishes_before_it_returns(
        self, spark: SparkSession, project: ExecProject
    ) -> None:
        ran = []

        def make() -> DataFrame:
            ran.append("make")
            return spark.range(2)

        nodes = {
            "make": {"function": make, "output": ["x"]},
            "read": {"function": lambda frame: frame, "input": ["x"], "output": ["y"]},
        }
        for _ in range(2):
            assert project.run_node("read", nodes) is None  # type: ignore[func-returns-value]  # that is the point
            assert rows(spark.read.parquet(str(project.root / "output/y"))) == [0, 1]
        assert ran == ["make"]  # the second time it is stored
