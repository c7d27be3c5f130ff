"""Starts the process of a JVM for Python; whoever did so waits until it listens, or lets it go."""

from __future__ import annotations

import signal
import struct
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Thread
from typing import IO, Any

from tauro.launch import jvm_command
from tauro.launch.secret_words import Redact

_BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""What a JVM starts fastest with that lives for a moment."""

_POLL_S = 0.01
_LET_GO_S = 5.0
"""How long a JVM that nobody wants may take to end before it is killed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a JVM listens for this process, and the word that lets it in."""

    port: int
    secret: str


class StartingJvm:
    """A process that is going to listen for this one.

    It ends by itself when its standard input is closed, and Ctrl-C is none of its business.

    Args:
        command: as `spark_submit` makes it.
        environment: the JVM's variables.
        printed: where its output goes.
        is_direct: whether the command that `spark-submit` came to before may be run in its place.

    Raises:
        OSError: there is no such program.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        printed: IO[Any] | int,  # Any: text or bytes, as the caller has it
        *,
        is_direct: bool = True,
    ) -> None:
        self._environment = dict(environment)
        self._key = jvm_command.key_of(command, environment)
        """Under which the command of this JVM may be kept; None where it may not."""
        self._folder = tempfile.TemporaryDirectory(prefix="tauro-", ignore_cleanup_errors=True)
        self._file = Path(self._folder.name) / "address"
        self.is_direct = False
        """Whether `spark-submit` was left out."""
        try:
            self.process = self._started(command, printed, is_direct=is_direct)
        except BaseException:
            self._folder.cleanup()
            raise

    def address(self) -> Address | None:
        """Waits until it listens; None if it ended before."""
        try:
            while not self._file.is_file():
                if self.process.poll() is not None:
                    return None
                time.sleep(_POLL_S)
            with self._file.open("rb") as stream:  # the JVM has it renamed into place when it is whole
                port, length = struct.unpack("!ii", stream.read(8))
                return Address(port, stream.read(length).decode())
        finally:
            self._folder.cleanup()

    def keep_command(self, redact: Redact) -> None:
        """Lets the next start with the same command do without `spark-submit`; this one has gone well.

        Args:
            redact: replaces the secrets that are known; what holds one is not kept.
        """
        if self._key is not None and not self.is_direct:
            jvm_command.keep(self._key, self._environment, self.process.pid, redact)

    def forget_command(self) -> None:
        """Has the next start use `spark-submit` again."""
        jvm_command.forget(self._key, self._environment)

    def let_go(self) -> None:
        """Has it end, without waiting for that."""
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.terminate()
        self._folder.cleanup()
        Thread(target=self._reap, name="tauro-let-go", daemon=True).start()

    def _started(
        self,
        command: Sequence[str],
        printed: IO[Any] | int,  # Any: text or bytes, as the caller has it
        *,
        is_direct: bool,
    ) -> Popen[bytes]:
        own = {"SPARK_CONNECT_MODE": "0", jvm_command.ADDRESS_VARIABLE: str(self._file)}
        kept = jvm_command.find(self._key, self._environment) if is_direct else None
        if kept is not None:
            try:
                process = _popen(kept.words, {**self._environment, **kept.variables, **own}, printed)
            except OSError:
                self.forget_command()
            else:
                self.is_direct = True
                return process
        home = jvm_command.home_of(command)  # else `spark-submit` starts a Python to find it
        found = {"SPARK_HOME": str(home), jvm_command.LAUNCHER_OPTIONS: _BRIEF} if home is not None else {}
        return _popen(command, {**found, **self._environment, **own}, printed)

    def _reap(self) -> None:
        try:
            self.process.wait(_LET_GO_S)
        except TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _popen(
    words: Sequence[str],
    variables: Mapping[str, str],
    printed: IO[Any] | int,  # Any: text or bytes, as the caller has it
) -> Popen[bytes]:
    return Popen(words, stdin=PIPE, stdout=printed, stderr=printed, env=variables, preexec_fn=_ignore_ctrl_c)


def _ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
