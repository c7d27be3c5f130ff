"""What S3 needs of Maven: as little as works, and nothing that is there."""

from __future__ import annotations

import pytest

from tauro.launch.jars.stores import store_jars

PARTS = [
    "org.apache.hadoop:hadoop-aws:3.5.0",
    "software.amazon.awssdk:apache-client:2.35.4",
    "software.amazon.awssdk:netty-nio-client:2.35.4",
    "software.amazon.awssdk:s3-transfer-manager:2.35.4",
    "software.amazon.awssdk:sts:2.35.4",
]


@pytest.mark.parametrize(
    ("schemes", "hadoop", "provided", "wanted"),
    [
        ({"s3a", "hdfs"}, "3.5.0", [], PARTS),
        ({"s3a"}, "3.3.4", [], ["org.apache.hadoop:hadoop-aws:3.3.4"]),
        ({"s3a"}, "3.5.0", ["software.amazon.awssdk:bundle:2.35.4"], PARTS[:1]),
        ({"s3a"}, "3.5.0", ["/opt/jars/bundle-2.29.1.jar"], PARTS[:1]),
        ({"s3a"}, "3.5.0", ["hadoop-aws-3.5.0.jar"], []),
        ({"s3a"}, "3.5.0", ["org.apache.hadoop:hadoop-aws:3.4.2"], []),
        ({"s3a"}, None, [], []),
        ({"hdfs", "gs"}, "3.5.0", [], []),
        ((), "3.5.0", [], []),
    ],
)
def test_s3_brings_what_spark_lacks(
    schemes: set[str], hadoop: str | None, provided: list[str], wanted: list[str]
) -> None:
    found = store_jars(schemes, hadoop, provided)
    assert [str(one) for one in found.coordinates] == wanted
    assert ("software.amazon.awssdk:bundle" in found.excludes) == (len(wanted) > 1)
