"""What is taken from the sources."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

FASTEST_WIND_MPH = 231
"""The fastest wind ever measured at a station; what is above is a broken sensor."""


def extract_flights(flights: DataFrame) -> DataFrame:
    """The flights as delivered: one row for each scheduled departure.

    Tauro has kept the rows of the run's window already, because the input names a `window_column`.
    """
    return flights.dropna(subset=["flight_date", "carrier", "flight", "origin", "dest"])


def extract_weather(weather: DataFrame) -> DataFrame:
    """One row for each hour and airport: origin, time_hour, temp, conditions.

    The conditions are the first that applies of `rain`, `fog`, `wind`, `fair`.
    """
    wind = F.when(F.col("wind_speed") <= FASTEST_WIND_MPH, F.col("wind_speed"))
    conditions = (
        F.when(F.col("precip") > 0, "rain").when(F.col("visib") < 3, "fog").when(wind >= 25, "wind").otherwise("fair")
    )
    return weather.select("origin", "time_hour", "temp", conditions.alias("conditions"))
