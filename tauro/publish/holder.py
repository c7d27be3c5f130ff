"""Who holds an output, and how much of it."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from tauro.launch.processes import Host, Process
from tauro.spark.remote import RemoteSession


class Span(BaseModel):
    """The part of an output that lies in a window: from `lower` on and before `upper` (UTC, naive)."""

    model_config = ConfigDict(frozen=True)

    lower: datetime
    upper: datetime

    def __str__(self) -> str:
        return f"{self.lower.isoformat()} .. {self.upper.isoformat()} (end exclusive)"


class Holder(BaseModel):
    """A run that holds an output, as its lease file tells it."""

    model_config = ConfigDict(frozen=True)

    token: str
    """Names this one taking of the lease; never used again."""
    run_id: str
    pipeline: str | None = None
    host: str
    boot: str | None = None
    namespace: str | None = None
    process: Process
    jvm: Process | None = None
    """The JVM of its Spark session, as soon as there is one that it has started."""
    remote: RemoteSession | None = None
    """Its session on a Spark Connect server, as soon as there is one."""
    since: datetime
    """For people; never compared."""
    beat: int = Field(default=0, ge=0)
    """Grows as long as the run lives."""
    span: Span | None = None
    """None for the whole output."""
    home: str | None = None
    """Where its journal lies; None if it keeps none."""
    is_abandoned: bool = False
    """Whether the run has ended without publishing: what it staged here stays until it is carried on, or dropped."""

    @property
    def machine(self) -> Host:
        """Where its process runs."""
        return Host(self.host, self.boot, self.namespace)

    @property
    def name(self) -> str:
        """The run, as messages name it."""
        return f"run {self.run_id}" + (f" of pipeline {self.pipeline!r}" if self.pipeline else "")

    def abandoned(self) -> Holder:
        """What stands in its place once the run has ended and left something: nothing of it goes on in Spark."""
        return self.model_copy(update={"is_abandoned": True, "jvm": None, "remote": None})

    def __str__(self) -> str:
        held = f" for {self.span}" if self.span else ""
        since = self.since.isoformat(sep=" ", timespec="seconds")
        return f"{self.name}{held} on {self.host} (process {self.process.pid}) since {since}"


LEASE_VERSION = 1
"""Of what a lease holds; a newer Tauro reads older ones."""


class NewerLeaseError(OSError):
    """A newer Tauro has written the lease: who holds the output can't be told."""


class LeaseDocument(BaseModel):
    """What a lease holds."""

    version: int = LEASE_VERSION
    holders: tuple[Holder, ...] = ()


def read_lease(text: str | bytes) -> tuple[Holder, ...]:
    """The holders in a lease.

    Raises:
        NewerLeaseError: it is of a newer version than this Tauro knows.
        ValueError: it is no lease.
    """
    document = json.loads(text)
    version = document.get("version", LEASE_VERSION) if isinstance(document, dict) else LEASE_VERSION
    if isinstance(version, int) and version > LEASE_VERSION:
        raise NewerLeaseError(f"the lease is of version {version}, and this Tauro knows {LEASE_VERSION}")
    return LeaseDocument.model_validate(document).holders


def exclude_each_other(one: Span | None, other: Span | None) -> bool:
    """Whether two parts of one output have something in common."""
    if one is None or other is None:
        return True
    return one.lower < other.upper and other.lower < one.upper
