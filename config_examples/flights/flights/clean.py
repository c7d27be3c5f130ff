"""What happened to each flight."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def clean_flights(flights: DataFrame, late_after_min: int) -> DataFrame:
    """Adds is_cancelled, is_diverted and is_delayed, none of them null.

    Args:
        flights: one row for each scheduled departure; one that never left has no dep_time.
        late_after_min: a flight that arrives so many minutes late, or more, is delayed.
    """
    is_cancelled = F.col("dep_time").isNull()
    return flights.select(
        "flight_date",
        "time_hour",
        "carrier",
        "flight",
        "tailnum",
        "origin",
        "dest",
        "dep_delay",
        "arr_delay",
        "distance",
        is_cancelled.alias("is_cancelled"),
        (~is_cancelled & F.col("arr_delay").isNull()).alias("is_diverted"),
        F.coalesce(F.col("arr_delay") >= late_after_min, F.lit(False)).alias("is_delayed"),
    )
