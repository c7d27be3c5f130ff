"""The example's functions alone, one after the other, against figures that pandas makes from the same files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

PROJECT = Path(__file__).parents[2] / "config_examples" / "flights"
START, END = "2013-01-01", "2013-01-07"
FLIGHTS_A_DAY = [842, 943, 914, 915, 720, 832, 933]
LATE_AFTER_MIN = 15
MIN_FLIGHTS = 5


@pytest.fixture(scope="module", autouse=True)
def _example_is_importable() -> Any:
    """Puts the project's folder on sys.path, as Tauro does, and takes the package out again."""
    sys.path.insert(0, str(PROJECT))
    yield
    sys.path.remove(str(PROJECT))
    for name in [name for name in sys.modules if name.split(".")[0] == "flights"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    """Every table of the pipeline `daily` in the first week of 2013."""
    from flights import aggregate, clean, enrich, extract, reference, report

    def csv(name: str, schema: str) -> DataFrame:
        return spark.read.schema(schema).csv(str(PROJECT / "data" / name), header=True)

    window = f"BETWEEN '{START}' AND '{END}'"
    weather_ddl = (PROJECT / "config/schemas/weather.ddl").read_text()
    raw = spark.read.parquet(str(PROJECT / "data/flights")).where(f"flight_date {window}")
    weather = extract.extract_weather(csv("weather.csv.gz", weather_ddl).where(f"observed_on {window}"))
    planes = reference.describe_planes(
        csv("planes.csv", "tailnum STRING, year INT, manufacturer STRING, model STRING, seats INT, engine STRING")
    )
    airports = csv("airports.csv", "faa STRING, name STRING, lat DOUBLE, lon DOUBLE, tzone STRING")
    cleaned = clean.clean_flights(extract.extract_flights(raw), late_after_min=LATE_AFTER_MIN)
    flights = enrich.enrich_flights(cleaned, airports, planes, weather).persist()
    carriers = aggregate.carrier_daily(flights, csv("airlines.csv", "carrier STRING, name STRING"))
    by_airport = aggregate.airport_daily(flights)
    by_weather = aggregate.weather_impact(flights)
    routes = spark.sql(
        (PROJECT / "sql/route_daily.sql").read_text().replace("FROM flights", "FROM {flights}"),
        args={"start_date": START, "end_date": END, "min_flights": MIN_FLIGHTS},
        flights=flights,
    )
    return {
        "flights": flights,
        "carriers": carriers,
        "airports": by_airport,
        "weather": by_weather,
        "routes": routes,
        "months": aggregate.carrier_monthly(carriers),
        "report": report.daily_report(carriers, by_airport, by_weather, routes, min_flights=MIN_FLIGHTS),
        "export": report.export_report(
            report.daily_report(carriers, by_airport, by_weather, routes, min_flights=MIN_FLIGHTS)
        ),
        **reference.publish_reference(airports, planes),
    }


@pytest.fixture(scope="module")
def week() -> pd.DataFrame:
    """The raw flights of that week."""
    january = pd.read_parquet(PROJECT / "data/flights/2013-01.parquet")
    january["day"] = january["flight_date"].astype(str)
    return january[january["day"].between(START, END)].copy()


@pytest.fixture(scope="module")
def report(tables: dict[str, DataFrame]) -> pd.DataFrame:
    frame = tables["report"].toPandas()
    return frame.assign(day=frame["flight_date"].astype(str)).set_index("day")


def test_the_shipped_flights_are_those_of_the_package() -> None:
    shipped = pd.read_parquet(PROJECT / "data/flights", columns=["flight_date", "arr_delay"])
    assert len(shipped) == 336_776
    assert shipped["arr_delay"].sum() == 2_257_174
    assert shipped["flight_date"].nunique() == 365


def test_report_has_one_line_a_day_in_order(report: pd.DataFrame) -> None:
    assert list(report.index) == [f"2013-01-0{day}" for day in range(1, 8)]
    assert list(report["flights"]) == FLIGHTS_A_DAY


def test_report_totals_agree_with_pandas(report: pd.DataFrame, week: pd.DataFrame) -> None:
    days = week.groupby("day")
    assert list(report["cancelled"]) == list(days["dep_time"].apply(lambda times: times.isna().sum()))
    late = 100 * days["arr_delay"].apply(lambda delays: (delays >= LATE_AFTER_MIN).sum()) / days.size()
    assert list(report["delayed_percent"]) == pytest.approx(list(late), abs=0.051)
    assert list(report["mean_delay_min"]) == pytest.approx(list(days["arr_delay"].mean()), abs=0.051)


def test_report_names_the_worst_carrier_and_route(report: pd.DataFrame, week: pd.DataFrame) -> None:
    names = pd.read_csv(PROJECT / "data/airlines.csv").set_index("carrier")["name"]
    by_carrier = week.groupby(["day", "carrier"])["arr_delay"].agg(["mean", "size"])
    by_carrier = by_carrier[by_carrier["size"] >= MIN_FLIGHTS]["mean"]
    assert list(report["worst_carrier"]) == [names[carrier] for _, carrier in by_carrier.groupby("day").idxmax()]
    assert list(report["its_delay_min"]) == pytest.approx(list(by_carrier.groupby("day").max()), abs=0.051)
    by_route = week.groupby(["day", "origin", "dest"])["arr_delay"].agg(["mean", "size"])
    by_route = by_route[by_route["size"] >= MIN_FLIGHTS]["mean"]
    assert list(report["worst_route"]) == [f"{a} - {b}" for _, a, b in by_route.groupby("day").idxmax()]


def test_report_counts_flights_in_bad_weather(report: pd.DataFrame, week: pd.DataFrame) -> None:
    weather = pd.read_csv(PROJECT / "data/weather.csv.gz", parse_dates=["time_hour"])
    wind = weather["wind_speed"].where(weather["wind_speed"] < 231)
    bad = weather[(weather["precip"] > 0) | (weather["visib"] < 3) | (wind >= 25)]
    in_bad = week.merge(bad[["origin", "time_hour"]], on=["origin", "time_hour"])
    expected = in_bad.groupby("day").size().reindex(report.index, fill_value=0)
    assert list(report["in_bad_weather"]) == list(expected)


def test_every_flight_is_enriched_exactly_once(tables: dict[str, DataFrame], week: pd.DataFrame) -> None:
    flights = tables["flights"].toPandas()
    assert len(flights) == len(week)
    planes = pd.read_csv(PROJECT / "data/planes.csv")
    assert flights["seats"].notna().sum() == week["tailnum"].isin(planes["tailnum"]).sum()
    assert set(flights[flights["dest_name"].isna()]["dest"]) <= {"BQN", "PSE", "SJU", "STT"}
    assert flights["conditions"].notna().all()


def test_each_daily_table_adds_up_to_all_flights(tables: dict[str, DataFrame], week: pd.DataFrame) -> None:
    for name in ("carriers", "airports", "weather"):
        table = tables[name].toPandas()
        assert table["flights"].sum() == len(week), name
        assert table["arr_delay_min"].sum() == week["arr_delay"].sum(), name


def test_export_is_one_sorted_file(tables: dict[str, DataFrame], tmp_path: Path) -> None:
    tables["export"].write.csv(str(tmp_path / "report"), header=True)
    (file,) = (tmp_path / "report").glob("part-*.csv")
    assert list(pd.read_csv(file)["flights"]) == FLIGHTS_A_DAY


def test_months_rank_carriers_by_delay(tables: dict[str, DataFrame]) -> None:
    months = tables["months"].toPandas().sort_values("rank")
    assert months["flights"].sum() == sum(FLIGHTS_A_DAY)
    assert list(months["mean_arr_delay_min"]) == sorted(months["mean_arr_delay_min"], reverse=True)
    assert set(months["days"]) <= set(range(1, 8))


def test_reference_tables_hold_every_airport_and_plane(tables: dict[str, DataFrame]) -> None:
    fleet = tables["reference.fleet"].toPandas()
    assert tables["reference.airports"].count() == 1_458
    assert fleet["planes"].sum() == 3_322
    assert fleet["manufacturer"].iloc[0] == "Boeing"


def test_delay_model_beats_the_plain_mean(tables: dict[str, DataFrame]) -> None:
    from flights.model import score_delay_model, train_delay_model

    ml_context = {"hyperparams": {"smoothing": 20, "holdout_percent": 20}, "model_version": "1"}
    model = train_delay_model(tables["flights"], ml_context)
    (scores,) = score_delay_model(tables["flights"], model, ml_context).collect()
    assert scores["model_error_min"] < scores["mean_error_min"]
    learned_from = sum(row["flights"] for row in model.collect())
    assert learned_from + scores["flights"] == tables["flights"].where("arr_delay IS NOT NULL").count()
