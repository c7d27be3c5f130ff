"""Records runs while they go on: the run loop only leaves a note, a thread of its own writes.

The history is advisory. Whatever keeps it from being written ends in one warning, and the run goes on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import Thread

from loguru import logger

from tauro.errors import HistoryError
from tauro.history.events import Rows
from tauro.history.ports import HistoryStore
from tauro.history.process import SEEN_EVERY_S, this_process
from tauro.history.records import NodeRecord
from tauro.model.events import Event, RunStarted
from tauro.model.outcome import ErrorInfo
from tauro.storage.steps import step

BATCH_S = 0.5
"""What happens within this time is written together."""
RETRY_S = 5.0
"""The pause after a write that failed."""
CLOSE_S = 5.0
"""How long the end of a run waits for what is still to be written, at most."""


class Recorder:
    """An observer of one run, which keeps what it is told in the history.

    Args:
        connect: opens the store; called on the recorder's own thread.
        where: the store's place, for messages.
        project: the project's name.
        env: the environment's name; None for the base.
        redact: hides secrets in a text.
        version: Tauro's.
    """

    def __init__(
        self,
        connect: Callable[[], HistoryStore],
        where: str,
        project: str,
        env: str | None = None,
        redact: Callable[[str], str] = str,
        version: str = "",
    ) -> None:
        self._connect = connect
        self._where = where
        self._project = project
        self._env = env
        self._redact = redact
        self._version = version
        self._told: deque[tuple[float, Event]] = deque()
        self._failure: tuple[float, ErrorInfo, bool] | None = None
        self._closing = Flag()
        self._thread: Thread | None = None
        self._has_warned = False

    def __call__(self, event: Event) -> None:
        """Takes an event, and returns at once; called by one thread."""
        self._told.append((time.time(), event))
        if self._thread is None and isinstance(event, RunStarted):
            self._thread = Thread(target=self._write_until_closed, name="tauro-history", daemon=True)
            self._thread.start()

    def fail(self, error: ErrorInfo, *, is_cancelled: bool = False) -> None:
        """Says that the run ended without a result; does nothing if it had one."""
        self._failure = (time.time(), error, is_cancelled)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Has the rest written, and waits for it, but no longer than `timeout_s` seconds."""
        if self._thread is None:
            return
        self._closing.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._warn(f"it was not written within {timeout_s:g} s")

    def _write_until_closed(self) -> None:
        try:
            self._write_batches()
        except Exception as error:  # noqa: BLE001 - stores are plug-ins, and no failure of theirs may reach the run
            self._warn(f"{type(error).__name__}: {error}")

    def _write_batches(self) -> None:
        rows = Rows(self._project, self._env, this_process(), self._version, self._redact)
        with _Writer(self._connect) as writer:
            is_last = False
            while True:
                self._take_in(rows)
                try:
                    if is_last:
                        self._write_last(writer, rows)
                        return
                    writer.write_if_due(rows)
                except HistoryError as error:
                    self._warn(str(error))
                    if error.is_final or is_last:
                        return
                is_last = self._closing.wait(BATCH_S)

    def _write_last(self, writer: _Writer, rows: Rows) -> None:
        try:
            writer.write(rows)
        except HistoryError as error:
            if error.is_final:
                raise
            self._warn(str(error))
            writer.write(rows)  # on a new connection

    def _take_in(self, rows: Rows) -> None:
        with suppress(IndexError):
            while True:
                at_s, event = self._told.popleft()
                rows.add(event, at_s)
        if self._closing.is_set() and self._failure is not None:
            at_s, error, is_cancelled = self._failure
            rows.fail(error, is_cancelled=is_cancelled, at_s=at_s)

    def _warn(self, reason: str) -> None:
        """Says once that the history suffers."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning("{}", self._redact(f"history: {self._where}: {reason}; the run goes on without it"))


class _Writer:
    """A store that is opened when there is something to write, and again after a failure."""

    def __init__(self, connect: Callable[[], HistoryStore]) -> None:
        self._connect = connect
        self._store: HistoryStore | None = None
        self._next_at = float("-inf")
        self._is_taken_over = False
        """Whether the rows know what an earlier process of the run has done."""

    def write_if_due(self, rows: Rows) -> None:
        """Writes if something has happened, or it is time to say that the run is alive."""
        now = time.monotonic()
        if now >= self._next_at or (len(rows) and self._store is not None):
            self.write(rows)

    def write(self, rows: Rows) -> None:
        """Writes the rows.

        Raises:
            HistoryError: it can't; the rows are kept.
        """
        self._next_at = time.monotonic() + RETRY_S
        try:
            store = self._store = self._store or self._connect()
            if not self._is_taken_over and rows.run_id is not None:
                rows.take_over(store.records(NodeRecord, rows.run_id))
                self._is_taken_over = True
            step("history.write")
            store.write(rows.records(time.time()))
        except HistoryError:
            self.close()
            raise
        rows.written()
        self._next_at = time.monotonic() + SEEN_EVERY_S

    def close(self) -> None:
        """Closes the store, if one is open."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
