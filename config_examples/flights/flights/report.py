"""One line a day, for people."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def daily_report(
    carriers: DataFrame, airports: DataFrame, weather: DataFrame, routes: DataFrame, min_flights: int
) -> DataFrame:
    """One row for each day, in order.

    Args:
        carriers: one row for each day and carrier.
        airports: one row for each day and airport.
        weather: one row for each day and kind of weather.
        routes: one row for each day and route.
        min_flights: a carrier with fewer flights on a day is not called its worst.
    """
    totals = carriers.groupBy("flight_date").agg(
        F.sum("flights").alias("flights"),
        F.sum("cancelled").alias("cancelled"),
        F.round(100 * F.sum("delayed") / F.sum("flights"), 1).alias("delayed_percent"),
        F.round(F.try_divide(F.sum("arr_delay_min"), F.sum("arrived")), 1).alias("mean_delay_min"),
    )
    worst_carrier = (
        carriers.where(F.col("flights") >= min_flights)
        .groupBy("flight_date")
        .agg(
            top("airline", by="mean_arr_delay_min").alias("worst_carrier"),
            F.max("mean_arr_delay_min").alias("its_delay_min"),
        )
    )
    worst_route = routes.groupBy("flight_date").agg(
        top(F.concat_ws(" - ", "origin", "dest"), by="mean_arr_delay_min").alias("worst_route")
    )
    busiest = airports.groupBy("flight_date").agg(top("origin", by="flights").alias("busiest_airport"))
    is_bad = F.col("conditions").isin("rain", "fog", "wind")
    bad_weather = weather.groupBy("flight_date").agg(
        F.sum(F.when(is_bad, F.col("flights")).otherwise(0)).alias("in_bad_weather")
    )
    report = totals
    for part in (worst_carrier, worst_route, busiest, bad_weather):
        report = report.join(part, "flight_date", "left")
    return report.orderBy("flight_date")


def export_report(report: DataFrame) -> DataFrame:
    """The report as one file, in order of days."""
    return report.coalesce(1).sortWithinPartitions("flight_date")


def top(label: str | Column, *, by: str) -> Column:
    """The label of the row with the greatest `by`; of several, the first in the alphabet."""
    name = F.col(label) if isinstance(label, str) else label
    return F.min_by(name, F.when(F.col(by).isNotNull(), F.struct(-F.col(by), name)))
