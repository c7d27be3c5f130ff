"""The call of `spark-submit` that runs a pipeline on a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tauro.errors import InvalidValueError, UnknownNameError, UnsupportedError
from tauro.launch.java_options import names_this_machine

PYTHON_RUNNER = "org.apache.spark.deploy.PythonRunner"
"""What runs Python drivers in all of Spark. A standalone cluster takes it as the main class of an application in a jar,
whereas `spark-submit` itself refuses to send it a Python script."""

ENVIRONMENT = "environment"
"""The folder that a packed environment is unpacked to, in the working directory of every process."""


class Manager(StrEnum):
    """Who shares a cluster's machines out."""

    LOCAL = "local"
    STANDALONE = "standalone"
    YARN = "yarn"
    KUBERNETES = "kubernetes"


class DeployMode(StrEnum):
    """Where the driver runs."""

    CLIENT = "client"
    """Beside whoever submits."""
    CLUSTER = "cluster"
    """On the cluster."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that `spark-submit` is told."""

    master: str
    deploy_mode: DeployMode
    settings: Mapping[str, str]
    """Without what the other fields say."""
    driver: Path
    """The script that runs, or the bundle of one that a standalone cluster carries to its driver."""
    words: tuple[str, ...]
    """Its arguments."""
    py_files: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    """`file#folder`."""

    @property
    def is_bundle(self) -> bool:
        """Whether the driver is a bundle."""
        return self.driver.suffix == ".jar"


def manager_of(master: str) -> Manager:
    """Who is behind a master's URL.

    Raises:
        UnknownNameError: Spark knows no such master.
    """
    if names_this_machine(master):
        return Manager.LOCAL
    for start, manager in (
        ("spark://", Manager.STANDALONE),
        ("yarn", Manager.YARN),
        ("k8s://", Manager.KUBERNETES),
    ):
        if master.startswith(start):
            return manager
    raise UnknownNameError(
        "master", master, ["spark://HOST:7077", "yarn", "k8s://https://HOST:443", "local[*]"], where="spark.master"
    )


def submit_command(spark_home: Path, submission: Submission) -> list[str]:
    """The words of the call, for a shell without quoting.

    Args:
        spark_home: the installed Spark's folder.
        submission: what it is told.
    """
    words = [str(spark_home / "bin" / "spark-submit"), "--master", submission.master]
    words += ["--deploy-mode", submission.deploy_mode.value]
    for name, value in sorted(submission.settings.items()):
        words += ["--conf", f"{name}={value}"]
    for option, items in (("--py-files", submission.py_files), ("--archives", submission.archives)):
        if items:
            words += [option, ",".join(items)]
    if not submission.is_bundle:
        return [*words, str(submission.driver), *submission.words]
    # without --verbose it does not tell what becomes of the driver; the empty word stands for no --py-files
    words += ["--verbose", "--class", PYTHON_RUNNER, str(submission.driver)]
    return [*words, submission.driver.name, "", *submission.words]


def check_deploy_mode(
    manager: Manager,
    mode: DeployMode,
    settings: Mapping[str, str],
    output_path: str | None,
    *,
    outcomes: Path | None = None,
    is_packed: bool = False,
) -> None:
    """Refuses at once what Spark, or nobody, could do.

    Args:
        manager: of the cluster.
        mode: where the driver is to run.
        settings: those of the session.
        output_path: where the project's outputs go.
        outcomes: the folder for the outcome, where driver and submitter both see one.
        is_packed: whether an environment is taken along.

    Raises:
        UnsupportedError: Spark does not do that.
        InvalidValueError: a setting is missing that it takes, or is wrong for it.
    """
    if manager is Manager.KUBERNETES and "spark.kubernetes.container.image" not in settings:
        raise InvalidValueError(
            "Kubernetes needs an image to run",
            where="spark.kubernetes.container.image",
            fix="--conf spark.kubernetes.container.image=NAME: one with Spark, and a Python with Tauro's dependencies",
        )
    if mode is DeployMode.CLIENT:
        return
    if manager is Manager.LOCAL:
        raise UnsupportedError(
            "a local master has no cluster for the driver to run on",
            where="--deploy-mode",
            fix="--deploy-mode client: the driver runs here",
        )
    if manager is Manager.STANDALONE:
        _check_standalone(settings, outcomes=outcomes, is_packed=is_packed)
    if manager is Manager.KUBERNETES and "spark.kubernetes.file.upload.path" not in settings:
        raise InvalidValueError(
            "the project can't reach a driver on Kubernetes",
            where="spark.kubernetes.file.upload.path",
            fix="--conf spark.kubernetes.file.upload.path=s3a://BUCKET/FOLDER: a place that you and the driver reach",
        )
    wait = _WAITS[manager]
    if settings.get(wait, "true").strip().lower() == "false":
        raise InvalidValueError(f"{wait} is false: nobody would learn how the run ended", where=wait, fix="take it out")
    if output_path is not None and ":" not in output_path and not output_path.startswith("/"):
        raise InvalidValueError(
            f"the outputs would go to {output_path!r} in the driver's working directory, which the cluster removes",
            where="global_settings: output_path",
            fix="give output_path a place that all of the cluster sees: an absolute path, or a URL",
        )


