"""One call of the command line: where it writes, whether for a machine, and what it must not show."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from tauro.errors import Problem

SCHEMA_VERSION = 1
"""The version of the JSON documents; raised when a field goes or changes its meaning."""


class Invocation:
    """Where a command writes its answer (`out`) and everything else (`err`).

    Args:
        words: the arguments after `tauro`.
    """

    def __init__(self, words: Sequence[str]) -> None:
        options = words[: words.index("--")] if "--" in words else words
        self.is_json = "--json" in options and not {"--help", "-h"} & set(options)
        """Whether the answer is one JSON document; known before the arguments are parsed, as parsing may fail."""
        self.command = next((word for word in words if not word.startswith("-")), None)
        """The sub-command as written; None if there is none."""
        self.redact: Callable[[str], str] = lambda text: text
        """Replaces secrets; the project's own once one is open."""
        self.out = pipe_to(sys.stdout)
        self.err = pipe_to(sys.stderr)
        self._is_claimed = False
        self._swapped: TextIO | None = None
        """Standard output before it was claimed, where that is undone at the end."""

    def __enter__(self) -> Invocation:
        if self.is_json:
            self.claim_stdout()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.out.flush()
        self.err.flush()
        if self._swapped is not None:
            sys.stdout = self._swapped

    def claim_stdout(self) -> None:
        """Keeps standard output for the answer alone: what user code or the JVM prints goes to standard error.

        In a process of its own the file descriptor is taken too, for good: what is printed after the answer, while
        the process ends, must not spoil it either.
        """
        if self._is_claimed:
            return
        self._is_claimed = True
        sys.stdout.flush()
        if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
            with suppress(OSError, io.UnsupportedOperation):
                number = sys.__stdout__.fileno()
                kept = os.dup(number)
                os.dup2(2, number)
                self.out = pipe_to(os.fdopen(kept, "w", encoding="utf-8"))
                return
        self._swapped, sys.stdout = sys.stdout, sys.stderr

    def say(self, text: str = "") -> None:
        """One line, or several, of the answer."""
        self.out.write(self.redact(text) + "\n")

    def complain(self, text: str = "") -> None:
        """One line, or several, on standard error; what was said before comes first."""
        self.out.flush()
        self.err.write(self.redact(text) + "\n")
        self.err.flush()

    def warn(self, problems: Sequence[Problem]) -> None:
        """Problems on standard error."""
        for problem in problems:
            self.complain(str(problem))

    def answer(self, document: Mapping[str, object]) -> None:
        """The one JSON document of a call with `--json`; `schema_version` is added."""
        whole = {"schema_version": SCHEMA_VERSION, **document}
        self.out.write(json.dumps(_redacted(whole, self.redact), indent=2, default=str) + "\n")
        self.out.flush()


def pipe_to(stream: TextIO) -> TextIO:
    """A `Pipe` to `stream`."""
    return cast("TextIO", Pipe(stream))  # typing and io describe the same interface in unrelated classes


class Pipe(io.TextIOBase):
    """A text stream that goes quiet when its reader has gone, so that `| head` ends no run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base class
        """The encoding of the stream behind it."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Writes `text`, or drops it if nobody reads."""
        try:
            self._stream.write(text)
        except BrokenPipeError:
            self._hang_up()
        return len(text)

    def flush(self) -> None:
        """Hands on what is buffered, or drops it if nobody reads."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._hang_up()

    def isatty(self) -> bool:
        """Whether a person reads it on a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The file descriptor behind it."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def _hang_up(self) -> None:
        """Lets whatever follows, what user code prints included, go nowhere in place of failing."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:  # Any: whatever JSON holds
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, redact) for item in value]
    return value
