"""The functions alone, on a few rows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from my_project.sales import best_products, clean_orders, sales_by_day


@pytest.fixture
def orders(spark: SparkSession) -> DataFrame:
    rows = [
        ("2025-01-01", "apples", 10, Decimal("0.50")),
        ("2025-01-01", "bread", 2, Decimal("3.20")),
        ("2025-01-02", "bread", 1, Decimal("3.20")),
        ("2025-01-02", "bread", 0, Decimal("3.20")),
        ("2025-01-02", "cheese", None, Decimal("8.90")),
    ]
    return spark.createDataFrame(rows, "order_date STRING, product STRING, quantity INT, unit_price DECIMAL(10,2)")


def test_clean_orders_drops_orders_without_a_quantity(orders: DataFrame) -> None:
    amounts = [row["amount"] for row in clean_orders(orders, min_quantity=1).collect()]
    assert sorted(amounts) == [Decimal("3.20"), Decimal("5.00"), Decimal("6.40")]


def test_sales_by_day_adds_up_each_day(orders: DataFrame) -> None:
    days = sales_by_day(clean_orders(orders, min_quantity=1)).orderBy("order_date").collect()
    assert [tuple(day) for day in days] == [
        ("2025-01-01", 2, Decimal("11.40")),
        ("2025-01-02", 1, Decimal("3.20")),
    ]


def test_best_products_are_those_with_the_greatest_amount(orders: DataFrame) -> None:
    best = best_products(clean_orders(orders, min_quantity=1), at_most=1).collect()
    assert [tuple(product) for product in best] == [("bread", Decimal("9.60"))]
