"""What tests share: one Spark session, and one PostgreSQL server, for the whole run; both start when first asked for.

A test that needs a session of its own, or other static settings, runs `tauro` or Python in a process of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if str(Path(__file__).parent.parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.jars import spark_jars as _spark_jars
from tests.support.jvms import SMALL_COLLECTOR, start_quickly
from tests.support.postgres import PostgresServer, running_postgres

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

os.environ.setdefault("TAURO_ARCHIVE", "off")  # else the first run of each project would have one made


start_quickly(os.environ)

_FIRST = ("spark/test_archive.py", "unit/cli", "unit/launch")
"""What all other JVMs take their classes from is made first, while the other worker is at what starts none."""
_NEXT = (
    "e2e/test_places.py",
    "e2e/test_faults_short.py",
    "e2e/test_airflow.py",
    "e2e/test_cluster.py",
    "spark/test_delta_late.py",
    "spark/test_session.py",
    "spark/test_delta_recorded.py",
    "spark/test_warm_failures.py",
    "e2e/test_connect.py",
    "spark/test_output_delta.py",
    "spark/test_jars.py",
    "spark/test_warm.py",
    "e2e/test_flights.py",
    "e2e/test_lakehouse.py",
    "spark/test_readers.py",
    "spark/test_reruns.py",
    "spark/test_output_files.py",
)
"""The files that take longest: those that begin last are to be short, so that all workers end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has files begin in the order that takes least time; the tests of each stay in theirs."""
    order = [f"tests/{name}" for name in (*_FIRST, *_NEXT)]
    items.sort(key=lambda item: next((at for at, name in enumerate(order) if item.nodeid.startswith(name)), len(order)))


@pytest.fixture(scope="session")
def spark_jars() -> str:
    """The value of `spark.jars` that brings Delta, Avro and the PostgreSQL driver: for projects that tests run."""
    return ",".join(map(str, _spark_jars()))


@pytest.fixture(scope="session")
def spark(spark_jars: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A classic local session with Delta, Avro, the PostgreSQL driver, and what reaches S3."""
    from pyspark.sql import SparkSession

    from tests.support.s3 import s3_jars

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Python workers are whatever `python3` is
    scratch = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.jars": ",".join([spark_jars, *map(str, s3_jars())]),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": f"{SMALL_COLLECTOR} -Xmn400m -XX:MetaspaceSize=400m",  # collects seldom
        "spark.local.dir": str(scratch / "local"),
        "spark.scheduler.mode": "FAIR",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # compiling code for each query is most of what queries of a few rows take; what users run compiles
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.ui.explainMode": "simple",  # of the text for a page that nobody opens
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        "spark.sql.variable.substitute": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
    }
    builder = SparkSession.builder.master("local[2]").appName("tauro-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server: `jdbc_url`, `user`, `password`, `dsn`, `execute(sql)`."""
    with running_postgres() as server:
        yield server
