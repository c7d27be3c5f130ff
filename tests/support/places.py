"""The places where Spark runs, each with what the flights example needs to run there, killed on its way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow.fs as pafs
import yaml

from tests.support.airflow import running_airflow, wait_until
from tests.support.cluster import Cluster
from tests.support.connect_server import ConnectServer
from tests.support.example import TAURO, Example
from tests.support.jvms import plain_environment
from tests.support.s3 import S3

DAY, NEXT_DAY = "2013-01-01", "2013-01-02"
RUN = ("--pipeline", "daily", "--env", "here", "--start", DAY, "--end", DAY, "--run-id", "nightly")
KILLS = ("files.write.3", "publish.output.3")
"""When the first process is killed, and when the second: while nodes write, and amid the publishing."""
_KILLING = Path(__file__).parent / "killing"
_SMALL = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.sql.codegen.wholeStage": "false"}
_ENVIRONMENT = "config/here/global_settings.yml"


@dataclass(frozen=True)
class Place:
    """Where a project runs, and how it is told so."""

    settings: Mapping[str, object]
    """The global settings of its environment."""
    finish: Callable[[Example], None]
    """Runs the example until a run succeeds; fails if that takes other than one more than are killed."""
    output: str = "output"
    """Where the tables are: below the project, or a bucket."""
    files: pafs.FileSystem = field(default_factory=pafs.LocalFileSystem)

    def put_into(self, project: Example) -> Example:
        """Tells a copy of the example of the place, and arms the kills."""
        settings = project.root / _ENVIRONMENT
        settings.parent.mkdir()
        settings.write_text(yaml.safe_dump(dict(self.settings)))
        top = project.root / "tauro.yml"
        top.write_text(top.read_text().replace("  dev: config/dev\n", "  dev: config/dev\n  here: config/here\n"))
        kills = project.root.parent / "kills"
        kills.mkdir()
        for name in KILLS:
            (kills / name).touch()
        environment = {
            **plain_environment(),
            "PATH": f"{TAURO.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(_KILLING), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "TAURO_TESTS_KILLS": str(kills),
        }
        return Example(project.root, environment)

    def table(self, project: Example, name: str, by: list[str]) -> pd.DataFrame:
        """A table of the example, sorted; days as text."""
        base = self.output if "/" in self.output else str(project.root / self.output)
        if name.endswith(".csv"):
            (found,) = [
                info.path
                for info in self.files.get_file_info(pafs.FileSelector(f"{base}/{name.removesuffix('.csv')}"))
                if info.base_name.endswith(".csv")
            ]
            with self.files.open_input_stream(found) as stream:
                frame = pd.read_csv(stream)
        else:
            frame = pd.read_parquet(f"{base}/{name}", filesystem=self.files)
        if "flight_date" in frame:
            frame["flight_date"] = frame["flight_date"].astype(str)
        return frame[sorted(frame.columns)].sort_values(by, ignore_index=True)

    def leftovers(self, project: Example) -> list[str]:
        """What the runs have left behind beside the tables."""
        base = self.output if "/" in self.output else str(project.root / self.output)
        found = self.files.get_file_info(pafs.FileSelector(base, recursive=True))
        return [info.path for info in found if "/_tauro/" in info.path]


def locally() -> Place:
    """This machine, with a JVM of each run's own."""
    return Place({"spark_config": {"spark.master": "local[2]", **_SMALL}}, _run)


def on(cluster: Cluster) -> Place:
    """A standalone cluster, by `tauro submit`."""
    return Place({"mode": "distributed", "spark_config": {**_SMALL, **cluster.conf}}, _submit)


def over(server: ConnectServer) -> Place:
    """A Spark Connect server."""
    settings = {name: value for name, value in _SMALL.items() if name.startswith("spark.sql.")}
    return Place({"mode": "connect", "spark_config": {"spark.remote": server.url, **settings}}, _run)


def in_bucket_of(store: S3) -> Place:
    """Tables on S3; Spark runs here."""
    bucket = store.bucket()
    settings = {f"spark.hadoop.fs.s3a.{name}": value for name, value in store.settings.items()}
    return Place(
        {"output_path": f"{bucket}/out", "spark_config": {"spark.master": "local[2]", **_SMALL, **settings}},
        _run,
        output=f"{bucket.removeprefix('s3a://')}/out",
        files=pafs.S3FileSystem(
            access_key=store.settings["access.key"],
            secret_key=store.settings["secret.key"],
            endpoint_override=store.url,
            region=store.settings["endpoint.region"],
        ),
    )


def under_airflow() -> Place:
    """A task of a real Airflow, which tries it again when it is killed."""
    return Place(locally().settings, _in_airflow)


def _run(project: Example) -> None:
    _finish(project, "run", *RUN)


def _submit(project: Example) -> None:
    _finish(project, "submit", *RUN)


def _finish(project: Example, *words: str) -> None:
    for left in range(len(KILLS), -1, -1):
        assert len(list(Path(project.environment["TAURO_TESTS_KILLS"]).iterdir())) == left
        done = subprocess.run(
            [str(TAURO), *words],
            cwd=project.root,
            env=project.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert (done.returncode == 0) is (left == 0), done.stdout + done.stderr


def _in_airflow(project: Example) -> None:
    words = ["airflow", "export", *RUN[:4], "--start-date", DAY, "--dag-id", "flights", "-o", "-"]
    text = subprocess.run(
        [str(TAURO), *words, "--python", sys.executable],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    ended = f"catchup=False,\n    end_date=pendulum.parse('{NEXT_DAY}'),"  # so that no run begins by itself
    with running_airflow({"flights.py": text.replace("catchup=False,", ended)}, project.environment) as airflow:
        wait_until(lambda: airflow.call("GET", "dags")["total_entries"] == 1, 60, "the DAG was not parsed")
        dag_run = airflow.trigger("flights", NEXT_DAY)
        done = airflow.wait_for("flights", dag_run, "daily", "success")
    assert done["try_number"] == len(KILLS) + 1
