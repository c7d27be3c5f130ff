"""The command line as the first process of a container: signals without a handler would never reach it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tauro.cli.edge import INTERRUPTED

IN_A_CONTAINER = ("unshare", "--pid", "--fork", "--kill-child")
PROGRAM = """
import tauro.cli.main as command_line

command_line.COMMANDS["wait"] = ("waits:wait", "")
command_line.main(["wait"])
"""
WAITS = """
import os, signal, time
import click

@click.command()
def wait():
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.2)
    print(f"process {{os.getpid()}} goes on")
"""


def can_make_containers() -> bool:
    try:
        return subprocess.run([*IN_A_CONTAINER, "true"], capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_make_containers(), reason="this user can't make a namespace of processes")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS.format(name=name))
    command = [*IN_A_CONTAINER, sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (INTERRUPTED, "", "interrupted")
