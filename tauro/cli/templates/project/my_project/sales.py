"""Sales from orders: plain functions that take DataFrames and return DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def clean_orders(orders: DataFrame, min_quantity: int) -> DataFrame:
    """The orders of at least `min_quantity` pieces, each with its amount."""
    valid = orders.where(F.col("quantity") >= min_quantity)
    return valid.withColumn("amount", (F.col("quantity") * F.col("unit_price")).cast("decimal(12,2)"))


def sales_by_day(orders: DataFrame) -> DataFrame:
    """One row for each day: orders, and their amount."""
    return orders.groupBy("order_date").agg(F.count("*").alias("orders"), F.sum("amount").alias("amount"))


def best_products(orders: DataFrame, at_most: int) -> DataFrame:
    """The `at_most` products with the greatest amount, the greatest first."""
    per_product = orders.groupBy("product").agg(F.sum("amount").alias("amount"))
    return per_product.orderBy(F.desc("amount"), "product").limit(at_most)
