"""Rows kept in memory: staged, read before they are published, put back, and appended again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tauro.errors import WriteError
from tauro.io import OutputManager
from tauro.io.formats.memory import forget_frames, get_frame
from tauro.io.locations import output_spec_for
from tauro.io.ports import Staged, WriteRequest
from tauro.model import Window
from tests.support.io_project import IoProject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession) -> Iterator[IoProject]:
    yield IoProject(tmp_path, spark).with_output("t", format="memory", table="t", write_mode="append")
    forget_frames()


def stage(project: IoProject, frame: DataFrame, window: str | None = None, output: str = "t") -> Staged:
    dates = Window.parse(*window.split("..")) if window else None
    request = WriteRequest("pipe", "node", output, output_spec_for(project, output), dates, uuid.uuid4().hex)
    return OutputManager(project).stage(request, frame)


def values(frame: DataFrame | None) -> list[int]:
    assert frame is not None
    return sorted(row[0] for row in frame.collect())


def test_what_is_staged_can_be_read_published_twice_and_put_back(project: IoProject, spark: SparkSession) -> None:
    stage(project, spark.range(2)).publish()
    for output, after in (("t", [0, 1, 7]), ("over", [7])):
        project.with_output("over", format="memory", table="t")
        staged = stage(project, spark.range(7, 8), output=output)
        assert (values(staged.table()), values(staged.rows())) == (after, [7])
        assert [staged.publish().rows, staged.publish().rows] == [1, 1]
        assert values(get_frame(spark, "t")) == after
        assert [staged.undo(), staged.undo()] == [True, True]
        assert values(get_frame(spark, "t")) == [0, 1]
        staged.discard()


def test_the_first_write_is_taken_away_again(project: IoProject, spark: SparkSession) -> None:
    staged = stage(project, spark.range(2))
    staged.publish()
    assert staged.undo()
    with pytest.raises(FileNotFoundError):
        get_frame(spark, "t")


def test_what_somebody_wrote_since_stays(project: IoProject, spark: SparkSession) -> None:
    staged = stage(project, spark.range(2))
    staged.publish()
    stage(project, spark.range(5, 6)).publish()
    assert not staged.undo()
    assert values(get_frame(spark, "t")) == [0, 1, 5]


def test_a_rerun_of_a_window_replaces_its_rows(project: IoProject, spark: SparkSession) -> None:
    for start, window in ((0, "2013-01-01..2013-01-01"), (5, "2013-01-02..2013-01-02"), (9, "2013-01-01..2013-01-01")):
        stage(project, spark.range(start, start + 1), window).publish()
    assert values(get_frame(spark, "t")) == [5, 9]
    with pytest.raises(WriteError, match="cuts through"):
        stage(project, spark.range(1), "2013-01-02T06:00..2013-01-03T06:00")
    stage(project, spark.range(3, 4), "2013-01-01..2013-01-31").publish()
    assert values(get_frame(spark, "t")) == [3]
