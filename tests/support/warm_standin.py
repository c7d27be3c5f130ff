"""A process that stands in for a warm JVM: it listens, tells its address, and lives until its input ends."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tauro.launch.processes import is_running
from tauro.launch.warm.jvm import Wanted, start, take_lock
from tauro.launch.warm.key import WarmKey
from tauro.launch.warm.place import WarmPlace
from tauro.launch.warm.state import Phase, WarmState, note_visitor, read_state
from tests.support.warm import wait_for_end

_PROGRAM = """
import os, socket, struct, sys
print("the JVM says something", flush=True)
if len(sys.argv) > 1:
    sys.exit(int(sys.argv[1]))
listens = socket.create_server(("127.0.0.1", 0))
path, secret = os.environ["_PYSPARK_DRIVER_CONN_INFO_PATH"], b"a secret"
with open(path + ".new", "wb") as file:
    file.write(struct.pack("!ii", listens.getsockname()[1], len(secret)) + secret)
os.rename(path + ".new", path)
sys.stdin.buffer.read()
"""


class Standin:
    """A project whose warm JVM is such a process.

    Args:
        folder: where everything lies.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        self.place = WarmPlace(folder / "runtime" / "place")
        self.place.make()
        self._states: list[WarmState] = []
        self._program = folder / "jvm.py"
        self._program.write_text(textwrap.dedent(_PROGRAM))

    def wanted(
        self, *words: str, idle_s: float = 60, limit: int = 1 << 40, environment: Mapping[str, str] | None = None
    ) -> Wanted:
        """What a run wants: words are those of the command, an exit code say."""
        environment = environment or {}
        return Wanted(
            root=self.root,
            command=[sys.executable, str(self._program), *words],
            environment={**os.environ, **environment},
            key_with=lambda salt: WarmKey(salt or "salt", "folder", "java", "spark", "1", "jars", {}, environment),
            idle_s=idle_s,
            memory_limit_bytes=limit,
        )

    def start(self, wanted: Wanted | None = None, phase: Phase = Phase.DONE) -> WarmState:
        """Starts it, and notes that this process was, or is, in it."""
        lock = take_lock(self.place)
        state = start(self.place, wanted or self.wanted(), lambda: None)
        assert state is not None
        self._states.append(state)
        note_visitor(self.place, phase, state.jvm)
        lock.release()
        return state

    def end(self) -> None:
        """Ends what was started."""
        written = read_state(self.place)
        for state in [*self._states, *([written] if written else [])]:
            if is_running(state.keeper) is True:
                os.kill(state.keeper.pid, signal.SIGTERM)
                wait_for_end(state.keeper)


@contextmanager
def standin(folder: Path) -> Iterator[Standin]:
    """One that ends with the block."""
    one = Standin(folder)
    try:
        yield one
    finally:
        one.end()
