"""What `spark-submit` prints about a driver on a cluster, read for where it is and how it ended."""

from __future__ import annotations

import re
from collections import deque

_SHOWN_LINES = 12
_KEPT_LINES = 400
_STATES = (
    re.compile(r"Application report for (?P<id>\S+) \(state: (?P<state>\w+)\)"),  # YARN
    re.compile(r"Application status for (?P<id>\S+) \(phase: (?P<state>\w+)\)"),  # Kubernetes
    re.compile(r"State of (?:driver )?(?P<id>driver-\S+) is (?P<state>[A-Z]+)"),  # standalone
)
_CODE_ON_YARN = re.compile(r"User application exited with status (?P<code>\d+)")
_CODE_OF_CONTAINER = re.compile(r"^\s*exit code: (?P<code>\d+)")
_CONTAINER = re.compile(r"^\s*container name: (?P<name>\S+)")
_DRIVERS = "spark-kubernetes-driver"
"""What Spark calls the driver's container; others of its pod say nothing about the run."""
_DRIVER_ON_STANDALONE = re.compile(r"Driver successfully submitted as (?P<id>driver-\S+)")
_WORKER = re.compile(r"Driver running on (?P<host>\S+) \((?P<worker>\S+)\)")
_POD = re.compile(r"^\s*pod name: (?P<id>\S+)")
_NAMESPACE = re.compile(r"^\s*namespace: (?P<name>\S+)")
_NOISE = re.compile(r"^\s*at |^\s*\.\.\. \d+ more|^\s*$| (?:INFO|DEBUG|TRACE) ")


class SparkStatus:
    """What is known of a submitted application by what `spark-submit` has printed so far."""

    def __init__(self) -> None:
        self.application: str | None = None
        """Its id, as YARN and Kubernetes have it; on a standalone cluster, the driver's."""
        self.pod: str | None = None
        self.namespace: str | None = None
        self.worker: str | None = None
        """Of a standalone cluster, on which the driver runs."""
        self.state: str | None = None
        """In the manager's own words, such as `RUNNING`."""
        self._code_on_yarn: int | None = None
        self._container = _DRIVERS
        self._codes: dict[str, int] = {}
        """By container."""
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def exit_code(self) -> int | None:
        """Of the driver, where the manager tells."""
        if self._code_on_yarn is not None or not self._codes:
            return self._code_on_yarn
        only = next(iter(self._codes.values())) if len(self._codes) == 1 else None  # a template may name it otherwise
        return self._codes.get(_DRIVERS, only)

    def read(self, line: str) -> str | None:
        """Takes one line in.

        Returns:
            News for whoever waits: the application's new state; None if there are none.
        """
        self._lines.append(line.rstrip())
        if told := _CODE_ON_YARN.search(line):
            self._code_on_yarn = int(told["code"])
        if told := _CONTAINER.search(line):
            self._container = told["name"]
        if told := _CODE_OF_CONTAINER.search(line):
            self._codes[self._container] = int(told["code"])
        if told := _DRIVER_ON_STANDALONE.search(line):
            self.application = told["id"]
        if told := _WORKER.search(line):
            self.worker = told["worker"]
        if told := _POD.search(line):
            self.pod = told["id"]
        if told := _NAMESPACE.search(line):
            self.namespace = told["name"]
        for pattern in _STATES:
            told = pattern.search(line)
            if told and told["state"] != self.state:
                self.application, self.state = told["id"], told["state"]
                return f"{self.application}: {self.state.lower()}"
        return None

    def last_lines(self) -> list[str]:
        """The last lines that say something, for when it went wrong."""
        telling = [line for line in self._lines if not _NOISE.search(line)]
        return telling[-_SHOWN_LINES:]
