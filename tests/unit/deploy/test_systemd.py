"""config_examples/deploy/systemd holds units that systemd takes, and that start the right run for the right day."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tauro import errors
from tauro.cli.edge import INTERRUPTED, TRANSIENT
from tauro.config import Context
from tests.support.schedules import options_of_run, started_by, yesterdays

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "config_examples" / "deploy" / "systemd"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")


def unit(name: str) -> RawConfigParser:
    """A unit's settings; none is there twice."""
    parser = RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # as they are written
    parser.read_string((UNITS / name).read_text())
    return parser


def words(setting: str, instance: str = "") -> list[str]:
    """A command as systemd runs it."""
    given = {"%%": "%", "%i": instance, "$$": "$"}
    return [re.sub(r"%%|%i|\$\$", lambda told: given[told[0]], word) for word in shlex.split(setting)]


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, with a program that is there in place of /opt/tauro/bin/tauro."""
    for path in UNITS.iterdir():
        tauro = str(Path(sys.prefix) / "bin" / "tauro")
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/tauro/bin/tauro", tauro))
    return tmp_path


@needs_systemd
def test_systemd_has_nothing_to_say_of_them(installed: Path) -> None:
    done = analyze("verify", "./flights.timer", "./flights.service", "./flights@2025-01-31.service", folder=installed)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_a_run_may_do_little_beside_its_work(installed: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=40", "./flights@.service", folder=installed)
    assert done.returncode == 0, done.stdout[-300:]


@needs_systemd
def test_it_is_once_a_day(tmp_path: Path) -> None:
    when = unit("flights.timer")["Timer"]["OnCalendar"]
    told = analyze("calendar", "--iterations=3", when, folder=tmp_path).stdout
    moments = re.findall(r"\d{4}-\d\d-\d\d 03:15:00 UTC", told)
    assert len(set(moments)) == 3


def test_the_timer_starts_the_run_of_yesterday(tmp_path: Path) -> None:
    assert not unit("flights.timer").has_option("Timer", "Unit"), "it starts the service of its own name"
    before = datetime.now(UTC)
    arguments = started_by(words(unit("flights.service")["Service"]["ExecStart"]), "systemctl", tmp_path)
    assert arguments[:2] == ["start", "--no-block"]
    day = re.fullmatch(r"flights@(.*)\.service", arguments[2])
    assert day
    assert day[1] in yesterdays(before)


def test_a_run_is_of_its_instances_day_and_named_by_it() -> None:
    program, *arguments = words(unit("flights@.service")["Service"]["ExecStart"], instance="2025-01-31")
    asked = options_of_run(arguments)
    assert program == "/opt/tauro/bin/tauro"
    assert (asked["start"], asked["end"], asked["run_id"]) == ("2025-01-31", "2025-01-31", "daily-2025-01-31")
    context = Context.from_project(ROOT / "config_examples" / "flights", env=str(asked["env"]))
    assert asked["pipeline"] in context.pipelines


def test_what_may_pass_is_tried_again_and_nothing_else() -> None:
    service = unit("flights@.service")["Service"]
    hopeless = set(map(int, service["RestartPreventExitStatus"].split()))
    kinds = (errors.TauroError, errors.ProjectError, errors.ExecutionError)
    assert hopeless == {kind.exit_code for kind in kinds}
    assert not {TRANSIENT, errors.OutputHeldError.exit_code} & hopeless
    assert service["Restart"] == "on-failure"
    assert int(service["SuccessExitStatus"]) == INTERRUPTED


def test_a_run_is_asked_to_end_and_ends_spark_itself() -> None:
    service = unit("flights@.service")["Service"]
    assert (service["KillMode"], service["TimeoutStopSec"]) == ("mixed", "2min")
    assert service["ReadWritePaths"] == service["WorkingDirectory"]
