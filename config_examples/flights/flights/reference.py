"""Tables that change rarely."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

YEAR_OF_FLIGHTS = 2013


def describe_planes(planes: DataFrame) -> DataFrame:
    """One row for each plane: tailnum, manufacturer, model, seats, plane_age in years (null if not known)."""
    return planes.select(
        "tailnum",
        F.initcap(F.split_part("manufacturer", F.lit(" "), F.lit(1))).alias("manufacturer"),
        "model",
        "seats",
        (YEAR_OF_FLIGHTS - F.col("year")).alias("plane_age"),
    )


def publish_reference(airports: DataFrame, planes: DataFrame) -> dict[str, DataFrame]:
    """The airports with a name and a place, and the fleet: one row for each manufacturer."""
    fleet = planes.groupBy("manufacturer").agg(
        F.count("*").alias("planes"),
        F.sum("seats").alias("seats"),
        F.round(F.avg("plane_age"), 1).alias("mean_age"),
    )
    return {
        "reference.airports": airports.select("faa", "name", "lat", "lon"),
        "reference.fleet": fleet.orderBy(F.desc("planes")),
    }
