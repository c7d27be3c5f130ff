"""What is known of earlier cases, in a file of JSON lines, so that the suite goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from tests.faults.cases import Verdict


class State:
    """The verdicts so far.

    Args:
        file: one verdict a line, the newest of a case last; None to keep them in memory.
        is_fresh: whether to forget what it holds.
    """

    def __init__(self, file: Path | None, *, is_fresh: bool = False) -> None:
        self._file = file
        self._lock = Lock()
        if file is not None and is_fresh:
            file.unlink(missing_ok=True)
        self.verdicts: dict[str, Verdict] = {}
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                verdict = Verdict(**json.loads(line))
                self.verdicts[verdict.name] = verdict

    def is_done(self, name: str) -> bool:
        """Whether a case has ended well; others are tried again."""
        return name in self.verdicts and self.verdicts[name].is_good

    def add(self, verdict: Verdict) -> None:
        """Keeps a verdict; may be called by many threads."""
        with self._lock:
            self.verdicts[verdict.name] = verdict
            if self._file is not None:
                with self._file.open("a") as opened:
                    opened.write(json.dumps(asdict(verdict)) + "\n")
