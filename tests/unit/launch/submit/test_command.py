"""The call of `spark-submit`, and what is refused before it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauro.errors import InvalidValueError, TauroError, UnknownNameError, UnsupportedError
from tauro.launch.submit.command import (
    DeployMode,
    Manager,
    Submission,
    check_deploy_mode,
    kill_command,
    manager_of,
    settings_of_deployment,
    submit_command,
)

IMAGE = {"spark.kubernetes.container.image": "spark"}
UPLOAD = {"spark.kubernetes.file.upload.path": "s3a://bucket/up"}


def test_the_command_has_every_part_in_its_place() -> None:
    submission = Submission(
        master="yarn",
        deploy_mode=DeployMode.CLUSTER,
        settings={"spark.b": "2", "spark.a": "1 x"},
        driver=Path("/t/driver.py"),
        words=("--", "run"),
        py_files=("a.zip", "b.zip"),
        archives=("p.zip#project",),
    )
    assert submit_command(Path("/spark"), submission) == [
        *("/spark/bin/spark-submit", "--master", "yarn", "--deploy-mode", "cluster"),
        *("--conf", "spark.a=1 x", "--conf", "spark.b=2"),
        *("--py-files", "a.zip,b.zip", "--archives", "p.zip#project", "/t/driver.py", "--", "run"),
    ]


def test_a_standalone_cluster_is_sent_a_bundle_that_sparks_own_runner_runs() -> None:
    submission = Submission(
        master="spark://h:7077",
        deploy_mode=DeployMode.CLUSTER,
        settings={},
        driver=Path("/c/d.jar"),
        words=("--", "run"),
    )
    assert submit_command(Path("/spark"), submission) == [
        *("/spark/bin/spark-submit", "--master", "spark://h:7077", "--deploy-mode", "cluster", "--verbose"),
        *("--class", "org.apache.spark.deploy.PythonRunner", "/c/d.jar", "d.jar", "", "--", "run"),
    ]


@pytest.mark.parametrize(
    ("master", "manager"),
    [
        ("local[2]", Manager.LOCAL),
        ("spark://host:7077", Manager.STANDALONE),
        ("yarn", Manager.YARN),
        ("k8s://https://host:443", Manager.KUBERNETES),
    ],
)
def test_the_master_tells_the_manager(master: str, manager: Manager) -> None:
    assert manager_of(master) is manager


def test_what_is_no_master_is_an_error_that_lists_some() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown master 'mesos://x'; known: spark://HOST:7077, yarn"):
        manager_of("mesos://x")


@pytest.mark.parametrize(
    ("manager", "settings", "output", "kind", "words"),
    [
        (Manager.STANDALONE, {}, "out", InvalidValueError, "the outputs would go to 'out'"),
        (Manager.STANDALONE, {"spark.driver.supervise": "true"}, "/o", InvalidValueError, "again and again"),
        (Manager.STANDALONE, {"spark.submit.pyFiles": "a.py"}, "/o", UnsupportedError, "no other files"),
        (Manager.LOCAL, {}, "/out", UnsupportedError, "a local master has no cluster"),
        (Manager.YARN, {}, "out", InvalidValueError, "the outputs would go to 'out'"),
        (Manager.YARN, {"spark.yarn.submit.waitAppCompletion": "false"}, "/o", InvalidValueError, "nobody would learn"),
        (Manager.KUBERNETES, UPLOAD, "/out", InvalidValueError, "an image"),
        (Manager.KUBERNETES, IMAGE, "/out", InvalidValueError, "can't reach a driver on Kubernetes"),
    ],
)
def test_what_can_not_work_on_the_cluster_is_refused(
    manager: Manager, settings: dict[str, str], output: str, kind: type[TauroError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        check_deploy_mode(manager, DeployMode.CLUSTER, settings, output, outcomes=Path("/shared"))
    assert caught.value.fix


def test_a_standalone_cluster_needs_a_place_for_the_outcome_and_takes_no_environment_along() -> None:
    with pytest.raises(InvalidValueError, match="tells nobody how its driver ended"):
        check_deploy_mode(Manager.STANDALONE, DeployMode.CLUSTER, {}, "s3a://bucket/out")
    with pytest.raises(UnsupportedError, match="when the driver's Python has started"):
        check_deploy_mode(Manager.STANDALONE, DeployMode.CLUSTER, {}, "/out", outcomes=Path("/shared"), is_packed=True)


@pytest.mark.parametrize(
    ("manager", "mode", "settings", "output"),
    [
        (Manager.STANDALONE, DeployMode.CLIENT, {}, "out"),
        (Manager.STANDALONE, DeployMode.CLUSTER, {}, "/out"),
        (Manager.YARN, DeployMode.CLUSTER, {}, "/out"),
        (Manager.YARN, DeployMode.CLUSTER, {}, "s3a://bucket/out"),
        (Manager.KUBERNETES, DeployMode.CLUSTER, IMAGE | UPLOAD, None),
    ],
)
def test_all_else_is_let_through(manager: Manager, mode: DeployMode, settings: dict[str, str], output: str) -> None:
    check_deploy_mode(manager, mode, settings, output, outcomes=Path("/shared"))


def test_a_driver_here_and_executors_have_the_python_that_runs() -> None:
    found = dict(settings_of_deployment(Manager.YARN, DeployMode.CLIENT, {}, python="/py", is_packed=False))
    assert found == {"spark.pyspark.python": "/py", "spark.pyspark.driver.python": "/py"}


def test_what_the_user_names_stays() -> None:
    given = {"spark.pyspark.python": "/x", "spark.pyspark.driver.python": "/y", "spark.yarn.maxAppAttempts": "3"}
    for mode in DeployMode:
        assert dict(settings_of_deployment(Manager.YARN, mode, given, python="/py", is_packed=False)) == {}


def test_a_packed_environment_is_what_processes_on_the_cluster_run() -> None:
    there = dict(settings_of_deployment(Manager.YARN, DeployMode.CLUSTER, {}, python="/py", is_packed=True))
    assert there == {"spark.pyspark.python": "./environment/bin/python", "spark.yarn.maxAppAttempts": "1"}
    here = dict(settings_of_deployment(Manager.STANDALONE, DeployMode.CLIENT, {}, python="/py", is_packed=True))
    assert here == {"spark.pyspark.python": "./environment/bin/python", "spark.pyspark.driver.python": "/py"}


def test_a_driver_on_a_standalone_cluster_has_the_python_of_its_executors_and_is_waited_for() -> None:
    cluster = (Manager.STANDALONE, DeployMode.CLUSTER)
    waits = {"spark.standalone.submit.waitAppCompletion": "true"}
    found = dict(settings_of_deployment(*cluster, {}, python="/py", is_packed=False))
    assert found == {"spark.pyspark.python": "/py", "spark.pyspark.driver.python": "/py", **waits}
    found = dict(settings_of_deployment(*cluster, {"spark.pyspark.python": "/x"}, python="/py", is_packed=False))
    assert found == {"spark.pyspark.driver.python": "/x", **waits}


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        (Manager.YARN, "yarn application -kill ID"),
        (Manager.STANDALONE, "/s/bin/spark-class org.apache.spark.deploy.Client kill MASTER ID"),
        (Manager.KUBERNETES, "/s/bin/spark-submit --master MASTER --kill ID"),
    ],
)
def test_each_cluster_has_its_own_way_to_end_a_driver(manager: Manager, command: str) -> None:
    assert " ".join(kill_command(Path("/s"), manager, "MASTER", "ID")) == command
