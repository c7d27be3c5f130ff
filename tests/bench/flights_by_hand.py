"""The pipeline `daily` of the flights example, as one would write it with PySpark alone.

It calls the same functions, replaces the same days, and reads what it has stored back with the schema that it knows.
Four tables are made from the flights of the window; with several workers they are made at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flights.aggregate import airport_daily, carrier_daily, weather_impact
from flights.clean import clean_flights
from flights.enrich import enrich_flights
from flights.extract import extract_flights, extract_weather
from flights.reference import describe_planes
from flights.report import daily_report, export_report
from pyspark.sql import DataFrame, SparkSession

AIRLINES = "carrier STRING, name STRING"
AIRPORTS = "faa STRING, name STRING, lat DOUBLE, lon DOUBLE, tzone STRING"
PLANES = "tailnum STRING, year INT, manufacturer STRING, model STRING, seats INT, engine STRING"
LATE_AFTER_MIN = 15
MIN_FLIGHTS = 5


def run(spark: SparkSession, project: Path, output: Path, start: str, end: str, *, workers: int) -> None:
    """Makes the window's days of every table.

    Args:
        spark: the session.
        project: the example's folder.
        output: where the tables lie.
        start: the first day.
        end: the last day.
        workers: tables made at once, at most.
    """
    data = project / "data"

    def csv(name: str, schema: str) -> DataFrame:
        return spark.read.schema(schema).option("header", True).csv(str(data / name))

    def store(name: str, frame: DataFrame) -> DataFrame:
        path = str(output / name)
        writer = frame.write.mode("overwrite").option("partitionOverwriteMode", "dynamic")
        writer.partitionBy("flight_date").parquet(path)
        return spark.read.schema(frame.schema).parquet(path).where(f"flight_date BETWEEN '{start}' AND '{end}'")

    raw = spark.read.parquet(str(data / "flights")).where(f"flight_date BETWEEN '{start}' AND '{end}'")
    weather = csv("weather.csv.gz", (project / "config/schemas/weather.ddl").read_text())
    weather = extract_weather(weather.where(f"observed_on BETWEEN '{start}' AND '{end}'"))
    bronze = store("bronze/flights", extract_flights(raw))
    cleaned = clean_flights(bronze, LATE_AFTER_MIN)
    planes = describe_planes(csv("planes.csv", PLANES))
    silver = store("silver/flights", enrich_flights(cleaned, csv("airports.csv", AIRPORTS), planes, weather))

    def route_daily() -> DataFrame:
        silver.createOrReplaceTempView("flights")
        values = {"start_date": start, "end_date": end, "min_flights": MIN_FLIGHTS}
        return spark.sql((project / "sql/route_daily.sql").read_text(), values)

    tables: dict[str, Callable[[], DataFrame]] = {
        "carriers": lambda: store("gold/carrier_daily", carrier_daily(silver, csv("airlines.csv", AIRLINES))),
        "airports": lambda: store("gold/airport_daily", airport_daily(silver)),
        "weather": lambda: store("gold/weather_impact", weather_impact(silver)),
        "routes": lambda: store("gold/route_daily", route_daily()),
    }
    with ThreadPoolExecutor(workers) as pool:
        made = dict(zip(tables, pool.map(lambda make: make(), tables.values()), strict=True))
    report = store("gold/daily_report", daily_report(**made, min_flights=MIN_FLIGHTS))
    path = output / f"reports/{start}_{end}"
    export_report(report).write.mode("overwrite").option("header", True).csv(str(path))
