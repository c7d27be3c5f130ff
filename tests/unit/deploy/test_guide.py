"""The commands of docs/deploy.md name what is there."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import yaml

from tauro.cli.edge import INTERRUPTED
from tauro.config import Context
from tests.support.dockerfile import instructions
from tests.support.schedules import options_of_run

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
DOCKERFILE = instructions(ROOT / "docker" / "Dockerfile")
COMMANDS = [
    shlex.split(line)
    for line in re.sub(r" \\\n\s+", " ", GUIDE).replace("|\n        ", "| ").splitlines()
    if line.startswith("    ")
]


def after(words: list[str], option: str) -> list[str]:
    """What each occurrence of an option is given."""
    return [following for word, following in pairwise(words) if word == option]


def test_files_that_are_named_exist() -> None:
    named = {word.rstrip("/.") for words in COMMANDS for word in words if re.match(r"(docker|config_examples)/", word)}
    assert len(named) > 5
    for name in named:
        assert list(ROOT.glob(name)), name


def test_builds_are_given_what_the_dockerfile_takes() -> None:
    given = re.findall(r"--build-arg (\w+)=", GUIDE)
    assert set(given) == {one.words.partition("=")[0] for one in DOCKERFILE if one.name == "ARG"}
    assert set(re.findall(r"--build-context (\w+)=", GUIDE)) == {"project"} <= {one.stage for one in DOCKERFILE}
    secrets = {mount["id"] for one in DOCKERFILE for mount in one.mounts() if mount["type"] == "secret"}
    assert set(re.findall(r"--secret id=(\w+),", GUIDE)) == secrets


def test_volumes_are_mounted_where_the_image_has_a_folder_of_its_user() -> None:
    (made,) = [one.words.split() for one in DOCKERFILE if "useradd" in one.words]
    places = {volume.rpartition(":")[2] for words in COMMANDS for volume in after(words, "-v")}
    assert len(places) == 3
    assert places <= set(made)


def test_runs_in_containers_are_understood() -> None:
    services = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text())["services"]
    runs = [words[words.index("run", words.index("--rm")) :] for words in COMMANDS if "--pipeline" in words]
    assert len(runs) == 3
    for words in runs:
        asked = options_of_run(words)
        assert asked["pipeline"] == "daily"
        if asked["env"] is not None:
            Context.from_project(ROOT / "config_examples" / "flights", env=str(asked["env"]), strict=False)
    for words in COMMANDS:
        for service in [*after(words, "--rm")] if "compose" in words else []:
            assert service in services


def test_make_has_the_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [words[1] for words in COMMANDS if words[0] == "make"]
    assert targets == ["compose-up", "compose-down"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_exit_codes_are_those_of_the_command() -> None:
    table = GUIDE.partition("| exit code |")[2]
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    configuration = (ROOT / "docs" / "configuration.md").read_text().partition("## Exit codes")[2]
    known = {int(code) for code in re.findall(r"^\| (\d+) \|", configuration, re.MULTILINE)}
    assert INTERRUPTED in known
    assert told - known == {137, 143}, "what shells and containers say of SIGKILL and SIGTERM"
