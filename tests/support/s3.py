"""An S3-compatible server on loopback, and what Spark needs to reach it."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from tauro.launch.installed import installed_spark
from tauro.launch.jars.settings import fetch, wanted_jars
from tauro.launch.jars.store import JarStore
from tauro.launch.java import find_java
from tauro.launch.machine import this_machine
from tauro.launch.settings import Needs, settings_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def s3_jars(folder: Path | None = None) -> list[Path]:
    """The jars that Tauro finds to be needed for paths on S3, fetched as it fetches them for a project.

    Args:
        folder: where they are kept between test runs; `jars/s3` in the virtual environment by default.
    """
    store = JarStore(folder or Path(sys.prefix) / "jars" / "s3")
    spark = installed_spark()
    settings = settings_for(Needs(Path(), schemes=frozenset({"s3a"})), spark, this_machine(), {})
    request = wanted_jars(settings, spark, {})
    assert request is not None
    found = fetch(request, spark, store, find_java(os.environ))
    return [store.path_of(jar) for jar in found.jars]


@dataclass(frozen=True, slots=True)
class S3:
    """A server."""

    url: str

    def bucket(self) -> str:
        """Makes a bucket; returns its address for Spark."""
        name = f"b{uuid.uuid4().hex[:12]}"
        with urlopen(Request(f"{self.url}/{name}", method="PUT"), timeout=10):
            return f"s3a://{name}"

    @property
    def settings(self) -> dict[str, str]:
        """What S3A has to be told, without `fs.s3a.`."""
        return {
            "endpoint": self.url,
            "endpoint.region": "us-east-1",
            "path.style.access": "true",
            "access.key": "someone",
            "secret.key": "unasked",
            "connection.ssl.enabled": "false",
            "performance.flags": "create,mkdir",
        }

    def reached_by(self, session: SparkSession) -> None:
        """Tells a session where the server is."""
        for name, value in self.settings.items():
            session.conf.set(f"fs.s3a.{name}", value)


@contextmanager
def running_s3() -> Iterator[S3]:
    """A server, for as long as the block lasts; it lives in this process, and dies with it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3(f"http://{host}:{port}")
    finally:
        server.stop()
