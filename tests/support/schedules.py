"""What a schedule's shell starts, told by a program that stands in for it."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tauro.cli.commands.run import run

_TELLS = """#!/usr/bin/env python3
import json, sys
print(json.dumps(sys.argv[1:]))
"""


def started_by(command: list[str], program: str, folder: Path, **variables: str) -> list[str]:
    """The arguments with which a shell command calls `program`, as the last thing that it does.

    Args:
        command: the shell and its arguments.
        program: the program's name; it is looked for on PATH.
        folder: an empty one, for its stand-in.
        variables: what the command is given beside PATH.
    """
    stand_in = folder / program
    stand_in.write_text(_TELLS)
    stand_in.chmod(0o755)
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    arguments: list[str] = json.loads(done.stdout)
    return arguments


def options_of_run(arguments: list[str]) -> dict[str, object]:
    """What `tauro run` understands of its arguments; fails as it does where it understands something not.

    Args:
        arguments: what follows `tauro`.
    """
    command, *rest = arguments
    assert command == "run"
    return run.make_context("run", rest).params


def yesterdays(before: datetime) -> set[str]:
    """The dates that were yesterday, in UTC, between a moment and now: two where midnight lies between."""
    return {(moment - timedelta(days=1)).date().isoformat() for moment in (before, datetime.now(UTC))}
