"""What the cases start from: tables after a first window, and what they are like after an undisturbed second one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg

from tests.faults import project
from tests.faults.leftovers import Shape, shape_of
from tests.faults.processes import REPOSITORY, Ended, Launcher
from tests.faults.tables import Tables, read_tables
from tests.support.jars import spark_jars
from tests.support.jvms import OPTIONS
from tests.support.postgres import PostgresServer


@dataclass(frozen=True, slots=True)
class Place:
    """A project with its database."""

    root: Path
    server: PostgresServer
    launcher: Launcher
    administer: Callable[[str], None]
    """Runs a statement as the server's administrator, not in this place's database."""

    def run(
        self, command: str, pipeline: str, *more: str, window: tuple[str, str] = project.WINDOW, **how: Any
    ) -> Ended:
        """Runs `tauro COMMAND` for a window; `how` goes to `Launcher.tauro`."""
        start, end = window
        arguments = (command, "--project", str(self.root), "--pipeline", pipeline, "--start", start, "--end", end)
        return self.launcher.tauro(*arguments, *more, **how)

    def by(self, launcher: Launcher) -> Place:
        """The same place, with processes of another launcher."""
        return replace(self, launcher=launcher)

    def tables(self) -> Tables:
        """All tables as a reader finds them."""
        return read_tables(self.root / "output", self.server)


@dataclass(slots=True)
class Workshop:
    """Makes places for cases.

    Args:
        folder: where they lie.
        server: holds their databases.
        pipeline: which the cases run.
    """

    folder: Path
    server: PostgresServer
    pipeline: str = project.WHOLE
    source: Path = REPOSITORY
    """Where the code is copied from."""
    is_short: bool = False
    """Whether there are so few cases that an archive of Spark's classes would take longer than it saves."""
    lock: Lock = field(default_factory=Lock)

    @property
    def can_resume(self) -> bool:
        """Whether the code has `tauro resume`."""
        return (self.source / "tauro/cli/commands/resume.py").exists()

    @property
    def code(self) -> str:
        """Names the code that is tried: it changes with it."""
        digest = blake2b(digest_size=6)
        for file in sorted((self.source / "tauro").rglob("*.py")):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def prepare(self) -> None:
        """Copies the code, so that edits change nothing meanwhile, and makes the tables that every case starts from.

        Raises:
            RuntimeError: a run failed that nobody disturbed.
        """
        shutil.rmtree(self._code, ignore_errors=True)
        for part in ("tauro", "tests/faults"):
            shutil.copytree(self.source / part, self._code / part, ignore=shutil.ignore_patterns("__pycache__"))
        place = self._place("base")
        jars = spark_jars()
        settings = {
            "spark.master": "local[2]",
            "spark.driver.memory": "1g",
            "spark.driver.extraJavaOptions": OPTIONS,
            "spark.jars": ",".join(map(str, jars)),
        }
        project.write_project(place.root, spark_config=settings, user=self.server.user, password=self.server.password)
        if not self.is_short:
            self._undisturbed(place.launcher.tauro("warmup", "--project", str(place.root)))
        twice = [word for node in project.RUN_TWICE for word in ("--node", node)]
        self._undisturbed(place.run("run", self.pipeline, window=project.BEFORE))
        self._undisturbed(place.run("run", self.pipeline, *twice))
        for path in project.NEW_TABLES:
            shutil.rmtree(place.root / "output" / path, ignore_errors=True)
        project.write_events(place.root, project.NEW)
        (place.root / ".tauro/start.json").unlink(missing_ok=True)  # how a session starts there is no guess for copies

    def undisturbed(self, name: str, trace: Path) -> tuple[Tables, Shape, Ended]:
        """What everything is like after a run that nobody disturbs; its steps are noted in `trace`.

        Raises:
            RuntimeError: it failed.
        """
        with self.place(name) as place:
            ended = place.run("run", self.pipeline, trace=trace)
            self._undisturbed(ended)
            return place.tables(), shape_of(place.root / "output", place.server), ended

    @contextmanager
    def place(self, name: str) -> Iterator[Place]:
        """A copy of what was prepared; its database is dropped at the end, its folder stays."""
        place = self._place(name, template="base")
        shutil.copytree(self.folder / "base/project", place.root)
        try:
            yield place
        finally:
            self._administer(f'DROP DATABASE IF EXISTS "{place.server.database}" WITH (FORCE)')

    def _place(self, name: str, template: str = "template1") -> Place:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        server = replace(self.server, database=name)
        environment = {
            project.URL: server.jdbc_url,
            "PYTHONPATH": str(self._code),
            "TAURO_CACHE": str(self.folder / "cache"),
            "TAURO_ARCHIVE": "off" if self.is_short else "on",
            "CI": "1",  # so that no archive is made beside the cases
        }
        return Place(folder / "project", server, Launcher(folder, str(folder), environment), self._administer)

    @property
    def _code(self) -> Path:
        return self.folder / "code"

    def _administer(self, statement: str) -> None:
        """Runs a statement that takes no transaction; one at a time, since a template allows no other user."""
        with self.lock, psycopg.connect(self.server.dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    @staticmethod
    def _undisturbed(ended: Ended) -> None:
        if ended.code:
            raise RuntimeError(f"an undisturbed run failed with exit code {ended.code}:\n{ended.last_lines(40)}")
