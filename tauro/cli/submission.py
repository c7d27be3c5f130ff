"""What `tauro submit` is going to do, from the options that it got: the command, what goes along, and who is told."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tauro.cli import driver
from tauro.cli.resume import given
from tauro.errors import ConfigError, InvalidValueError, Severity, UnsupportedError
from tauro.launch.bundle import code_bundle, driver_bundle, project_bundle, tauro_bundle
from tauro.launch.cache import cache_folder
from tauro.launch.installed import installed_spark
from tauro.launch.jars.settings import with_fetched_jars, with_stored_jars
from tauro.launch.java import java_environment
from tauro.launch.settings import FROM_ENVIRONMENT, FROM_TAURO, SUBMITTED, Setting, jars_of, listed
from tauro.launch.submit.command import (
    ENVIRONMENT,
    DeployMode,
    Manager,
    Submission,
    check_deploy_mode,
    manager_of,
    settings_of_deployment,
    submit_command,
)
from tauro.launch.submit.module_options import DRIVER_OPTIONS, driver_options
from tauro.launch.submit.packing import packed_environment
from tauro.launch.submit.unpacked import PROJECT
from tauro.model.run_id import new_run_id
from tauro.model.settings import Mode, as_spark_options
from tauro.spark.needs import data_folders, unresolved_settings
from tauro.spark.versions import check_delta, check_spark

if TYPE_CHECKING:
    from tauro.cli.invocation import Invocation
    from tauro.config import Context

_OWN = frozenset({"project", "run_id", "master", "deploy_mode", "conf", "pack", "outcome", "dry_run"})
"""The options that the driver is not given as they are."""
_ELSEWHERE = frozenset({"spark.master", "spark.submit.deployMode", "spark.submit.pyFiles", "spark.archives"})
"""The settings that `spark-submit` has options for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a call of `tauro submit` asks for, beside what the driver is given."""

    pipeline: str
    run_id: str | None
    master: str | None
    is_on_cluster: bool
    """Whether the driver is to run there."""
    conf: Mapping[str, str]
    pack: str | None
    outcome: Path | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that is ready to go."""

    command: list[str]
    environment: Mapping[str, str]
    """The variables of `spark-submit`."""
    own_environment: Mapping[str, str]
    """Those among them that this process does not have."""
    spark_home: Path
    manager: Manager
    mode: DeployMode
    master: str
    run_id: str
    again: str
    """The command that goes on from where the run ends."""
    outcomes: Path | None
    """The folder for the outcome, where driver and submitter both see one; None for one that is yet to be made."""

    def show(self, invocation: Invocation) -> None:
        """Shows the command, for a shell."""
        if invocation.is_json:
            about = {"master": self.master, "deploy_mode": self.mode.value, "run_id": self.run_id}
            invocation.answer({**about, "command": self.command, "environment": dict(self.own_environment)})
            return
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.own_environment.items()]
        lines = [" ".join([*variables, shlex.quote(self.command[0])])]
        for word in self.command[1:]:
            if not word.startswith("-") and lines[-1].startswith("--") and " " not in lines[-1]:
                lines[-1] += f" {shlex.quote(word)}"
            else:
                lines.append(shlex.quote(word))
        invocation.say(" \\\n  ".join(lines))


def prepare(
    ctx: click.Context, context: Context, request: Request, invocation: Invocation, *, is_dry: bool
) -> Prepared:
    """Works the command out, and makes what goes along.

    Args:
        ctx: click's context of the command.
        context: the project.
        request: what is asked for.
        invocation: told of warnings.
        is_dry: whether nothing is fetched or packed that takes long.

    Raises:
        ProjectError: the project, or what is asked for, is wrong.
        SessionError: there is no Spark or no Java, versions do not fit, or something could not be fetched or packed.
    """
    _check_project(context, request, invocation)
    spark = installed_spark()
    settings = _settings(context, request, invocation, is_dry=is_dry)
    master, mode = settings["spark.master"].value, DeployMode.CLUSTER if request.is_on_cluster else DeployMode.CLIENT
    manager = manager_of(master)
    values = {name: setting.value for name, setting in settings.items()}
    outcomes = _outcomes(context, request, mode)
    is_packed = request.pack is not None
    check_deploy_mode(manager, mode, values, context.settings.output_path, outcomes=outcomes, is_packed=is_packed)
    run_id = request.run_id or new_run_id()
    archives = listed(values.get("spark.archives", ""))
    if request.pack is not None:
        archives.append(f"{packed_environment(request.pack, os.environ, makes=not is_dry)}#{ENVIRONMENT}")
    is_bundle = mode is DeployMode.CLUSTER and manager is Manager.STANDALONE
    if mode is DeployMode.CLUSTER and not is_bundle:
        archives.append(f"{project_bundle(context.root, os.environ, data_folders(context))}#{PROJECT}")
    named = {name: one.value for name, one in settings.items() if one.origin != FROM_ENVIRONMENT}
    named |= settings_of_deployment(manager, mode, values, python=sys.executable, is_packed=is_packed)
    if is_bundle:
        named[DRIVER_OPTIONS] = driver_options(values)
    again = shlex.join(
        ["tauro", "submit", *given(ctx, lambda name: name not in ("dry_run", "run_id")), "--run-id", run_id]
    )
    submission = Submission(
        master=master,
        deploy_mode=mode,
        settings={name: value for name, value in named.items() if name not in _ELSEWHERE} | {SUBMITTED: run_id},
        driver=_driver_bundle(context) if is_bundle else Path(driver.__file__),
        words=_words(ctx, context, mode, run_id, again, outcomes),
        py_files=() if is_bundle else (*listed(values.get("spark.submit.pyFiles", "")), *_code(context)),
        archives=tuple(archives),
    )
    own = {**java_environment(), "SPARK_HOME": str(spark.home), "SPARK_CONNECT_MODE": "0"}
    return Prepared(
        command=submit_command(spark.home, submission),
        environment={**os.environ, **own},
        own_environment={name: value for name, value in own.items() if os.environ.get(name) != value},
        spark_home=spark.home,
        manager=manager,
        mode=mode,
        master=master,
        run_id=run_id,
        again=again,
        outcomes=outcomes,
    )


