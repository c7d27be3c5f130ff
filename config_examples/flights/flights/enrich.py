"""Where each flight went, with which plane, in which weather."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def enrich_flights(flights: DataFrame, airports: DataFrame, planes: DataFrame, weather: DataFrame) -> DataFrame:
    """Adds dest_name, seats, plane_age, temp and conditions; every flight stays exactly once.

    What is not known stays null; conditions are `unknown` then.
    """
    destinations = airports.select(F.col("faa").alias("dest"), F.col("name").alias("dest_name"))
    return (
        flights.join(F.broadcast(destinations), "dest", "left")
        .join(F.broadcast(planes.select("tailnum", "seats", "plane_age")), "tailnum", "left")
        .join(weather, ["origin", "time_hour"], "left")
        .fillna("unknown", subset=["conditions"])
    )
