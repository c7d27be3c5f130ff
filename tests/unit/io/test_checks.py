"""What formats say about entries before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from tauro.io.formats import FORMATS
from tauro.model import InputSpec, OutputSpec

URL = {"url": "jdbc:postgresql://h/db"}


def inputs(format: str, **fields: Any) -> str:
    return "\n".join(FORMATS[format].check_input(InputSpec.parse("t", fields)))


def outputs(format: str, **fields: Any) -> str:
    return "\n".join(FORMATS[format].check_output(OutputSpec.parse("t", {"format": format, **fields})))


@pytest.mark.parametrize(
    ("format", "fields", "message"),
    [
        ("csv", {"path": "x", "options": {"heder": True}}, "no option 'heder'; did you mean 'header'?"),
        ("csv", {"path": "x", "options": {"INFERSCHEMAA": True}}, "did you mean 'inferSchema'?"),
        ("parquet", {}, "needs a path"),
        ("csv", {"table": "t"}, "needs a path"),
        ("xml", {"path": "x"}, "needs the option 'rowTag'"),
        ("delta", {"path": "x", "options": {"versionAsOf": 1, "timestampAsOf": "2013-01-01"}}, "exclude each other"),
        ("delta", {"path": "x", "schema": "a int"}, "leave schema out"),
        ("delta", {"path": ["x", "y"]}, "one path"),
        ("jdbc", {"options": {"dbtable": "t"}}, "needs the option 'url'"),
        ("jdbc", {"options": URL}, "one of the options 'dbtable' and 'query', found 0"),
        ("jdbc", {"options": {**URL, "dbtable": "t", "query": "select 1"}}, "found 2"),
        ("jdbc", {"options": {**URL, "dbtabel": "t"}}, "did you mean 'dbtable'?"),
        ("jdbc", {"options": {**URL, "dbtable": "t", "partitionColumn": "id"}}, "missing: lowerBound, upperBound"),
        ("table", {"path": "x"}, "under `table`"),
        ("query", {"path": "x"}, "under `query`"),
        ("query", {"query": "delete from t"}, "DELETE"),
        ("query", {"query": "select 1; select 2"}, "2 statements"),
        ("query", {"query": "select :a"}, "no parameters"),
    ],
)
def test_inputs_that_cannot_be_right(format: str, fields: dict[str, Any], message: str) -> None:
    assert message in inputs(format, **fields)


@pytest.mark.parametrize(
    ("format", "fields"),
    [
        ("csv", {"path": "x", "options": {"HEADER": True, "Sep": ";"}}),
        ("csv", {"path": ["s3a://b/x", "/y/*.csv"], "schema": "a int"}),
        ("parquet", {"path": "hdfs:///x", "options": {"mergeSchema": True}}),
        ("delta", {"path": "x", "options": {"VersionAsOf": 1}}),
        ("jdbc", {"options": {**URL, "dbtable": "t", "currentSchema": "s", "ssl": "true"}}),
        ("jdbc", {"table": "t", "options": URL}),
        ("query", {"query": "with a as (select 1) select * from a;"}),
    ],
)
def test_inputs_that_are_right(format: str, fields: dict[str, Any]) -> None:
    assert inputs(format, **fields) == ""


@pytest.mark.parametrize(
    ("format", "fields", "message"),
    [
        ("csv", {"path": "x", "write_mode": "merge", "keys": ["id"]}, "csv does not merge; it can overwrite, append"),
        ("xml", {"path": "x"}, "xml is only read"),
        ("query", {}, "query is only read"),
        ("parquet", {"path": "s3a://b/*"}, "is a pattern"),
        ("parquet", {"path": "/x/*"}, "is a pattern"),
        ("parquet", {"path": "x", "options": {"compresion": "zstd"}}, "did you mean 'compression'?"),
        ("parquet", {"table": "t"}, "for a catalog table leave format out"),
        (
            "orc",
            {"path": "x", "overwrite_scope": "window", "window_column": "day", "partition_by": ["month"]},
            "needs window_column 'day' in partition_by",
        ),
        ("orc", {"path": "x", "overwrite_scope": "partitions"}, "needs partition_by"),
        ("orc", {"path": "x", "partition_by": ["a", "a"]}, "more than once"),
        ("delta", {"path": "x", "window_column": "day"}, "without overwrite_scope window"),
        ("delta", {"path": "x", "options": {"mergeSchema": True}}, "use schema_evolution: true"),
        ("delta", {"path": "x", "options": {"replaceWhere": "a=1"}}, "use overwrite_scope: window"),
        ("jdbc", {"options": {**URL, "dbtable": "t"}, "partition_by": ["a"]}, "has no partitions"),
        ("jdbc", {"options": {**URL, "dbtable": "(select 1)"}}, "an output needs a table"),
        ("jdbc", {"options": {**URL, "dbtable": "t", "truncate": True}}, "'truncate' is not used"),
        ("jdbc", {"options": {**URL, "dbtable": "t"}, "schema_evolution": True}, "can't change a table's columns"),
        ("table", {"table": "t", "options": {"provider": "jdbc"}}, "can't be kept as 'jdbc'"),
        ("table", {"table": "t", "write_mode": "merge", "keys": ["id"]}, "parquet does not merge"),
    ],
)
def test_outputs_that_cannot_be_right(format: str, fields: dict[str, Any], message: str) -> None:
    assert message in outputs(format, **fields)


@pytest.mark.parametrize(
    ("format", "fields"),
    [
        ("delta", {"path": "s3a://b/x", "options": {"delta.appendOnly": "false", "maxRecordsPerFile": 10}}),
        ("parquet", {"path": "x", "options": {"parquet.bloom.filter.enabled": True, "Compression": "zstd"}}),
        ("csv", {"path": "x", "options": {"header": False, "quoteAll": True}}),
        ("table", {"table": "t", "write_mode": "merge", "keys": ["id"], "options": {"provider": "delta"}}),
        ("jdbc", {"options": {**URL, "dbtable": "t", "batchsize": 100}, "write_mode": "append", "window_column": "d"}),
    ],
)
def test_outputs_that_are_right(format: str, fields: dict[str, Any]) -> None:
    assert outputs(format, **fields) == ""
