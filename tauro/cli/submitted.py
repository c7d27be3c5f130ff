"""`tauro` in a driver that `tauro submit` has sent off: what it says is kept, and left for whoever waits for it."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tauro.cli.invocation import Invocation, pipe_to
from tauro.cli.main import call
from tauro.cli.running import SUBMITTED_BY
from tauro.launch.processes import Process, is_running, process_with_id
from tauro.launch.submit.outcome import TAIL_CHARACTERS, Outcome, OutcomePlace

SUBMITTER = "TAURO_SUBMITTER"
"""The environment variable that tells a driver the process that has submitted it, where both are on one machine."""

_LOOKS_EVERY_S = 0.5


def run_submitted(words: Sequence[str], place: Sequence[str] | None, again: str | None, *, is_here: bool) -> int:
    """Runs `tauro` with these words, and tells how it ended.

    Args:
        words: those after `tauro`.
        place: the folder and the name of the outcome; None if nobody could read it.
        again: the command that carries the run on.
        is_here: whether whoever has submitted it shows what is printed here.

    Returns:
        The exit code.
    """
    if again is not None:
        os.environ[SUBMITTED_BY] = again
    outcomes = OutcomePlace(Path(place[0]), place[1]) if place is not None else None
    answer, complaints = Kept(None if is_here else sys.stdout), Kept(sys.stderr, TAIL_CHARACTERS)
    if outcomes is not None:
        try:
            outcomes.announce(os.getpid())
        except OSError as error:
            sys.stderr.write(f"how this run ends can't be told: {error}\n")
            outcomes = None
    submitter = process_with_id(int(os.environ.pop(SUBMITTER))) if SUBMITTER in os.environ else None
    threading.Thread(target=_watch, args=(outcomes, submitter), name="tauro-stop", daemon=True).start()
    with Invocation(words) as invocation:
        invocation.claim_stdout()  # what nodes print is shown as it comes; the answer comes whole, at the end
        invocation.out, invocation.err = pipe_to(answer), pipe_to(complaints)
        code = call(list(words), invocation)
    if outcomes is not None:
        try:
            outcomes.leave(Outcome(code, answer.text, complaints.text))
        except OSError as error:
            sys.stderr.write(f"how this run has ended can't be told: {error}\n")
    _stop_session()
    return code


class Kept(io.StringIO):
    """A text stream that remembers what is written, and may pass it on.

    Args:
        shown: where it is passed on to; None for nowhere.
        at_most: how many characters it remembers, the last ones; None for all.
    """

    def __init__(self, shown: TextIO | None, at_most: int | None = None) -> None:
        super().__init__()
        self._shown = shown
        self._at_most = at_most

    @property
    def text(self) -> str:
        """What it remembers."""
        text = self.getvalue()
        return text if self._at_most is None else text[-self._at_most :]

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base class
        """UTF-8."""
        return "utf-8"

    def write(self, text: str) -> int:
        """Remembers `text`, and passes it on."""
        if self._shown is not None:
            self._shown.write(text)
        if self._at_most is not None and self.tell() > 2 * self._at_most:
            kept = self.getvalue()[-self._at_most :]
            self.seek(0)
            self.truncate()
            super().write(kept)
        return super().write(text)

    def flush(self) -> None:
        """Passes on what is buffered."""
        if self._shown is not None:
            self._shown.flush()


def _watch(place: OutcomePlace | None, submitter: Process | None) -> None:
    """Signals this process once it is asked to stop, or nobody waits for it any more."""
    while True:
        asked = place.stop_asked() if place is not None else None
        if asked is not None or (submitter is not None and is_running(submitter) is False):
            os.kill(os.getpid(), signal.Signals.__members__.get((asked or "").strip(), signal.SIGTERM))
            return
        time.sleep(_LOOKS_EVERY_S)


def _stop_session() -> None:
    """Ends the session of this application: nothing else is going to use it."""
    if "pyspark" not in sys.modules:
        return
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if context is not None:
        context.stop()
