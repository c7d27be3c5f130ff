"""The flights example, run for real by the command line, against figures that pandas makes from the raw files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tauro.model import Window
from tests.support.example import EXAMPLES, Example, flights_of_january
from tests.support.jvms import compiling

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

DATA = EXAMPLES / "flights" / "data"
WEEK = ("2013-01-01", "2013-01-07")
FIRST_WEEK = ("--start", WEEK[0], "--end", WEEK[1])
FLIGHTS_A_DAY = [842, 943, 914, 915, 720, 832, 933]
DAILY_TABLES = {
    "bronze/flights": ["flight_date", "time_hour", "carrier", "flight", "origin"],
    "silver/flights": ["flight_date", "time_hour", "carrier", "flight", "origin"],
    "gold/carrier_daily": ["flight_date", "carrier"],
    "gold/airport_daily": ["flight_date", "origin"],
    "gold/weather_impact": ["flight_date", "conditions"],
    "gold/route_daily": ["flight_date", "origin", "dest"],
    "gold/daily_report": ["flight_date"],
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return flights_of_january(tmp_path_factory.mktemp("flights") / "project")


@pytest.fixture(scope="module")
def first_run(project: Example) -> dict[str, Any]:
    """The one run of the tests whose queries are compiled, as users' are."""
    return Example(project.root, compiling()).tauro("run", "--pipeline", "daily", *FIRST_WEEK)


@pytest.fixture(scope="module")
def week() -> pd.DataFrame:
    january = pd.read_parquet(DATA / "flights/2013-01.parquet")
    january["day"] = january["flight_date"].astype(str)
    return january[january["day"] <= "2013-01-07"].copy()


def daily_tables(project: Example, output: str = "output") -> dict[str, pd.DataFrame]:
    return {path: project.table(f"{output}/{path}", by=by) for path, by in DAILY_TABLES.items()}


def test_run_completes_every_node_once(first_run: dict[str, Any]) -> None:
    assert first_run["status"] == "completed"
    assert first_run["pipeline"] == "daily"
    assert first_run["window"] == {"start": "2013-01-01", "end": "2013-01-07"}
    assert len(first_run["nodes"]) == 11
    assert {(node["status"], node["attempts"]) for node in first_run["nodes"]} == {("completed", 1)}


def test_run_reports_the_rows_that_it_wrote(first_run: dict[str, Any], project: Example) -> None:
    rows = {output["id"]: output["rows"] for node in first_run["nodes"] for output in node["outputs"]}
    for path, table in daily_tables(project).items():
        assert rows[path.replace("/", ".")] == len(table), path
    assert rows["bronze.flights"] == rows["silver.flights"] == sum(FLIGHTS_A_DAY)
    assert rows["reports.daily"] == 7


def test_report_agrees_with_pandas(first_run: dict[str, Any], project: Example, week: pd.DataFrame) -> None:
    report = project.table("output/gold/daily_report", by=["flight_date"])
    days = week.groupby("day")
    assert list(report["flight_date"]) == list(days.groups)
    assert list(report["flights"]) == FLIGHTS_A_DAY == list(days.size())
    assert list(report["cancelled"]) == list(days["dep_time"].apply(lambda times: times.isna().sum()))
    assert list(report["mean_delay_min"]) == pytest.approx(list(days["arr_delay"].mean()), abs=0.051)
    names = pd.read_csv(DATA / "airlines.csv").set_index("carrier")["name"]
    carriers = week.groupby(["day", "carrier"])["arr_delay"].agg(["mean", "size"]).query("size >= 5")["mean"]
    assert list(report["worst_carrier"]) == [names[carrier] for _, carrier in carriers.groupby("day").idxmax()]


def test_carrier_table_agrees_with_pandas(first_run: dict[str, Any], project: Example, week: pd.DataFrame) -> None:
    stored = project.table("output/gold/carrier_daily", by=["flight_date", "carrier"])
    expected = week.groupby(["day", "carrier"]).agg(flights=("flight", "size"), delay=("arr_delay", "sum"))
    assert list(zip(stored["flight_date"], stored["carrier"], strict=True)) == list(expected.index)
    assert list(stored["flights"]) == list(expected["flights"])
    assert list(stored["arr_delay_min"]) == list(expected["delay"])


