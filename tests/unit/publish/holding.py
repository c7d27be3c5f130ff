"""Holds one output, as a run on some host does: takes it at a signal on standard input, checks it at the next.

Arguments: the output's folder, the host's name (`here` for this machine), seconds without a heartbeat that are death.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tauro.errors import LeaseLostError, OutputHeldError
from tauro.launch.processes import Host
from tauro.publish.lease_file import LeaseFile
from tauro.publish.leases import Leases
from tauro.publish.liveness import Watch
from tauro.publish.targets import Target


def target_at(folder: Path) -> Target:
    """The whole of an output."""
    base = folder.parent / "_tauro"
    return Target("out", str(folder), LeaseFile(base / "leases" / f"{folder.name}.json", base), None)


def say(word: str) -> None:
    print(word, flush=True)


if __name__ == "__main__":
    place, host, ttl_s = sys.argv[1:]
    here = None if host == "here" else Host(host, f"boot of {host}", "pid:[1]")
    leases = Leases("r", watch=Watch(here, ttl_s=float(ttl_s)))
    say("ready")
    sys.stdin.readline()
    try:
        leases.acquire([target_at(Path(place))])
    except OutputHeldError as error:
        sys.exit(error.exit_code)
    say("held")
    sys.stdin.readline()
    try:
        leases.check()
    except LeaseLostError:
        say("lost")
    else:
        say("mine")
    leases.release()
