"""Which Java is taken, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tauro.errors import SessionError
from tauro.launch.java import JavaHome, find_java, find_java_home, java_environment

NO_EXTRA = "a_package_that_is_not_installed"


def java_home(folder: Path, version: str, script: str = "", release: bool = True) -> Path:
    """A folder that looks like a Java."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    if release:
        (folder / "release").write_text(f'IMPLEMENTOR="somebody"\nJAVA_VERSION="{version}"\nMODULES="java.base"\n')
    return folder


def test_java_home_wins_over_the_path(tmp_path: Path) -> None:
    named, on_path = java_home(tmp_path / "named", "21.0.1"), java_home(tmp_path / "path", "17.0.2")
    environment = {"JAVA_HOME": str(named), "PATH": str(on_path / "bin")}
    assert find_java(environment) == named / "bin" / "java"
    assert java_environment(environment) == {"JAVA_HOME": str(named)}


def test_a_java_home_that_is_too_old_gives_way_to_a_newer_java_on_the_path(tmp_path: Path) -> None:
    old, new = java_home(tmp_path / "old", "1.8.0_402"), java_home(tmp_path / "new", "17")
    assert java_environment({"JAVA_HOME": str(old), "PATH": str(new / "bin")}) == {"JAVA_HOME": str(new)}


def test_a_link_on_the_path_is_followed_to_its_home(tmp_path: Path) -> None:
    home = java_home(tmp_path / "jvm", "17.0.9")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert find_java_home({"PATH": str(tmp_path / "bin")}) == JavaHome(home, "17.0.9", "PATH")


def test_a_java_without_a_release_file_is_asked(tmp_path: Path) -> None:
    script = 'echo "    java.home = /opt/the real home" >&2; echo "    java.version = 22.0.1" >&2'
    stub = java_home(tmp_path / "stub", "", script, release=False)
    assert find_java_home({"PATH": str(stub / "bin")}, NO_EXTRA) == JavaHome(
        Path("/opt/the real home"), "22.0.1", "PATH"
    )


def test_a_java_program_that_fails_counts_as_none(tmp_path: Path) -> None:
    stub = java_home(tmp_path / "stub", "", "echo no Java is installed >&2; exit 1", release=False)
    with pytest.raises(SessionError, match="none was found"):
        find_java_home({"PATH": str(stub / "bin")}, NO_EXTRA)


def test_without_any_java_both_ways_out_are_named(tmp_path: Path) -> None:
    with pytest.raises(SessionError) as caught:
        find_java_home({"PATH": str(tmp_path), "JAVA_HOME": str(tmp_path / "gone")}, NO_EXTRA)
    assert "install Java 17 or newer" in str(caught.value)
    assert "pip install 'tauro[java]'" in str(caught.value)
    assert caught.value.exit_code == 3


def test_javas_that_are_too_old_are_named_with_version_and_place(tmp_path: Path) -> None:
    old, older = java_home(tmp_path / "old", "11.0.22"), java_home(tmp_path / "older", "1.8.0_402")
    with pytest.raises(SessionError) as caught:
        find_java_home({"JAVA_HOME": str(old), "PATH": str(older / "bin")}, NO_EXTRA)
    assert f"Java 11.0.22 (JAVA_HOME: {old})" in str(caught.value)
    assert f"Java 1.8.0_402 (PATH: {older})" in str(caught.value)


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("1.8.0_402", 8), ("25", 25), ("21-ea", 21), ("", 0)])
def test_the_major_version_is_told_from_both_ways_of_writing_it(version: str, major: int) -> None:
    assert JavaHome(Path("/jvm"), version, "PATH").major == major


def test_the_extra_is_used_last_and_never_sees_the_option_that_its_java_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packages" / "some_jre"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    java_home(package / "java-runtime", "25.0.2", 'for argument; do echo "<$argument>"; done')
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    old = java_home(tmp_path / "old", "11")

    found = find_java_home({"JAVA_HOME": str(old), "PATH": ""}, "some_jre")

    assert found.version == "25.0.2"
    command = [str(found.java), "-cp", "a b", "--add-modules=jdk.incubator.vector", "", "Main", "--add-modules=other"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["<-cp>", "<a b>", "<>", "<Main>", "<--add-modules=other>"]
    assert find_java_home({"PATH": ""}, "some_jre") == found
