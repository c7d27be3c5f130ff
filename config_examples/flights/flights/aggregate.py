"""Days and months from flights.

The daily tables keep sums beside means, so that longer periods can be built from them.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def carrier_daily(flights: DataFrame, airlines: DataFrame) -> DataFrame:
    """One row for each day and carrier, with the airline's name."""
    per_carrier = flights.groupBy("flight_date", "carrier").agg(*punctuality())
    return per_carrier.join(F.broadcast(airlines.withColumnRenamed("name", "airline")), "carrier", "left")


def airport_daily(flights: DataFrame) -> DataFrame:
    """One row for each day and New York airport."""
    return flights.groupBy("flight_date", "origin").agg(*punctuality())


def weather_impact(flights: DataFrame) -> DataFrame:
    """One row for each day and kind of weather at departure."""
    return flights.groupBy("flight_date", "conditions").agg(*punctuality())


def carrier_monthly(days: DataFrame) -> DataFrame:
    """One row for each month and carrier; rank 1 is the carrier with the longest mean delay of its month.

    Args:
        days: what `carrier_daily` has stored.
    """
    months = days.groupBy(F.trunc("flight_date", "month").alias("month"), "carrier", "airline").agg(
        F.countDistinct("flight_date").alias("days"),
        F.sum("flights").alias("flights"),
        F.sum("cancelled").alias("cancelled"),
        F.round(F.try_divide(F.sum("arr_delay_min"), F.sum("arrived")), 1).alias("mean_arr_delay_min"),
    )
    by_delay = Window.partitionBy("month").orderBy(F.desc_nulls_last("mean_arr_delay_min"), "carrier")
    return months.withColumn("rank", F.row_number().over(by_delay))


def punctuality() -> list[Column]:
    """The figures of a group of flights; delays in minutes, early ones negative."""
    return [
        F.count("*").alias("flights"),
        F.count_if("is_cancelled").alias("cancelled"),
        F.count_if("is_diverted").alias("diverted"),
        F.count_if("is_delayed").alias("delayed"),
        F.count("arr_delay").alias("arrived"),
        F.sum("arr_delay").alias("arr_delay_min"),
        F.round(F.avg("arr_delay"), 1).alias("mean_arr_delay_min"),
    ]
