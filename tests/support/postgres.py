"""A real PostgreSQL server for the tests: made in a temporary folder, on a free loopback port, and gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import end_with_parent, free_port

START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class PostgresServer:
    """How to reach the server, for Spark and for Python."""

    host: str
    port: int
    database: str
    user: str
    password: str

    @property
    def jdbc_url(self) -> str:
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"

    @property
    def dsn(self) -> str:
        """For psycopg."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def execute(self, sql: str, parameters: tuple[object, ...] | None = None) -> list[tuple[Any, ...]]:
        """Runs one or more statements in a transaction of their own; the rows of the last, if it has any."""
        import psycopg

        with psycopg.connect(self.dsn) as connection:
            cursor = connection.execute(sql.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def end_other_connections(self) -> None:
        """Ends every connection but the one that asks for it, as a server that restarts does."""
        others = "backend_type = 'client backend' and pid <> pg_backend_pid()"
        self.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A new, empty server for as long as the block lasts."""
    programs = _programs()
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="tauro-postgres-"))
    try:
        server = PostgresServer("127.0.0.1", free_port(), "postgres", "tauro", "tauro-password")
        (folder / "password").write_text(server.password)
        if account is not None:
            for path in (folder, folder / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        who: dict[str, Any] = {}
        if account is not None:
            who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        subprocess.run(
            [
                *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", server.user, "-E", "UTF8", "--no-sync"),
                *("--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **who,
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(
                        str(programs / "postgres"),
                        "-D",
                        str(folder / "data"),
                        "-h",
                        server.host,
                        "-p",
                        str(server.port),
                    ),
                    *("-k", str(folder), "-c", "fsync=off", "-c", "max_connections=50", "-c", "timezone=UTC"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                preexec_fn=end_with_parent,
                **who,
            )
        try:
            _wait_until_ready(server, process, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            server.execute("select 1")
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-4000:]}") from error
            time.sleep(0.1)


def _programs() -> Path:
    """The folder of `initdb` and `postgres`; Debian keeps it off PATH."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError("no PostgreSQL server is installed; run scripts/install-postgres, as `make test` does")


def _account() -> pwd.struct_passwd | None:
    """The account that the server runs as; None for the caller's own, which will do unless it is root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None
