"""What dashboards read."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def carrier_daily(flights: DataFrame, airlines: DataFrame) -> DataFrame:
    """One row for each day and carrier; delays in minutes, early ones negative."""
    per_carrier = flights.groupBy("flight_date", "carrier").agg(
        F.count("*").alias("flights"),
        F.count_if(F.col("dep_delay").isNull()).alias("cancelled"),
        F.round(F.avg("arr_delay"), 1).alias("mean_arr_delay_min"),
    )
    names = airlines.select("carrier", F.col("name").alias("airline"))
    return per_carrier.join(F.broadcast(names), "carrier", "left")