def test_route_table_of_the_sql_node_agrees_with_pandas(
    first_run: dict[str, Any], project: Example, week: pd.DataFrame
) -> None:
    stored = project.table("output/gold/route_daily", by=["flight_date", "origin", "dest"])
    expected = week.groupby(["day", "origin", "dest"]).size()
    assert stored.set_index(["flight_date", "origin", "dest"])["flights"].to_dict() == expected[expected >= 5].to_dict()


def test_csv_report_is_one_file_in_order_of_days(first_run: dict[str, Any], project: Example) -> None:
    (file,) = (project.root / "output/reports/2013-01-01_2013-01-07").glob("*.csv")
    assert list(pd.read_csv(file)["flights"]) == FLIGHTS_A_DAY


def test_second_run_gives_the_same_rows_and_other_windows_keep_theirs(
    first_run: dict[str, Any], project: Example, spark: SparkSession
) -> None:
    before = daily_tables(project)
    project.run("daily", *WEEK)
    for path, table in daily_tables(project).items():
        pd.testing.assert_frame_equal(table, before[path], obj=path)

    project.run("daily", "2013-01-07", "2013-01-08")
    for path, table in daily_tables(project).items():
        old_days = table[table["flight_date"] <= "2013-01-07"].reset_index(drop=True)
        pd.testing.assert_frame_equal(old_days, before[path], obj=path)
        assert table["flight_date"].max() == "2013-01-08", path


def test_other_pipelines_build_on_what_daily_stored(
    first_run: dict[str, Any], project: Example, spark: SparkSession
) -> None:
    project.run("monthly", *WEEK)
    months = project.table("output/gold/carrier_monthly", by=["rank"])
    assert set(months["month"]) == {"2013-01-01"}
    assert months["flights"].sum() == sum(FLIGHTS_A_DAY)

    project.run("reference")
    fleet = project.table("output/reference/fleet", by=["planes"])
    assert fleet["planes"].sum() == len(pd.read_csv(DATA / "planes.csv"))

    project.run("ml", *WEEK)
    (scores,) = project.table("output/ml/delay_scores", by=["flights"]).to_dict("records")
    assert scores["model_error_min"] < scores["mean_error_min"]


def test_dev_has_its_own_place_and_window(project: Example, spark: SparkSession) -> None:
    result = project.run("daily", env="dev")
    assert result.window == Window("2013-01-01", "2013-01-02")
    report = project.table("output/dev/gold/daily_report", by=["flight_date"])
    assert list(report["flights"]) == FLIGHTS_A_DAY[:2]


def test_prod_partitions_by_airport_too(project: Example, spark: SparkSession) -> None:
    project.run("daily", "2013-01-01", "2013-01-01", env="prod")
    folders = sorted(
        path.name for path in Path(project.root / "output/prod/silver/flights/flight_date=2013-01-01").iterdir()
    )
    assert [name for name in folders if name.startswith("origin=")] == ["origin=EWR", "origin=JFK", "origin=LGA"]
    assert len(project.table("output/prod/silver/flights", by=["flight"])) == FLIGHTS_A_DAY[0]


def test_plan_tells_the_order_and_starts_no_java(project: Example) -> None:
    without_java = Example(project.root, {"PATH": "/nonexistent", "JAVA_HOME": "/nonexistent"})
    plan = without_java.tauro("plan", "--pipeline", "daily", *FIRST_WEEK)
    order = plan["order"]
    assert len(order) == 11
    assert order.index("extract_flights") < order.index("clean_flights") < order.index("enrich_flights")
    assert order.index("route_daily") < order.index("daily_report") < order.index("export_report") == 10


@pytest.mark.parametrize("environment", [(), ("--env", "dev"), ("--env", "prod"), ("--env", "s3")])
def test_project_has_no_problems(project: Example, environment: tuple[str, ...]) -> None:
    assert project.tauro("validate", *environment)["problems"] == []
