"""What a run that an attendant looks after says, and how it ends, for whoever tells Airflow."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from tauro.integrations.airflow.run_folder import RunFolder
from tauro.integrations.airflow.verdict import Ended

LOST_S = 60.0
"""Without a sign of life for so long, an attendant on another machine is taken for gone."""
START_S = 30.0
"""How long one may take to show its first."""
_AT_ONCE = 1 << 20
"""Bytes of the log that are read at once."""
_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  (?P<level>[A-Z]+) +\S+:\d+  ")
"""How `tauro run --log-file` begins a message."""
_LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
"""loguru's level -> logging's; all others are shown as information."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a run's log."""

    level: int
    """As `logging` counts."""
    text: str
    """Without its time and place, which Airflow's log has of its own."""


class Watch:
    """Follows one run.

    Args:
        folder: the run's.
        clock: seconds that never go back.
    """

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._clock = clock
        self._told = folder.told()
        self._level = logging.INFO
        self._beat = folder.last_beat()
        self._seen_at = clock()

    def look(self) -> tuple[list[Line], Ended | None]:
        """The lines that nobody has been told before, and how the run has ended; None as long as it goes on."""
        ended = self._ended()  # before the log is read: what comes last is not missed
        lines = self._lines(is_over=ended is not None)
        return lines, ended

    def _ended(self) -> Ended | None:
        folder = self.folder
        code = folder.code
        if code is not None:
            return Ended(folder.run_id, code, folder.document)
        beat, now = folder.last_beat(), self._clock()
        if beat != self._beat:
            self._beat, self._seen_at = beat, now
        is_attended = folder.is_attended()
        if is_attended or now - self._seen_at < (START_S if beat is None else LOST_S if is_attended is None else 0):
            return None
        code = folder.code  # it may have been noted since
        if code is None:
            folder.forget()  # so that the next try begins, and does not watch what is gone
        return Ended(folder.run_id, code, folder.document)

    def _lines(self, *, is_over: bool) -> list[Line]:
        lines: list[Line] = []
        while piece := self._piece(is_over=is_over):
            lines += [self._line(line) for line in piece.splitlines()]
            self._told += len(piece)
        if lines:
            self.folder.tell(self._told)
        return lines

    def _piece(self, *, is_over: bool) -> bytes:
        """Whole lines that have not been read; the rest, too, once nothing follows."""
        try:
            with self.folder.log.open("rb") as log:
                log.seek(self._told)
                piece = log.read(_AT_ONCE)
        except FileNotFoundError:
            return b""
        end = piece.rfind(b"\n") + 1
        return piece if not end and (is_over or len(piece) == _AT_ONCE) else piece[: end or 0]

    def _line(self, line: bytes) -> Line:
        if found := _LINE.match(line):
            self._level = _LEVELS.get(found["level"].decode(), logging.INFO)
            line = line[found.end() :]
        elif not line.startswith((b" ", b"\t")):  # what is printed; what is indented goes on with a message
            self._level = logging.INFO
        return Line(self._level, line.decode("utf-8", "replace"))
