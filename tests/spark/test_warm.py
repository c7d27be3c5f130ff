"""Nothing of one run is there for the next in a warm JVM: a kind of leak each, on real Spark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tauro.launch.processes import Process, is_running
from tests.support.warm import WarmProject

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, spark_jars: str) -> Iterator[WarmProject]:
    folder = tmp_path_factory.mktemp("warm")
    project = WarmProject(folder / "project", folder / "runtime", spark_jars)
    yield project
    project.stop()


def test_a_later_run_takes_the_same_jvm_with_a_new_context(project: WarmProject) -> None:
    tells = "tell(app=spark.sparkContext.applicationId, python=os.getpid(), rows=spark.range(3).count())"
    first, second = project.run(tells), project.run(tells)
    assert first["pid"] == second["pid"]
    assert first["app"] != second["app"]
    assert second["rows"] == 3


def test_settings_stay_with_their_run(project: WarmProject) -> None:
    first = project.run(
        """
        spark.conf.set("spark.sql.shuffle.partitions", "7")
        jvm.System.setProperty("spark.sql.session.timeZone", "Asia/Tokyo")
        jvm.System.setProperty("a.property", "of the run")
        jvm.System.clearProperty("java.io.tmpdir")
        tell(ansi=spark.conf.get("spark.sql.ansi.enabled"), own=spark.conf.get("spark.sql.own"))
        """,
        spark_config={"spark.sql.ansi.enabled": "false", "spark.sql.own": "1"},
    )
    second = project.run(
        """
        conf = spark.sparkContext.getConf()
        tell(ansi=spark.conf.get("spark.sql.ansi.enabled"), own=conf.contains("spark.sql.own"),
             partitions=spark.conf.get("spark.sql.shuffle.partitions"),
             zone=spark.conf.get("spark.sql.session.timeZone"),
             property=jvm.System.getProperty("a.property"), folder=jvm.System.getProperty("java.io.tmpdir"))
        """
    )
    assert (first["ansi"], first["own"]) == ("false", "1")
    assert second["pid"] == first["pid"]
    assert (second["ansi"], second["own"], second["zone"]) == ("true", False, "UTC")
    assert second["partitions"] != "7"
    assert second["property"] is None
    assert second["folder"] == "/tmp"


def test_the_session_is_what_it_is_in_a_cold_jvm(project: WarmProject) -> None:
    program = """
        properties = {str(k): str(v) for k, v in jvm.System.getProperties().items() if str(k).startswith("spark.")}
        tell(conf=dict(spark.sparkContext.getConf().getAll()), properties=properties)
        """
    warm = project.run(program)
    cold = project.run(program, warm=False)
    assert warm["pid"] != cold["pid"]
    changes = {"spark.app.id", "spark.app.startTime", "spark.app.submitTime", "spark.driver.port"}
    for kind in ("conf", "properties"):
        warm_ones = {name: value for name, value in warm[kind].items() if name not in changes}
        cold_ones = {name: value for name, value in cold[kind].items() if name not in changes}
        for name in ("spark.app.initial.jar.urls", "spark.repl.class.uri"):  # with the driver's port
            warm_ones.pop(name, None), cold_ones.pop(name, None)
        assert warm_ones == cold_ones


def test_views_functions_and_cached_frames_stay_with_their_run(project: WarmProject) -> None:
    first = project.run(
        """
        spark.range(1).createOrReplaceTempView("a_view")
        spark.range(1).createGlobalTempView("a_global_view")
        spark.udf.register("a_function", lambda n: n + 1, "long")
        spark.sql("SET spark.own = 1")
        spark.range(5).cache().count()
        tell(cached=len(spark.sparkContext._jsc.getPersistentRDDs()), sum=spark.sql("select a_function(1)").first()[0])
        """
    )
    assert (first["cached"], first["sum"]) == (1, 2)
    second = project.run(
        """
        tell(view=spark.catalog.tableExists("a_view"),
             global_view=spark.catalog.tableExists("global_temp.a_global_view"),
             function=spark.catalog.functionExists("a_function"),
             cached=len(spark.sparkContext._jsc.getPersistentRDDs()),
             plans=spark._jsparkSession.sharedState().cacheManager().isEmpty())
        """
    )
    assert second["pid"] == first["pid"]
    assert (second["view"], second["global_view"], second["function"]) == (False, False, False)
    assert (second["cached"], second["plans"]) == (0, True)


def test_a_delta_table_is_read_from_disk_and_not_from_an_earlier_runs_cache(project: WarmProject) -> None:
    first = project.run(
        """
        spark.range(5).write.format("delta").save("one")
        spark.range(7).write.format("delta").save("other")
        tell(rows=spark.read.format("delta").load("one").count())
        """
    )
    shutil.rmtree(project.root / "one")
    (project.root / "other").rename(project.root / "one")
    second = project.run('tell(rows=spark.read.format("delta").load("one").count())')
    assert (first["rows"], second["rows"]) == (5, 7)
    assert second["pid"] == first["pid"]


def test_file_systems_and_users_of_hadoop_stay_with_their_run(project: WarmProject) -> None:
    tells = """
        hadoop = jvm.org.apache.hadoop
        there = hadoop.fs.FileSystem.get(hadoop.fs.Path("file:///").toUri(), spark._jsc.hadoopConfiguration())
        users = hadoop.security.UserGroupInformation
        tell(file_system=jvm.System.identityHashCode(there), user=users.getLoginUser().getShortUserName())
        """
    first = project.run(tells + '\n        users.setLoginUser(users.createRemoteUser("somebody"))')
    second = project.run(tells)
    assert second["pid"] == first["pid"]
    assert second["file_system"] != first["file_system"]
    assert second["user"] == first["user"]


def test_log_levels_time_zone_and_language_stay_with_their_run(project: WarmProject) -> None:
    tells = """
        level = lambda name: jvm.org.apache.logging.log4j.LogManager.getLogger(name).getLevel().toString()
        tell(level=level(""), own=level("a.logger"), zone=jvm.java.util.TimeZone.getDefault().getID(),
             language=jvm.java.util.Locale.getDefault().toLanguageTag())
        """
    first = project.run(tells)
    project.run(
        """
        spark.sparkContext.setLogLevel("FATAL")
        log4j = jvm.org.apache.logging.log4j
        log4j.core.config.Configurator.setLevel("a.logger", log4j.Level.TRACE)
        jvm.java.util.TimeZone.setDefault(jvm.java.util.TimeZone.getTimeZone("Asia/Tokyo"))
        jvm.java.util.Locale.setDefault(jvm.java.util.Locale.JAPAN)
        tell()
        """
    )
    second = project.run(tells)
    names = ("pid", "level", "own", "zone", "language")
    assert {name: second[name] for name in names} == {name: first[name] for name in names}
    assert first["level"] == "ERROR"


def test_temporary_folders_are_gone_when_a_run_is_over(project: WarmProject) -> None:
    first = project.run(
        """
        local = getattr(jvm.org.apache.spark.util, "Utils$")
        root = getattr(local, "MODULE$").getLocalDir(spark.sparkContext._jsc.sc().conf())
        tell(root=root, python=spark.sparkContext._temp_dir)
        """,
        spark_config={"spark.local.dir": str(project.root)},
    )
    assert first["root"].startswith(str(project.root))
    assert not os.path.exists(first["root"])
    assert not os.path.exists(first["python"])
    left = [name for name in os.listdir(project.root) if name.startswith(("spark-", "blockmgr-"))]
    assert set(left) <= {"spark-warehouse"}
    second = project.run("tell(python=spark.sparkContext._temp_dir, rows=spark.range(3).repartition(2).count())")
    assert not second["python"].startswith(str(project.root))
    assert second["rows"] == 3


def test_python_workers_are_new_and_run_the_code_on_disk(project: WarmProject) -> None:
    tells = """
        import own
        from pyspark.sql.functions import udf
        def told(_):
            import os, own
            return f"{own.VALUE} {os.getppid()} {os.environ.get('OWN')}"
        tell(told=spark.range(1).select(udf(told)("id")).first()[0].split())
        """
    (project.root / "own.py").write_text("VALUE = 1\n")
    path = {"PYTHONPATH": str(project.root), "PYTHONDONTWRITEBYTECODE": "1"}
    first = project.run(tells, environment=path)
    (project.root / "own.py").write_text("VALUE = 22\n")
    second = project.run(tells, environment=path)
    assert second["pid"] == first["pid"]
    assert (first["told"][0], second["told"][0]) == ("1", "22")
    assert is_running(Process(int(first["told"][1]))) is False


def test_an_environment_variable_that_changed_means_a_new_jvm(project: WarmProject) -> None:
    tells = 'tell(own=jvm.System.getenv("OWN"), memory=jvm.Runtime.getRuntime().maxMemory())'
    first = project.run(tells)
    second = project.run(tells, environment={"OWN": "1"})
    third = project.run(tells, environment={"OWN": "1", "SHLVL": "7"})
    assert (first["own"], second["own"]) == (None, "1")
    assert first["pid"] != second["pid"] == third["pid"]
    assert "the variable OWN" in second["stderr"]
    assert is_running(Process(first["pid"])) is False
    fourth = project.run(tells, environment={"OWN": "1"}, spark_config={"spark.driver.memory": "1500m"})
    assert fourth["memory"] > third["memory"]
    assert "the setting spark.driver.memory" in fourth["stderr"]


def test_the_catalog_is_open_to_others_while_no_run_is_in_the_jvm(project: WarmProject) -> None:
    project.outputs["t"] = {"format": "table", "table": "t", "options": {"provider": "parquet"}}
    try:
        first = project.run('spark.range(3).write.saveAsTable("t"); tell()')
        cold = project.run('tell(rows=spark.table("t").count())', warm=False)
        second = project.run(
            'spark.range(4).write.mode("append").saveAsTable("t"); tell(rows=spark.table("t").count())'
        )
    finally:
        del project.outputs["t"]
    assert second["pid"] == first["pid"] != cold["pid"]
    assert (cold["rows"], second["rows"]) == (3, 7)


def test_old_objects_and_names_of_python_are_let_go(project: WarmProject) -> None:
    first = project.run(
        """
        from py4j.java_gateway import java_import
        java_import(jvm, "java.util.zip.*")
        kept = [jvm.java.util.ArrayList() for _ in range(500)]
        tell()
        """
    )
    second = project.run(
        """
        from py4j.java_gateway import JavaObject
        server = JavaObject("GATEWAY_SERVER", spark.sparkContext._gateway._gateway_client)
        tell(objects=server.getGateway().getBindings().size(), known=callable(jvm.Adler32))
        """
    )
    assert second["pid"] == first["pid"]
    assert second["objects"] < 300
    assert second["known"] is False