def _check_standalone(settings: Mapping[str, str], *, outcomes: Path | None, is_packed: bool) -> None:
    """What a driver on a standalone cluster lacks: Spark carries one file to it, and tells nobody its exit code."""
    if is_packed:
        raise UnsupportedError(
            "a standalone cluster unpacks an environment only when the driver's Python has started",
            where="--pack",
            fix="install the environment at one path on all machines; or --deploy-mode client",
        )
    if outcomes is None:
        raise InvalidValueError(
            "a standalone cluster tells nobody how its driver ended",
            where="--outcome",
            fix="--outcome FOLDER: one that this machine and the cluster's see at the same path",
        )
    if settings.get("spark.submit.pyFiles"):
        raise UnsupportedError(
            "a standalone cluster carries no other files to its driver than the project's and Tauro's",
            where="spark.submit.pyFiles",
            fix="keep these modules in the project's folder; or --deploy-mode client",
        )
    if settings.get("spark.driver.supervise", "false").strip().lower() == "true":
        raise InvalidValueError(
            "spark.driver.supervise is true: the cluster would start a run that fails again and again",
            where="spark.driver.supervise",
            fix="take it out: what may be retried is said by `retry`",
        )


def settings_of_deployment(
    manager: Manager, mode: DeployMode, settings: Mapping[str, str], *, python: str, is_packed: bool
) -> Iterator[tuple[str, str]]:
    """Settings that a submitted run needs, and that nobody has given: name and value.

    Args:
        manager: of the cluster.
        mode: where the driver runs.
        settings: those of the session.
        python: the Python that runs now.
        is_packed: whether an environment is taken along.
    """
    is_one_python = mode is DeployMode.CLIENT or manager is Manager.STANDALONE
    if "spark.pyspark.python" not in settings and (is_packed or is_one_python):
        # the same path on every machine, or an error that says so
        yield "spark.pyspark.python", f"./{ENVIRONMENT}/bin/python" if is_packed else python
    if mode is DeployMode.CLIENT and "spark.pyspark.driver.python" not in settings:
        yield "spark.pyspark.driver.python", python
    if manager is Manager.YARN and mode is DeployMode.CLUSTER and "spark.yarn.maxAppAttempts" not in settings:
        yield "spark.yarn.maxAppAttempts", "1"  # a run that fails is retried by Tauro, or not at all
    if manager is Manager.STANDALONE and mode is DeployMode.CLUSTER:
        yield _WAITS[manager], "true"  # not so by itself in all versions
        if "spark.pyspark.driver.python" not in settings:
            yield "spark.pyspark.driver.python", settings.get("spark.pyspark.python", python)


def kill_command(spark_home: Path, manager: Manager, master: str, name: str) -> list[str]:
    """The call that has a cluster end a driver that runs there.

    Args:
        spark_home: the installed Spark's folder.
        manager: of the cluster.
        master: its URL.
        name: of the application on YARN, of the driver on a standalone cluster, or `namespace:pod`.
    """
    match manager:
        case Manager.YARN:
            return ["yarn", "application", "-kill", name]
        case Manager.STANDALONE:  # `spark-submit --kill` asks a server that few masters run
            return [str(spark_home / "bin" / "spark-class"), "org.apache.spark.deploy.Client", "kill", master, name]
        case _:
            return [str(spark_home / "bin" / "spark-submit"), "--master", master, "--kill", name]


_WAITS = {
    Manager.STANDALONE: "spark.standalone.submit.waitAppCompletion",
    Manager.YARN: "spark.yarn.submit.waitAppCompletion",
    Manager.KUBERNETES: "spark.kubernetes.submission.waitAppCompletion",
}
