"""A real Spark Connect server on a free loopback port: pyspark's own, with the jars of the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.support.jars import spark_jars
from tests.support.jvms import OPTIONS, plain_environment
from tests.support.servers import end_with_parent, free_port

START_TIMEOUT_S = 90.0
_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


class ConnectServer:
    """A server that can be killed, and started again on its port.

    Args:
        folder: what it writes besides tables.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """For SPARK_REMOTE; the user is named, as the tests' environment may name none."""
        return f"sc://127.0.0.1:{self.port}/;user_id=tester"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        spec = find_spec("pyspark")
        assert spec is not None
        assert spec.origin is not None
        home = Path(spec.origin).parent
        command = [str(home / "bin" / "spark-class"), "org.apache.spark.deploy.SparkSubmit", "--master", "local[2]"]
        for name, value in self._settings().items():
            command += ["--conf", f"{name}={value}"]
        environment = plain_environment() | {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
        log = (self._folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [*command, "--class", _SERVER, "spark-internal"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                env=environment,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self._wait()

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _settings(self) -> dict[str, str]:
        return {
            "spark.jars": ",".join(map(str, spark_jars())),
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.driver.extraJavaOptions": OPTIONS,
            "spark.local.dir": str(self._folder / "local"),
            "spark.scheduler.mode": "FAIR",
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.codegen.wholeStage": "false",  # compiling takes most of what queries of a few rows take
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "1",
        }

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{(self._folder / 'server.log').read_text()[-4000:]}")
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError("the server does not answer")


@contextmanager
def running_connect_server() -> Iterator[ConnectServer]:
    """A server for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="tauro-connect-", ignore_cleanup_errors=True) as folder:
        server = ConnectServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
