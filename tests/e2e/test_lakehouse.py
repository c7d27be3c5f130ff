"""The lakehouse example, run for real: Delta tables between a PostgreSQL source and PostgreSQL targets."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tauro.exec.planning.selection import Selection
from tauro.model.outcome import RunResult
from tests.support.example import EXAMPLES, Example, copy_example

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.spark, pytest.mark.postgres, pytest.mark.matrix]

SEED = EXAMPLES / "lakehouse" / "sql" / "seed.sql"
DAYS = ("2013-01-01", "2013-01-03")
THREE_DAYS = ("--start", DAYS[0], "--end", DAYS[1])
FLIGHTS_A_DAY = [842, 943, 914]
CANCELLED_A_DAY = [4, 8, 10]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, spark_jars: str) -> Example:
    """The project with a freshly seeded database and the jars that the tests have already."""
    postgres.execute("DROP SCHEMA IF EXISTS crm CASCADE; DROP SCHEMA IF EXISTS reporting CASCADE")
    postgres.execute(SEED.read_text())
    example = copy_example(
        "lakehouse",
        tmp_path_factory.mktemp("lakehouse") / "project",
        LAKEHOUSE_JDBC_URL=postgres.jdbc_url,
        LAKEHOUSE_USER=postgres.user,
        LAKEHOUSE_PASSWORD=postgres.password,
    )
    settings = example.root / "config/settings.yml"
    settings.write_text(f"{settings.read_text()}spark_config: {{spark.jars: '{spark_jars}'}}\n")
    return example


@pytest.fixture(scope="module")
def served(project: Example, spark: SparkSession) -> RunResult:
    """Both pipelines, run on three days: one by the command, the other on what it left."""
    project.tauro("run", "--pipeline", "ingest", *THREE_DAYS)
    return project.run("serve", *DAYS)


def rows(spark: SparkSession, project: Example, table: str) -> list[tuple[Any, ...]]:
    """All rows of a Delta table of the lake, sorted."""
    frame = spark.read.format("delta").load(str(project.root / "output/lake" / table))
    return sorted((tuple(row) for row in frame.select(*sorted(frame.columns)).collect()), key=repr)


def test_flights_of_all_days_are_in_the_lake(served: RunResult, project: Example, spark: SparkSession) -> None:
    flights = spark.read.format("delta").load(str(project.root / "output/lake/flights"))
    a_day = {row["flight_date"].day: row["count"] for row in flights.groupBy("flight_date").count().collect()}
    assert [a_day[day] for day in (1, 2, 3)] == FLIGHTS_A_DAY


def test_database_holds_each_carriers_day(served: RunResult, postgres: PostgresServer) -> None:
    days = postgres.execute(
        "SELECT flight_date, sum(flights), sum(cancelled) FROM reporting.carrier_daily GROUP BY 1 ORDER BY 1"
    )
    assert days == [(date(2013, 1, day), FLIGHTS_A_DAY[day - 1], CANCELLED_A_DAY[day - 1]) for day in (1, 2, 3)]
    ((airline, delay),) = postgres.execute(
        "SELECT airline, mean_arr_delay_min FROM reporting.carrier_daily"
        " WHERE carrier = 'UA' AND flight_date = '2013-01-01'"
    )
    flights = pd.read_csv(EXAMPLES / "lakehouse/data/flights.csv").query("carrier == 'UA'")
    assert airline == "United Air Lines Inc."
    assert delay == pytest.approx(flights.query("flight_date == '2013-01-01'")["arr_delay"].mean(), abs=0.051)


def test_totals_of_the_sql_node_are_in_the_database(served: RunResult, postgres: PostgresServer) -> None:
    assert postgres.execute("SELECT sum(flights), max(days) FROM reporting.carrier_totals") == [(sum(FLIGHTS_A_DAY), 3)]


def test_a_rerun_changes_no_row(
    served: RunResult, project: Example, spark: SparkSession, postgres: PostgresServer
) -> None:
    targets = ("carrier_daily", "carrier_totals")
    lake = {table: rows(spark, project, table) for table in ("flights", "airlines", "cancellations")}
    database = {table: sorted(postgres.execute(f"SELECT * FROM reporting.{table}"), key=repr) for table in targets}
    project.run("ingest", *DAYS)
    project.run("serve", *DAYS)
    assert {table: rows(spark, project, table) for table in lake} == lake
    assert {t: sorted(postgres.execute(f"SELECT * FROM reporting.{t}"), key=repr) for t in targets} == database


def test_one_day_replaces_that_day_alone(served: RunResult, project: Example, spark: SparkSession) -> None:
    before = rows(spark, project, "flights")
    csv = project.root / "data/flights.csv"
    text = csv.read_text()
    try:
        csv.write_text("\n".join(line for line in text.splitlines() if ",UA," not in line) + "\n")
        project.run("ingest", "2013-01-02", "2013-01-02", selection=Selection(("ingest_flights",)))
        after = spark.read.format("delta").load(str(project.root / "output/lake/flights"))
        with_ua = {
            row["flight_date"].day for row in after.where("carrier = 'UA'").select("flight_date").distinct().collect()
        }
        assert with_ua == {1, 3}
    finally:
        csv.write_text(text)
    project.run("ingest", "2013-01-02", "2013-01-02", selection=Selection(("ingest_flights",)))
    assert rows(spark, project, "flights") == before


def test_merge_updates_known_airlines_and_inserts_new_ones(
    served: RunResult, project: Example, spark: SparkSession, postgres: PostgresServer
) -> None:
    postgres.execute("UPDATE crm.airlines SET name = 'Envoy Air Inc.' WHERE carrier = 'MQ'")
    postgres.execute("INSERT INTO crm.airlines VALUES ('ZZ', ' New Air ')")
    postgres.execute("DELETE FROM crm.airlines WHERE carrier = 'YV'")
    project.run("ingest", *DAYS, selection=Selection(("ingest_airlines",)))
    names = dict(rows(spark, project, "airlines"))
    assert len(names) == 17
    assert (names["MQ"], names["ZZ"], names["YV"]) == ("Envoy Air Inc.", "New Air", "Mesa Airlines Inc.")


def test_the_password_is_shown_nowhere(project: Example, postgres: PostgresServer) -> None:
    plan = project.tauro("plan", "--pipeline", "serve", *THREE_DAYS)
    assert postgres.password not in str(plan)
    written = [path for path in Path(project.root / "output").rglob("*.json") if path.is_file()]
    assert written
    assert not [path for path in written if postgres.password in path.read_text(errors="replace")]
