"""What of a run becomes visible, and when: everything together, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tauro.errors import PublishError, RunFailedError
from tauro.exec.executor import BaseExecutor
from tauro.model.events import OutputPublished
from tests.support.exec_project import ExecProject, exec_project

pytestmark = pytest.mark.spark


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Iterator[ExecProject]:
    with exec_project(tmp_path) as made:
        yield made


def ids(frame: DataFrame) -> list[Any]:
    return sorted(row["id"] for row in frame.collect())


def fail() -> None:
    raise RuntimeError("on purpose")


OUTPUTS = {
    "files": {"format": "parquet", "path": "out/files"},
    "more": {"format": "csv", "path": "out/more", "write_mode": "append"},
    "table": {"format": "delta", "path": "out/table"},
}


def nodes(spark: SparkSession, first: int, **others: Any) -> dict[str, Any]:
    """A node for each output, with ten rows from `first`, and others."""

    def rows() -> DataFrame:
        return spark.range(first, first + 10)

    return {**{f"make_{id}": {"function": rows, "output": [id]} for id in OUTPUTS}, **others}


def there(spark: SparkSession, project: ExecProject) -> dict[str, list[Any]]:
    """What readers find."""
    out = project.root / "out"
    return {
        id: ids(spark.read.format(str(spec["format"])).schema("id long").options(header=True).load(f"{out / id}"))
        if spec["format"] != "delta"
        else ids(spark.read.format("delta").load(f"{out / id}"))
        for id, spec in OUTPUTS.items()
        if (out / id).exists()
    }


def leftovers(project: ExecProject) -> list[str]:
    return [str(path) for path in project.root.rglob("_tauro/**/*")]


def test_a_failed_run_changes_nothing_and_the_next_drops_its_rows(spark: SparkSession, project: ExecProject) -> None:
    project.run(nodes(spark, 0), outputs=OUTPUTS)
    before = there(spark, project)
    assert before == {id: list(range(10)) for id in OUTPUTS}
    late = {"function": fail, "input": [], "dependencies": [f"make_{id}" for id in OUTPUTS]}
    with pytest.raises(RunFailedError) as caught:
        project.run(nodes(spark, 100, late=late), outputs=OUTPUTS)
    outputs = [one for node in caught.value.result.nodes for one in node.outputs]  # type: ignore[attr-defined]  # typed as object
    assert {one.id: one.is_published for one in outputs} == dict.fromkeys(OUTPUTS, False)
    assert there(spark, project) == before
    assert leftovers(project) != []
    project.run(nodes(spark, 200), outputs=OUTPUTS)
    assert there(spark, project)["table"] == list(range(200, 210))
    assert leftovers(project) == []


def test_nothing_is_visible_before_the_last_node_is_done(spark: SparkSession, project: ExecProject) -> None:
    seen = []
    look = {
        "function": lambda: seen.append(there(spark, project)),
        "input": [],
        "dependencies": [f"make_{id}" for id in OUTPUTS],
    }
    result = project.run(nodes(spark, 0, look=look), outputs=OUTPUTS)
    assert seen == [{}]
    assert there(spark, project) == {id: list(range(10)) for id in OUTPUTS}
    assert {one.id: (one.rows, one.is_published) for node in result.nodes for one in node.outputs} == dict.fromkeys(
        OUTPUTS, (10, True)
    )


def test_publish_node_makes_each_output_visible_when_its_node_is_done(
    spark: SparkSession, project: ExecProject
) -> None:
    seen = []
    look = {
        "function": lambda: seen.append(there(spark, project)),
        "input": [],
        "dependencies": [f"make_{id}" for id in OUTPUTS],
    }
    project.run(nodes(spark, 0, look=look), outputs=OUTPUTS, settings={"publish": "node"})
    assert seen == [{id: list(range(10)) for id in OUTPUTS}]


def test_nodes_read_the_staged_tables_by_id_and_by_entry_and_the_rows_by_node(
    spark: SparkSession, project: ExecProject
) -> None:
    outputs = {
        id: {"format": spec["format"], "path": spec["path"], "write_mode": "append"} for id, spec in OUTPUTS.items()
    }
    inputs = {f"entry_{id}": {**OUTPUTS[id], "partition_filter": "id >= 5"} for id in outputs}
    for entry in inputs.values():
        entry.pop("write_mode", None)
    seen: dict[str, list[Any]] = {}

    def reads(**frames: DataFrame) -> None:
        seen.update({name: ids(frame) for name, frame in frames.items() if not name.endswith("_date")})

    look = {
        "function": reads,
        "input": {
            **{f"id_{id}": id for id in OUTPUTS},
            **{f"entry_{id}": f"entry_{id}" for id in OUTPUTS},
            **{f"node_{id}": f"make_{id}" for id in OUTPUTS},
        },
    }
    project.run(nodes(spark, 0), outputs=outputs)
    project.run(nodes(spark, 10, look=look), outputs=outputs, inputs=inputs)
    assert seen == {
        **{f"id_{id}": list(range(20)) for id in OUTPUTS},
        **{f"entry_{id}": list(range(5, 20)) for id in OUTPUTS},
        **{f"node_{id}": list(range(10, 20)) for id in OUTPUTS},
    }


def test_what_was_published_is_put_back_when_a_later_output_refuses(spark: SparkSession, project: ExecProject) -> None:
    outputs = {**OUTPUTS, "last": {"format": "parquet", "path": "out/last", "write_mode": "error"}}
    project.run(nodes(spark, 0), outputs=OUTPUTS)
    before = there(spark, project)

    def get_in_its_way() -> None:
        spark.range(1).write.parquet(str(project.root / "out/last"))

    last = {"function": lambda: spark.range(1), "output": ["last"]}
    look = {"function": get_in_its_way, "input": [], "dependencies": ["make_last"]}
    with pytest.raises(RunFailedError, match="output 'last' could not be published") as caught:
        project.run(nodes(spark, 100, make_last=last, look=look), outputs=outputs)
    assert isinstance(caught.value.__cause__, PublishError)
    assert "put back as they were before the run: files, more, table" in str(caught.value)
    assert there(spark, project) == before


def test_each_published_output_is_told(spark: SparkSession, project: ExecProject) -> None:
    told = []
    context = project.context(nodes(spark, 0), outputs=OUTPUTS)
    BaseExecutor(context).execute_pipeline("p", observers=[told.append])
    published = [(one.node, one.output.id, one.output.rows) for one in told if isinstance(one, OutputPublished)]
    assert published == [(f"make_{id}", id, 10) for id in OUTPUTS]


def test_a_run_stopped_before_its_last_node_publishes_nothing(spark: SparkSession, project: ExecProject) -> None:
    from tauro.errors import RunInterruptedError

    executors = []
    stop = {
        "function": lambda: executors[0].cancel("on purpose"),
        "input": [],
        "dependencies": [f"make_{id}" for id in OUTPUTS],
    }
    executors.append(BaseExecutor(project.context(nodes(spark, 0, stop=stop), outputs=OUTPUTS)))
    with pytest.raises(RunInterruptedError):
        executors[0].execute_pipeline("p")
    assert there(spark, project) == {}
