"""Nothing of one run is there for the next in a warm JVM: a kind of leak each, on real Spark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tauro.launch.processes import Process, is_running
from tests.support.warm import WarmProject

pytestmark = pytest.mark.spark

Told = dict[str, Any]  # Any: whatever JSON holds

LOOKS = """
from py4j.java_gateway import JavaObject, java_import
from pyspark.sql.functions import udf

server = JavaObject("GATEWAY_SERVER", spark.sparkContext._gateway._gateway_client)
log4j, hadoop = jvm.org.apache.logging.log4j, jvm.org.apache.hadoop
users = hadoop.security.UserGroupInformation

def told_by_a_worker(_):
    import os, own
    return f"{own.VALUE} {os.getppid()}"

def level(name):
    return log4j.LogManager.getLogger(name).getLevel().toString()

def looks():
    others = ("a.property", "java.io.tmpdir")
    properties = {str(k): str(v) for k, v in jvm.System.getProperties().items()}
    there = hadoop.fs.FileSystem.get(hadoop.fs.Path("file:///").toUri(), spark._jsc.hadoopConfiguration())
    return dict(
        objects=server.getGateway().getBindings().size(),
        known=callable(jvm.Adler32),
        conf=dict(spark.sparkContext.getConf().getAll()),
        properties={k: v for k, v in properties.items() if k.startswith("spark.") or k in others},
        app=spark.sparkContext.applicationId,
        ansi=spark.conf.get("spark.sql.ansi.enabled"),
        partitions=spark.conf.get("spark.sql.shuffle.partitions"),
        session_zone=spark.conf.get("spark.sql.session.timeZone"),
        set_in_sql=spark.conf.get("spark.set.in.sql", None),
        file_system=jvm.System.identityHashCode(there),
        user=users.getLoginUser().getShortUserName(),
        level=level(""),
        own_level=level("a.logger"),
        zone=jvm.java.util.TimeZone.getDefault().getID(),
        language=jvm.java.util.Locale.getDefault().toLanguageTag(),
        python_folder=spark.sparkContext._temp_dir,
        view=spark.catalog.tableExists("a_view"),
        global_view=spark.catalog.tableExists("global_temp.a_global_view"),
        function=spark.catalog.functionExists("a_function"),
        cached=len(spark.sparkContext._jsc.getPersistentRDDs()),
        no_plans=spark._jsparkSession.sharedState().cacheManager().isEmpty(),
        variable=jvm.System.getenv("OWN"),
        memory=jvm.Runtime.getRuntime().maxMemory(),
    )
"""

WORKER = 'worker=spark.range(1).repartition(2).select(udf(told_by_a_worker)("id")).first()[0].split()'

LEAVES = f"""
found = looks()

spark.range(3).write.saveAsTable("t")
spark.range(5).write.format("delta").save("one")
spark.range(7).write.format("delta").save("other")
spark.range(1).createOrReplaceTempView("a_view")
spark.range(1).createGlobalTempView("a_global_view")
spark.udf.register("a_function", lambda n: n + 1, "long")
spark.sql("SET spark.set.in.sql = 1")
spark.range(5).cache().count()
java_import(jvm, "java.util.zip.*")
kept = [jvm.java.util.ArrayList() for _ in range(500)]
utils = getattr(getattr(jvm.org.apache.spark.util, "Utils$"), "MODULE$")
local = utils.getLocalDir(spark.sparkContext._jsc.sc().conf())
there = dict(
    view=spark.catalog.tableExists("a_view"),
    global_view=spark.catalog.tableExists("global_temp.a_global_view"),
    sum=spark.sql("select a_function(1)").first()[0],
    cached=len(spark.sparkContext._jsc.getPersistentRDDs()),
    known=callable(jvm.Adler32),
    objects=server.getGateway().getBindings().size(),
    delta_rows=spark.read.format("delta").load("one").count(),
    {WORKER},
)