def _check_project(context: Context, request: Request, invocation: Invocation) -> None:
    """Refuses what the driver would refuse: here that takes no JVM."""
    from tauro.exec.checks.preflight import check_project
    from tauro.exec.planning.findings import findings_for

    mode = context.settings.mode
    if mode not in (Mode.LOCAL, Mode.DISTRIBUTED):
        raise UnsupportedError(
            f"a project with mode {mode} is not for spark-submit",
            where="global_settings: mode",
            fix="tauro run, or mode: distributed",
        )
    if request.is_on_cluster:  # where paths lead elsewhere
        problems = list(findings_for(context, request.pipeline))
    else:
        problems = check_project(context, request.pipeline)
    if errors := [problem for problem in problems if problem.severity is Severity.ERROR]:
        raise ConfigError(errors)
    invocation.warn(problems)


def _settings(context: Context, request: Request, invocation: Invocation, *, is_dry: bool) -> dict[str, Setting]:
    """Those of the session, with files in place of the names of jars."""
    spark = installed_spark()
    of_pipeline = context.pipelines[request.pipeline].spark_config
    command = dict(request.conf) | ({"spark.master": request.master} if request.master else {})
    for name, value in as_spark_options(of_pipeline).items():
        if command.get(name, value) != value:
            raise InvalidValueError(
                f"{name} is {value!r} in spark_config of pipeline {request.pipeline!r}, which no command can change",
                where="--conf",
                fix="leave it out here, or there",
            )
    settings = unresolved_settings(context, of_pipeline, command=command)
    master = settings.get("spark.master")
    if master is None or master.origin.startswith(FROM_TAURO):
        raise InvalidValueError(
            "nothing says which cluster",
            where="--master",
            fix="name it: --master spark://host:7077, yarn, or k8s://https://host:443; or spark.master in spark_config",
        )
    check_spark(_pyspark_version(), spark.version, str(spark.home))
    check_delta(jars_of(settings), spark.version)
    if is_dry:
        settings = with_stored_jars(settings, spark, os.environ)
    else:
        settings, warning = with_fetched_jars(settings, spark, os.environ)
        if warning:
            invocation.complain(f"warning: {warning}")
    return settings


def _pyspark_version() -> str:
    from pyspark.version import __version__

    return str(__version__)


def _words(
    ctx: click.Context, context: Context, mode: DeployMode, run_id: str, again: str, outcomes: Path | None
) -> tuple[str, ...]:
    """What the driver is told: about itself, and after that what it is to run."""
    is_here = mode is DeployMode.CLIENT
    project = str(context.root) if is_here else PROJECT
    about = ["--outcome", str(outcomes), run_id] if outcomes is not None else []
    about += ["--again", again, *(["--here"] if is_here else [])]
    asked = given(ctx, lambda name: name not in _OWN)
    return (*about, "--", "run", "--project", project, *asked, "--run-id", run_id)


def _driver_bundle(context: Context) -> Path:
    return driver_bundle(context.root, os.environ, data_folders(context))


def _code(context: Context) -> list[str]:
    bundles = (tauro_bundle(os.environ), code_bundle(context.root, os.environ, data_folders(context)))
    return [str(bundle) for bundle in bundles if bundle is not None]


def _outcomes(context: Context, request: Request, mode: DeployMode) -> Path | None:
    """Where driver and submitter both look, as far as that can be told."""
    if request.outcome is not None:
        return request.outcome.absolute()
    if mode is DeployMode.CLIENT:
        cache = cache_folder(os.environ)
        return cache / "submits" if cache is not None else Path(tempfile.mkdtemp(prefix="tauro-"))
    output = context.settings.output_path or ""
    return Path(output) / "_tauro" / "submits" if output.startswith("/") else None
