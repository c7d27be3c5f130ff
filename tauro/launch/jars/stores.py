"""Which Maven artefacts Hadoop reaches object stores by, in the versions that match the Hadoop inside Spark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tauro.launch.jars.coordinates import Coordinate

_SDK = "software.amazon.awssdk"
_BUNDLE = Coordinate(_SDK, "bundle", "")
"""All of the SDK for every service of AWS: half a gigabyte, of which S3A needs a thirtieth."""
_SDK_VERSIONS = {"3.5.0": "2.35.4"}
"""Hadoop -> the SDK that it was made with, where S3A is known to do with the parts below."""
_SDK_PARTS = ("apache-client", "netty-nio-client", "s3-transfer-manager", "sts")
_SHIPPED_BY_SPARK = ("commons-logging:commons-logging", "io.netty:netty-codec")
"""What these need, and Spark has under other names, or newer in more pieces."""


@dataclass(frozen=True, slots=True)
class StoreJars:
    """What is to be fetched."""

    coordinates: tuple[Coordinate, ...] = ()
    excludes: tuple[str, ...] = ()
    """`group:artifact` of what these would bring, and is not needed."""


def store_jars(schemes: Iterable[str], hadoop_version: str | None, provided: Iterable[str]) -> StoreJars:
    """The artefacts that Spark lacks for these schemes; often none.

    Args:
        schemes: of the paths that a project uses, such as `s3a`.
        hadoop_version: of the Hadoop inside the installed Spark; None if that can't be told.
        provided: the names of jars and Maven coordinates that are there already.
    """
    if "s3a" not in schemes or hadoop_version is None:
        return StoreJars()
    provided = list(provided)
    hadoop = Coordinate("org.apache.hadoop", "hadoop-aws", hadoop_version)
    if hadoop.is_among(provided):
        return StoreJars()
    version = _SDK_VERSIONS.get(hadoop_version)
    if version is None or _BUNDLE.is_among(provided):
        return StoreJars((hadoop,))
    parts = (Coordinate(_SDK, name, version) for name in _SDK_PARTS)
    return StoreJars((hadoop, *parts), (f"{_SDK}:bundle", *_SHIPPED_BY_SPARK))
