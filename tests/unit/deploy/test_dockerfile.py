"""docker/Dockerfile and its scripts are clean to their linters, and say nothing that the tests don't run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.dockerfile import Instruction, instructions
from tests.support.linters import complaints

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
SCRIPTS = sorted(
    path
    for folder in ("docker", "scripts")
    for path in (ROOT / folder).iterdir()
    if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")
)


def named(name: str) -> list[Instruction]:
    return [one for one in instructions(DOCKERFILE) if one.name == name]


def test_hadolint_finds_nothing() -> None:
    assert complaints("hadolint", "--no-color", DOCKERFILE) == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    assert script.stat().st_mode & 0o111, "it can't be run"
    assert complaints("shellcheck", script) == ""


def test_it_runs_its_scripts_and_beside_them_only_makes_a_user() -> None:
    ran = [re.sub(r"^VARIABLES=\S+ ", "", one.words).split()[0] for one in named("RUN")]
    assert sorted(word for word in ran if word != "useradd") == [
        f"/docker/{path.name}" for path in SCRIPTS if path.parent.name == "docker"
    ]
    assert ran.count("useradd") == 1


def test_what_it_takes_from_the_checkout_is_let_through() -> None:
    taken = {source for one in named("COPY") if one.option("from") is None for source in one.words.split()[:-1]}
    taken |= {one.words.split()[0].lstrip("/") for one in named("RUN") if one.words.startswith("/docker/")} | {
        "docker/prepare"
    }
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignore[0] == "*"
    assert {line.removeprefix("!").rstrip("/") for line in ignore if line.startswith("!")} == taken
    assert all((ROOT / source).exists() for source in taken)


def test_base_images_have_full_versions() -> None:
    (default,) = [one.words.partition("=")[2] for one in named("ARG") if one.words.startswith("PYTHON_IMAGE=")]
    minor = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-\w+", default)
    assert minor
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert f"Programming Language :: Python :: {minor[1]}" in classifiers
    assert {one.words.split()[0] for one in named("FROM")} == {"${PYTHON_IMAGE}", "scratch", "java"}


def test_it_is_not_root_and_kubernetes_can_see_that() -> None:
    (user,) = [one.words for one in named("USER")]
    (default,) = [one.words.partition("=")[2] for one in named("ARG") if f"${{{one.words.partition('=')[0]}}}" == user]
    assert int(default) >= 10_000
