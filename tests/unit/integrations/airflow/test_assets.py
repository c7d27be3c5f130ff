"""Places as URIs of assets."""

from __future__ import annotations

import pytest

from tauro.integrations.airflow.assets import published, uri_of


@pytest.mark.parametrize(
    ("location", "uri"),
    [
        ("/srv/out/silver/orders", "file:///srv/out/silver/orders"),
        ("/srv/in put/ü.csv", "file:///srv/in%20put/%C3%BC.csv"),
        ("/srv/in/day=*/*.csv", "file:///srv/in"),
        ("/srv/in/{start_date}/a.csv", "file:///srv/in"),
        ("/*.csv", "file:///"),
        ("s3a://lake/silver/orders/", "s3://lake/silver/orders"),
        ("s3a://key:word@lake/silver", "s3://lake/silver"),
        ("hdfs://name:8020/a b", "hdfs://name:8020/a%20b"),
        ("gs://lake/a%20b", "gs://lake/a%20b"),
        ("table:sales.orders", "x-spark-table://sales/orders"),
        ("table:`my cat`.sales.orders", "x-spark-table://my%20cat/sales/orders"),
        ("jdbc:postgresql://db:5432/shop?user=me#sales.orders", "postgres://db:5432/shop/sales/orders"),
        ("jdbc:postgresql://me:word@db/shop#orders", "postgres://db/shop/orders"),
        ("jdbc:sqlite:/tmp/a.db#orders", None),
        ("jdbc:postgresql://db/shop#(select 1) t", None),
        ("memory:orders", None),
        ("query:SELECT 1", None),
        ("", None),
    ],
)
def test_a_place_has_the_uri_that_airflow_knows_such_places_by(location: str, uri: str | None) -> None:
    assert uri_of(location) == uri


def output(**fields: object) -> dict[str, object]:
    plain = {"id": "o", "format": "parquet", "path": None, "table": None, "rows": None}
    return {**plain, "is_written": True, "is_published": True, **fields}


def test_published_outputs_become_assets_with_their_rows() -> None:
    window = {"start": "2025-01-01", "end": "2025-01-01"}
    outputs = [
        output(id="a", path="/out/a", rows=7),
        output(id="b", format="table", table="Sales.B"),
        output(id="c", path="/out/c", is_published=False),
        output(id="d", format="memory", table="d"),
        output(id="e", format="jdbc", table="public.e"),
    ]
    document = {"run_id": "r-1", "window": window, "nodes": [{"name": "n", "outputs": outputs}]}
    found = {one.uri: one.extra for one in published(document)}
    assert set(found) == {"file:///out/a", "x-spark-table://sales/b"}
    assert found["file:///out/a"] == {"run_id": "r-1", "node": "n", "output": "a", "rows": 7, "window": window}
    assert found["x-spark-table://sales/b"]["rows"] is None


def test_a_run_that_was_done_before_has_no_outputs_to_tell_of() -> None:
    assert list(published({})) == []
