"""config_examples/deploy/kubernetes is what Kubernetes expects, and starts the right run for the right day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tauro import errors
from tauro.cli.edge import INTERRUPTED, TRANSIENT
from tauro.config import Context
from tests.support.dockerfile import instructions
from tests.support.linters import complaints
from tests.support.schedules import options_of_run, started_by, yesterdays

ROOT = Path(__file__).parents[3]
FILE = ROOT / "config_examples" / "deploy" / "kubernetes" / "flights.yaml"
EXAMPLE = ROOT / "config_examples" / "flights"
CLAIM, CRON_JOB = yaml.safe_load_all(FILE.read_text())
CRON: dict[str, Any] = CRON_JOB["spec"]
JOB: dict[str, Any] = CRON["jobTemplate"]["spec"]
POD: dict[str, Any] = JOB["template"]["spec"]
(TAURO,) = POD["containers"]


@pytest.mark.parametrize("version", [["--kubernetes-version", "1.31"], []], ids=["oldest", "newest"])
def test_it_is_what_the_schema_of_kubernetes_allows(version: list[str]) -> None:
    assert complaints("kubernetes-validate", "--strict", "--quiet", *version, FILE) == ""


def test_a_run_is_of_yesterday_and_named_by_its_job(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    shell, options = TAURO["command"]
    arguments = started_by([shell, options, *TAURO["args"]], "tauro", tmp_path, RUN_ID="flights-29123456")
    asked = options_of_run(arguments)
    assert asked["start"] == asked["end"]
    assert asked["start"] in yesterdays(before)
    assert asked["run_id"] == "flights-29123456"
    context = Context.from_project(EXAMPLE, env=str(asked["env"]))
    assert asked["pipeline"] in context.pipelines
    arguments = started_by([shell, options, *TAURO["args"]], "tauro", tmp_path, RUN_ID="again", DAY="2025-01-31")
    assert {options_of_run(arguments)[name] for name in ("start", "end")} == {"2025-01-31"}


def test_all_attempts_begin_on_the_day_for_which_the_job_was_planned() -> None:
    minute, hour, *days = CRON["schedule"].split()
    assert (days, CRON["timeZone"]) == (["*"] * 3, "Etc/UTC")
    latest_s = int(hour) * 3600 + int(minute) * 60 + CRON["startingDeadlineSeconds"] + JOB["activeDeadlineSeconds"]
    assert latest_s < 24 * 3600


def test_what_may_pass_is_tried_again_and_nothing_else() -> None:
    evicted, hopeless = JOB["podFailurePolicy"]["rules"]
    assert evicted == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert hopeless["action"] == "FailJob"
    told = hopeless["onExitCodes"]
    assert (told["containerName"], told["operator"]) == (TAURO["name"], "In")
    assert not {TRANSIENT, errors.OutputHeldError.exit_code, INTERRUPTED} & set(told["values"])
    kinds = (errors.TauroError, errors.ProjectError, errors.ExecutionError)
    assert {kind.exit_code for kind in kinds} == set(told["values"])
    assert (POD["restartPolicy"], JOB["podReplacementPolicy"], CRON["concurrencyPolicy"]) == (
        "Never",
        "Failed",
        "Forbid",
    )
    assert JOB["backoffLimit"] > 0


def test_only_what_is_mounted_is_written() -> None:
    assert TAURO["securityContext"]["readOnlyRootFilesystem"]
    mounts = {mount["mountPath"]: mount["name"] for mount in TAURO["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in POD["volumes"]}
    (home,) = [one.words for one in instructions(ROOT / "docker" / "Dockerfile") if one.name == "WORKDIR"]
    context = Context.from_project(EXAMPLE, env="prod")
    written = f"{home}/{Path(str(context.settings.output_path)).parts[0]}"
    assert set(mounts) == {written, f"{home}/.tauro", "/tmp"}


def test_its_volume_belongs_to_the_user_of_the_image() -> None:
    (default,) = [one.words for one in instructions(ROOT / "docker" / "Dockerfile") if one.words.startswith("USER_ID=")]
    assert default == f"USER_ID={POD['securityContext']['fsGroup']}"
    claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in POD["volumes"]]
    assert CLAIM["metadata"]["name"] in claims
