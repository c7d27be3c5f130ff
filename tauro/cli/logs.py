"""Where log messages go: standard error, and the file that --log-file names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from tauro.cli.render.progress import describe
from tauro.errors import ProjectError
from tauro.model.events import Event

if TYPE_CHECKING:
    from loguru import Record

_LINE = "{time:HH:mm:ss}  {level: <7}  {message}"
_FILE_LINE = "{time:YYYY-MM-DD HH:mm:ss.SSS}  {level: <7}  {name}:{line}  {message}"
_TOLD = frozenset({"tauro.exec.executor", "tauro.spark.warm"})
"""Modules of Tauro whose messages everybody is shown from INFO on: why nodes that were done are run again, or why a JVM
is started again."""
_EVENT = "tauro_event"
"""Marks a record as one of the run's events, which standard error shows in its own way."""


def configure(
    write: Callable[[str], None], redact: Callable[[str], str], *, is_verbose: bool, is_quiet: bool
) -> ExitStack:
    """Sends log messages to `write`, in place of loguru's own sink; closing what it returns ends that.

    Tauro's own messages are shown from WARNING on, those of the project's code from INFO on; with `is_verbose`
    everything, with `is_quiet` errors only.
    """

    def is_shown(record: Record) -> bool:
        if _EVENT in record["extra"]:
            return False
        if is_quiet:
            return record["level"].no >= logger.level("ERROR").no
        if is_verbose:
            return True
        name = record["name"] or ""
        least = "WARNING" if name.split(".")[0] == "tauro" and name not in _TOLD else "INFO"
        return record["level"].no >= logger.level(least).no

    if not is_verbose:
        _silence_repetitions()
    logger.remove()
    number = logger.add(
        lambda message: write(redact(message.rstrip("\n"))),
        level=0,
        format=_LINE,
        filter=is_shown,
        colorize=False,
        diagnose=False,
        backtrace=False,
    )
    end = ExitStack()
    end.callback(_remove, number)
    return end


def _remove(number: int) -> None:
    """Ends a sink; the project's code may have removed all of them before."""
    with suppress(ValueError):
        logger.remove(number)


class _Silent(logging.Logger):
    """A logger that says nothing, whatever fields come with a message."""

    def exception(self, msg: object, *args: object, **fields: object) -> None:
        """Drops the message."""


def _silence_repetitions() -> None:
    """Keeps pyspark from logging each failed query, with its JVM stack, before the error that says the same.

    pyspark takes a logger of that name if there is one, so it need not be imported for this.
    """
    before = logging.getLoggerClass()
    logging.setLoggerClass(_Silent)
    try:
        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
            logging.getLogger(name).disabled = True
    finally:
        logging.setLoggerClass(before)


def log_to_file(path: Path, redact: Callable[[str], str]) -> ExitStack:
    """Appends every message, and every event of the run, to a file; closing what it returns ends that.

    Raises:
        ProjectError: the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise ProjectError(f"the log file {path} can't be written: {error.strerror}", where="--log-file") from error

    def write(message: str) -> None:
        file.write(redact(message))

    number = logger.add(
        write,
        level="DEBUG",
        format=_FILE_LINE,
        colorize=False,
        diagnose=False,
        backtrace=False,
    )
    end = ExitStack()
    end.callback(file.close)
    end.callback(_remove, number)
    return end


def log_event(event: Event) -> None:
    """An observer that logs each event of a run."""
    logger.bind(**{_EVENT: type(event).__name__}).info("{}", describe(event))
