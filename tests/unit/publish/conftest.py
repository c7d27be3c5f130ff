"""Leases in a folder of the test's own, with clocks and machines that it sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loguru import logger

from tauro.launch.processes import Host, Process
from tauro.publish.holder import Holder, LeaseDocument, Span
from tauro.publish.lease_file import LeaseFile
from tauro.publish.leases import Leases
from tauro.publish.liveness import Watch
from tauro.publish.targets import Target
from tauro.storage.place import put_whole
from tests.support.stores import STORE, place_in

HERE, ELSEWHERE = Host("here", "boot-1", "pid:[1]"), Host("elsewhere", "boot-9", "pid:[1]")


def span(first: int, end: int) -> Span:
    """Days of January 2013, the last one exclusive."""
    return Span(lower=datetime(2013, 1, first), upper=datetime(2013, 1, end))


def holder(
    run_id: str = "other", machine: Host = HERE, *, pid: int = 4321, beat: int = 0, **keywords: object
) -> Holder:
    return Holder.model_validate(
        {
            "token": f"token of {run_id}",
            "run_id": run_id,
            "pipeline": "daily",
            "host": machine.host,
            "boot": machine.boot,
            "namespace": machine.namespace,
            "process": Process(pid=pid, started=77),
            "since": datetime(2013, 1, 1, 12, tzinfo=UTC),
            "beat": beat,
            **keywords,
        }
    )


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """One machine with a clock, processes and outputs.

    Args:
        folder: the outputs'.
        scheme: that of the file system on which they lie; empty for this machine's own.
    """

    def __init__(self, folder: Path, scheme: str = "") -> None:
        self.folder = folder
        self.scheme = scheme
        self.clock = Clock()
        self.running: set[int] = set()
        """Ids of the processes that run here."""

    def watch(self, machine: Host = HERE) -> Watch:
        return Watch(machine, lambda process: process.pid in self.running, self.clock)

    def leases(self, run_id: str = "mine", machine: Host = HERE) -> Leases:
        return Leases(run_id, "daily", watch=self.watch(machine), jvm=lambda: None)

    def target(self, name: str = "events", part: Span | None = None) -> Target:
        base = place_in(self.scheme, self.folder / "_tauro")
        file = LeaseFile(base / "leases" / f"{name}.json", base)
        return Target(f"gold.{name}", str(self.folder / name), file, part)

    def write(self, target: Target, *holders: Holder) -> None:
        """Puts a lease file there as another run would."""
        put_whole(target.place.path, LeaseDocument(holders=holders).model_dump_json().encode())


@pytest.fixture(params=["", STORE])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    return World(tmp_path / "out", request.param)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is logged, as `LEVEL message`."""
    lines: list[str] = []
    number = logger.add(lambda message: lines.append(str(message).strip()), format="{level} {message}")
    yield lines
    logger.remove(number)
