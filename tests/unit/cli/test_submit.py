"""`tauro submit`: what goes along, and how the run's end comes back, with a `spark-submit` that starts no JVM."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

FAKE_SUBMIT = Path(__file__).with_name("fake_submit.py")
ROOT = Path(__file__).parents[3]
DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")
STANDALONE = ("--master", "spark://host:7077")
SUBMIT = ("submit", "--pipeline", "daily", *DAYS)


@pytest.fixture
def cluster(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Has `spark-submit` be the fake one, told what to do; the driver's fake executor is told, too."""
    home = tmp_path / "spark"
    (home / "jars").mkdir(parents=True)
    (home / "bin").mkdir()
    from pyspark.version import __version__

    (home / "jars" / f"spark-core_2.13-{__version__}.jar").touch()
    program = home / "bin" / "spark-submit"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE_SUBMIT} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("SPARK_HOME", str(home))
    monkeypatch.setenv("TAURO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("tauro.cli.submitting.OUTCOME_COMES_WITHIN_S", 0.2)
    settings = (project / "tauro.yml").read_text()
    (project / "tauro.yml").write_text(settings.replace("output_path: out", f"output_path: {tmp_path}/out"))

    def tell(run: dict | None = None, **how: object) -> None:
        monkeypatch.setenv("FAKE_SUBMIT", json.dumps(how))
        monkeypatch.setenv("FAKE", json.dumps(run or {}))

    tell()
    return tell


def test_a_dry_run_shows_the_command_with_all_settings_and_code(project, tauro, cluster):
    called = tauro(
        *SUBMIT, *STANDALONE, "--conf", "spark.executor.memory=3g", "--max-workers", "2", "--dry-run", "--json"
    )
    assert called.code == 0
    told = called.document
    command = told["command"]
    assert command[0].endswith("/bin/spark-submit")
    assert command[1:5] == ["--master", "spark://host:7077", "--deploy-mode", "client"]
    confs = [word for before, word in itertools.pairwise(command) if before == "--conf"]
    assert {"spark.executor.memory=3g", "spark.sql.shuffle.partitions=3", "spark.sql.session.timeZone=UTC"} <= {*confs}
    assert f"spark.pyspark.python={sys.executable}" in confs
    assert not [
        conf for conf in confs if conf.startswith(("spark.driver.memory=", "spark.driver.host=", "spark.master="))
    ]
    files = command[command.index("--py-files") + 1].split(",")
    assert all(Path(file).is_file() for file in files)
    assert [Path(file).name.rpartition("-")[0] for file in files] == ["tauro", "shop-code"]
    words = command[command.index("--") + 1 :]
    asked = ["--pipeline", "daily", *DAYS, "--max-workers", "2", "--json"]
    assert words == ["run", "--project", str(project), *asked, "--run-id", told["run_id"]]


def test_a_driver_on_a_standalone_cluster_is_opened_what_spark_looks_into(project, tauro, cluster):
    options = ("--conf", "spark.driver.extraJavaOptions=-Xss4m", "--deploy-mode", "cluster", "--dry-run", "--json")
    command = tauro(*SUBMIT, *STANDALONE, *options).document["command"]
    (given,) = (word for word in command if word.startswith("spark.driver.extraJavaOptions="))
    assert "--add-opens=java.base/sun.util.calendar=ALL-UNNAMED" in given.split()
    assert given.endswith(" -Xss4m")


def test_the_shown_command_can_be_given_to_a_shell(project, tauro, cluster):
    cluster()
    shown = tauro(*SUBMIT, *STANDALONE, "--dry-run").out
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "daily: completed after 1.5 s" in done.stdout


@pytest.mark.parametrize(
    ("how", "fails", "code"),
    [
        ({}, {"clean": "permanent"}, 3),
        ({"cluster": "standalone"}, {"clean": "transient"}, 4),
        ({"cluster": "yarn"}, {"clean": "permanent"}, 3),
        ({"cluster": "kubernetes"}, {}, 0),
    ],
)
def test_the_exit_code_and_the_answer_are_those_of_the_run(project, tauro, cluster, fails, code, how):
    cluster({"fails": fails}, **how)
    called = tauro(*SUBMIT, *deployed(how), "--json")
    assert called.code == code, called.err
    document = called.document
    assert document["status"] == ("failed" if fails else "completed")
    assert len(document["nodes"]) == 5
    if fails:
        assert document["error"]["message"] == "division by zero"
        assert document["resume"].startswith("tauro submit --pipeline daily --start 2025-01-01")
        assert document["resume"].endswith(f"--run-id {document['run_id']}")


def deployed(how: dict) -> list[str]:
    """The options for a kind of cluster."""
    if how.get("cluster") == "kubernetes":
        confs = ("container.image=spark", "file.upload.path=s3a://bucket/up")
        settings = [word for conf in confs for word in ("--conf", f"spark.kubernetes.{conf}")]
        return ["--master", "k8s://https://host:443", "--deploy-mode", "cluster", *settings]
    if how.get("cluster") == "yarn":
        return ["--master", "yarn", "--deploy-mode", "cluster"]
    return [*STANDALONE, "--deploy-mode", "cluster"] if how else [*STANDALONE]


def test_what_the_driver_shows_here_is_shown_as_it_comes_and_its_table_at_the_end(project, tauro, cluster):
    cluster({"prints": True})
    called = tauro(*SUBMIT, *STANDALONE)
    assert called.code == 0
    assert called.out.splitlines()[0].split() == ["node", "status", "attempts", "rows", "duration"]
    assert called.out.splitlines()[-1].startswith("daily, 2025-01-01 .. 2025-01-02: completed, 5 of 5 nodes done")
    assert "printed by a node" in called.err
    assert "clean: completed after 0.2 s, 1,234 rows" in called.err


def test_what_a_driver_elsewhere_said_at_last_comes_with_its_failure(project, tauro, cluster):
    cluster({"fails": {"clean": "permanent"}}, cluster="standalone")
    called = tauro(*SUBMIT, *deployed({"cluster": "standalone"}))
    assert called.code == 3
    assert "driver-17-0001: running" in called.err
    assert "ZeroDivisionError: division by zero" in called.err
    assert called.err.splitlines()[-1].startswith("  tauro submit --pipeline daily")


@pytest.mark.parametrize("name", ["yarn", "kubernetes"])
def test_without_a_folder_that_both_see_the_cluster_tells_the_exit_code(project, tauro, cluster, name):
    how = {"cluster": name}
    cluster({"fails": {"clean": "transient"}}, **how, blind=True)
    called = tauro(*SUBMIT, *deployed(how))
    assert called.code == 4
    assert "error: the driver ended with exit code 4" in called.err
    where = {"yarn": "yarn logs -applicationId application_17_0001", "kubernetes": "--namespace jobs shop-driver"}
    assert where[name] in called.err


@pytest.mark.parametrize(
    ("name", "words"), [("kubernetes", "killed by SIGKILL"), ("standalone", "failed\n"), ("yarn", "killed by SIGKILL")]
)
def test_a_driver_that_is_killed_ends_with_4_and_the_way_on(project, tauro, cluster, name, words):
    cluster(cluster=name, dies=True)
    called = tauro(*SUBMIT, *deployed({"cluster": name}))
    assert called.code == 4
    assert f"error: the driver has died: {words}" in called.err
    assert called.err.splitlines()[-1].startswith("  tauro submit --pipeline daily")


def test_a_submission_that_fails_tells_what_spark_said(project, tauro, cluster):
    cluster(fails="Exception in thread main: no such host\n\tat a.b(C.scala:1)")
    called = tauro(*SUBMIT, *STANDALONE)
    assert called.code == 3
    assert "error: spark-submit ended without the driver's word on the run: exit code 1" in called.err
    assert "Exception in thread main: no such host" in called.err
    assert "at a.b" not in called.err


@pytest.fixture(params=[{}])
def waiting(cluster, request) -> Iterator[subprocess.Popen[str]]:
    """A submission whose run waits to be stopped."""
    cluster({"waits_in": "clean"}, **request.param)
    program = "import sys; from tauro.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, *SUBMIT, *deployed(request.param), "--json", "--verbose"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip() == "waiting":
                break
        yield process


@pytest.mark.parametrize(
    "waiting", [{}, {"cluster": "standalone", "shows": True}], indirect=True, ids=["here", "there"]
)
def test_ctrl_c_stops_the_run_as_in_tauro_run(project, waiting):
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130, err
    assert json.loads(out)["status"] == "cancelled"
    assert "interrupted by SIGINT" in err


def test_a_driver_here_stops_once_its_submitter_is_gone(project, waiting, tmp_path):
    (told,) = (tmp_path / "cache" / "submits").glob("*.driver.json")
    waiting.kill()
    ended = told.with_name(told.name.replace(".driver.", ".outcome."))
    until = time.monotonic() + 30
    while not ended.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert json.loads(ended.read_text())["exit_code"] == 130


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "nothing says which cluster"),
        (("--master", "local[2]", "--deploy-mode", "cluster"), "a local master has no cluster"),
        ((*STANDALONE, "--pack", "none.tar.gz"), "there is no archive none.tar.gz"),
        (("--master", "mesos://x"), "unknown master 'mesos://x'"),
        ((*STANDALONE, "--conf", "x"), "'x' is not key=value"),
        ((*STANDALONE, "--conf", "spark.jars.packages=io.delta:delta-spark_2.12:3.2.0"), "is made for Spark 3.5"),
    ],
)
def test_what_can_not_work_is_told_at_once(project, tauro, cluster, options, words):
    called = tauro(*SUBMIT, *options)
    assert called.code in (2, 3)
    assert words in called.err


def test_a_mistake_in_the_project_is_told_before_anything_is_submitted(project, tauro, cluster):
    cluster(fails="not reached")
    (project / "cli_project_jobs.py").write_text("def extract(orders):\n    return orders\n")
    called = tauro(*SUBMIT, *STANDALONE)
    assert called.code == 2
    assert "has no attribute 'clean'" in called.err
    assert "not reached" not in called.err
