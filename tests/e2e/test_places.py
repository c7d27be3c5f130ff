"""One project in every place where Spark runs: killed twice on its way in each, and the same rows come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.e2e.test_flights import DAILY_TABLES
from tests.support.cluster import running_cluster
from tests.support.connect_server import running_connect_server
from tests.support.example import flights_of_january
from tests.support.places import DAY, Place, in_bucket_of, locally, on, over, under_airflow
from tests.support.s3 import running_s3

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.timeout(400)]

TABLES = {**DAILY_TABLES, f"reports/{DAY}_{DAY}.csv": ["flight_date"]}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> dict[str, pd.DataFrame]:
    """The tables of a run that nobody has killed."""
    project = flights_of_january(tmp_path_factory.mktemp("plain") / "project")
    project.run("daily", DAY, DAY)
    return {name: locally().table(project, name, by) for name, by in TABLES.items()}


@contextmanager
def local(folder: Path) -> Iterator[Place]:
    del folder
    yield locally()


@contextmanager
def cluster(folder: Path) -> Iterator[Place]:
    with running_cluster(folder / "cluster") as running:
        yield on(running)


@contextmanager
def connect(folder: Path) -> Iterator[Place]:
    del folder
    with running_connect_server() as server:
        yield over(server)


@contextmanager
def s3(folder: Path) -> Iterator[Place]:
    del folder
    with running_s3() as store:
        yield in_bucket_of(store)


@contextmanager
def airflow(folder: Path) -> Iterator[Place]:
    del folder
    yield under_airflow()


@pytest.mark.parametrize("opened", [local, cluster, connect, s3, airflow])
def test_the_flights_are_the_same_everywhere_however_often_their_run_was_killed(
    opened: Callable[[Path], AbstractContextManager[Place]], expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    with opened(tmp_path) as place:
        project = place.put_into(flights_of_january(tmp_path / "project"))
        place.finish(project)
        for name, table in expected.items():
            pd.testing.assert_frame_equal(place.table(project, name, TABLES[name]), table, obj=name)
        assert place.leftovers(project) == []
