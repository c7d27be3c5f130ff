"""What goes into the lake."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def ingest_flights(flights: DataFrame) -> DataFrame:
    """The window's flights, one row each; a flight that never left has no dep_delay."""
    return flights.dropDuplicates(["flight_date", "carrier", "flight", "origin"])


def ingest_airlines(airlines: DataFrame) -> DataFrame:
    """One row for each airline, its name without surrounding blanks."""
    return airlines.select("carrier", F.trim("name").alias("name"))


def log_cancellations(flights: DataFrame) -> DataFrame:
    """One row for each flight of the window that never left."""
    return flights.where("dep_delay IS NULL").select("flight_date", "carrier", "flight", "origin", "dest")