spark.conf.set("spark.sql.shuffle.partitions", "7")
jvm.System.setProperty("spark.sql.session.timeZone", "Asia/Tokyo")
jvm.System.setProperty("a.property", "of the run")
spark.sparkContext.setLogLevel("FATAL")
log4j.core.config.Configurator.setLevel("a.logger", log4j.Level.TRACE)
jvm.java.util.TimeZone.setDefault(jvm.java.util.TimeZone.getTimeZone("Asia/Tokyo"))
jvm.java.util.Locale.setDefault(jvm.java.util.Locale.JAPAN)
users.setLoginUser(users.createRemoteUser("somebody"))
jvm.System.clearProperty("java.io.tmpdir")
tell(found=found, there=there, local=local, own=spark.conf.get("spark.sql.own"))
"""

FINDS = f"""
found = looks()
spark.range(4).write.mode("append").saveAsTable("t")
tell(
    found=found,
    rows=spark.range(3).repartition(2).count(),
    table_rows=spark.table("t").count(),
    delta_rows=spark.read.format("delta").load("one").count(),
    {WORKER},
)
"""


@dataclass(frozen=True, slots=True)
class Runs:
    """What a few runs of one project told, in their order."""

    first: Told
    """It left behind what it could."""
    left: list[str]
    """The names in the project's folder after it."""
    left_folders: list[str]
    """Those of its temporary folders that were there after it."""
    cold: Told
    second: Told
    """In the JVM of the first."""
    other: Told
    """With another environment, and more memory."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, spark_jars: str) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("warm")
    outputs = {
        "x": {"format": "delta", "path": "out/x"},
        "t": {"format": "table", "table": "t", "options": {"provider": "parquet"}},
    }
    project = WarmProject(folder / "project", folder / "runtime", spark_jars, outputs)
    try:
        yield _runs_of(project, project.root)
    finally:
        project.stop()


def _runs_of(project: WarmProject, root: Path) -> Runs:
    (root / "own.py").write_text("VALUE = 1\n")
    path = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    leaving = {"spark.sql.ansi.enabled": "false", "spark.sql.own": "1", "spark.local.dir": str(root)}
    first = project.run(LOOKS + LEAVES, environment=path, spark_config=leaving)
    left = os.listdir(root)
    folders = [name for name in (first["local"], first["found"]["python_folder"]) if os.path.exists(name)]
    cold = project.run(LOOKS + 'tell(found=looks(), table_rows=spark.table("t").count())', environment=path, warm=False)
    shutil.rmtree(root / "one")
    (root / "other").rename(root / "one")
    (root / "own.py").write_text("VALUE = 22\n")
    second = project.run(LOOKS + FINDS, environment={**path, "SHLVL": "7"})
    other = project.run(
        'tell(variable=jvm.System.getenv("OWN"), memory=jvm.Runtime.getRuntime().maxMemory())',
        environment={**path, "OWN": "1"},
        spark_config={"spark.driver.memory": "1500m"},
    )
    return Runs(first, left, folders, cold, second, other)


def test_a_later_run_takes_the_same_jvm_with_a_new_context(runs: Runs) -> None:
    assert runs.second["pid"] == runs.first["pid"] != runs.cold["pid"]
    assert runs.second["found"]["app"] != runs.first["found"]["app"]
    assert runs.second["rows"] == 3


def test_settings_stay_with_their_run(runs: Runs) -> None:
    first, second = runs.first["found"], runs.second["found"]
    assert (first["ansi"], runs.first["own"]) == ("false", "1")
    assert (second["ansi"], second["session_zone"], second["set_in_sql"]) == ("true", "UTC", None)
    assert "spark.sql.own" not in second["conf"]
    assert second["partitions"] == first["partitions"] != "7"


def test_system_properties_stay_with_their_run(runs: Runs) -> None:
    properties = runs.second["found"]["properties"]
    assert "a.property" not in properties
    assert properties["java.io.tmpdir"] == "/tmp"


def test_the_session_is_what_it_is_in_a_cold_jvm(runs: Runs) -> None:
    changes = {"spark.app.id", "spark.app.startTime", "spark.app.submitTime", "spark.driver.port"}
    changes |= {"spark.app.initial.jar.urls", "spark.repl.class.uri"}  # with the driver's port
    for kind in ("conf", "properties"):
        warm, cold = runs.second["found"][kind], runs.cold["found"][kind]
        assert {n: v for n, v in warm.items() if n not in changes} == {
            n: v for n, v in cold.items() if n not in changes
        }


def test_views_and_functions_stay_with_their_run(runs: Runs) -> None:
    there, second = runs.first["there"], runs.second["found"]
    assert (there["view"], there["global_view"], there["sum"]) == (True, True, 2)
    assert (second["view"], second["global_view"], second["function"]) == (False, False, False)


def test_cached_frames_stay_with_their_run(runs: Runs) -> None:
    assert runs.first["there"]["cached"] == 1
    assert (runs.second["found"]["cached"], runs.second["found"]["no_plans"]) == (0, True)


def test_a_delta_table_is_read_from_disk_and_not_from_an_earlier_runs_cache(runs: Runs) -> None:
    assert (runs.first["there"]["delta_rows"], runs.second["delta_rows"]) == (5, 7)


def test_file_systems_and_users_of_hadoop_stay_with_their_run(runs: Runs) -> None:
    first, second = runs.first["found"], runs.second["found"]
    assert second["file_system"] != first["file_system"]
    assert second["user"] == first["user"]


def test_log_levels_time_zone_and_language_stay_with_their_run(runs: Runs) -> None:
    first, second = runs.first["found"], runs.second["found"]
    names = ("level", "own_level", "zone", "language")
    assert {name: second[name] for name in names} == {name: first[name] for name in names}
    assert first["level"] == "ERROR"


def test_temporary_folders_are_gone_when_a_run_is_over(runs: Runs) -> None:
    project = os.path.dirname(runs.first["local"])
    assert runs.first["found"]["conf"]["spark.local.dir"] == project
    assert runs.left_folders == []
    assert {name for name in runs.left if name.startswith(("spark-", "blockmgr-"))} <= {"spark-warehouse"}
    assert not runs.second["found"]["python_folder"].startswith(project)


def test_python_workers_are_new_and_run_the_code_on_disk(runs: Runs) -> None:
    (before, daemon), (after, _) = runs.first["there"]["worker"], runs.second["worker"]
    assert (before, after) == ("1", "22")
    assert is_running(Process(int(daemon))) is False


def test_another_environment_and_a_setting_that_counts_once_mean_a_new_jvm(runs: Runs) -> None:
    second, other = runs.second, runs.other
    assert (second["found"]["variable"], other["variable"]) == (None, "1")
    assert other["memory"] > second["found"]["memory"]
    assert other["pid"] != second["pid"]
    assert "the variable OWN" in other["stderr"]
    assert "the setting spark.driver.memory" in other["stderr"]
    assert is_running(Process(second["pid"])) is False


def test_the_catalog_is_open_to_others_while_no_run_is_in_the_jvm(runs: Runs) -> None:
    assert (runs.cold["table_rows"], runs.second["table_rows"]) == (3, 7)


def test_old_objects_and_names_of_python_are_let_go(runs: Runs) -> None:
    there, second = runs.first["there"], runs.second["found"]
    assert there["objects"] >= 500
    assert second["objects"] < 300
    assert (there["known"], second["known"]) == (True, False)
