"""What is done to the machine under a run: file systems that are small or may not be written, a server that dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.postgres import PostgresServer

END_S = 30.0


@contextmanager
def mounted(folder: Path, size_bytes: int) -> Iterator[None]:
    """Puts a folder with all that it holds on a file system of its own; takes root. It comes back at the end."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(folder)], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()
        aside.rename(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Forbids to write a folder: by the file system for root, who is not held by permissions, else by those."""
    if os.geteuid() != 0:
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def killed(server: PostgresServer) -> Iterator[None]:
    """Kills a database server; it is started again when the block ends, and ended with the whole of the tests."""
    ((data,),) = server.execute("SHOW data_directory")
    pid = int((Path(data) / "postmaster.pid").read_text().splitlines()[0])
    about = Path(f"/proc/{pid}")
    command = [word.decode() for word in (about / "cmdline").read_bytes().split(b"\0") if word]
    owner, folder = about.stat(), os.readlink(about / "cwd")
    os.kill(pid, signal.SIGQUIT)  # PostgreSQL's immediate shutdown: as if it had crashed
    _wait(lambda: not _answers(server), "the server still answers")
    time.sleep(1.0)  # its children end
    try:
        yield
    finally:
        who: dict[str, Any] = (
            {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        restarted = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who
        )
        _started.append(restarted)
        _wait(lambda: _answers(server), "the server did not come back")


def end_servers() -> None:
    """Ends the servers that were started again."""
    while _started:
        process = _started.pop()
        process.send_signal(signal.SIGINT)
        process.wait(END_S)


_started: list[subprocess.Popen[bytes]] = []


def _answers(server: PostgresServer) -> bool:
    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _wait(is_so: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + END_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.1)
