"""A small model of delays, made of aggregates alone.

The expected delay of a group is its mean, drawn towards the mean of all flights as if `smoothing` further flights
with that mean belonged to it (additive smoothing).
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

GROUP = ["carrier", "origin", "departure_hour"]

MLContext = dict[str, Any]  # what Tauro hands over: hyperparams, model_version and more


def train_delay_model(flights: DataFrame, ml_context: MLContext) -> DataFrame:
    """One row for each group: its flights, their expected_delay_min, and overall_min, the mean of all flights.

    Learns from the flights that arrived and are not held out.
    """
    smoothing = ml_context["hyperparams"]["smoothing"]
    known = arrived(flights).where(~is_held_out(ml_context))
    groups = known.groupBy(*GROUP).agg(F.count("*").alias("flights"), F.sum("arr_delay").alias("delay_min"))
    overall = known.agg(F.avg("arr_delay").alias("overall_min"))
    expected = (F.col("delay_min") + smoothing * F.col("overall_min")) / (F.col("flights") + smoothing)
    return groups.crossJoin(F.broadcast(overall)).select(
        *GROUP,
        "flights",
        expected.alias("expected_delay_min"),
        "overall_min",
        F.lit(ml_context["model_version"]).alias("model_version"),
    )


def score_delay_model(flights: DataFrame, model: DataFrame, ml_context: MLContext) -> DataFrame:
    """One row: flights scored, model_error_min and mean_error_min, both root mean square errors in minutes."""
    held_out = arrived(flights).where(is_held_out(ml_context))
    expected = model.select(*GROUP, "expected_delay_min")
    overall = model.agg(F.max("overall_min").alias("overall_min"))
    scored = held_out.join(F.broadcast(expected), GROUP, "left").crossJoin(F.broadcast(overall))
    return scored.agg(
        F.count("*").alias("flights"),
        root_mean_square_error(F.coalesce("expected_delay_min", "overall_min")).alias("model_error_min"),
        root_mean_square_error(F.col("overall_min")).alias("mean_error_min"),
    )


def arrived(flights: DataFrame) -> DataFrame:
    """The flights that have an arrival delay, with the hour of their departure in New York (0 to 23)."""
    local_hour = F.hour(F.from_utc_timestamp("time_hour", "America/New_York"))
    return flights.where("arr_delay IS NOT NULL").withColumn("departure_hour", local_hour)


def is_held_out(ml_context: MLContext) -> Column:
    """Whether a flight is kept from training: the same flights in every run, `holdout_percent` of all."""
    key = F.xxhash64("flight_date", "carrier", "flight", "origin")
    return F.pmod(key, F.lit(100)) < ml_context["hyperparams"]["holdout_percent"]


def root_mean_square_error(expected: Column) -> Column:
    """Of the arrival delay against what was expected, in minutes, to two decimals."""
    return F.round(F.sqrt(F.avg((F.col("arr_delay") - expected) ** 2)), 2)
