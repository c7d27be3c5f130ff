"""The whole exception tree, and the problems that a report is made of.

    TauroError                              exit code 1 when it escapes as it is: a defect in Tauro
    ├── ProjectError                        2  the project, or how the command was used, is wrong
    │   ├── ConfigError (ValueError)           problems found in the project, all at once
    │   ├── UnknownNameError (KeyError, ValueError)  a name that does not exist
    │   ├── CycleError (ValueError)            dependencies that lead back to where they began
    │   ├── InvalidValueError (ValueError)     an argument that can't be right: a date, a dependency, a selection
    │   ├── UnsupportedError                   something Tauro, or a format, does not do
    │   └── MissingExtraError (ImportError)    an optional package that is not installed
    ├── ExecutionError (RuntimeError)       3  something failed while a run was under way
    │   ├── NodeError                          a node failed: node, attempt, pipeline and duration; the cause is chained
    │   ├── ResultError (TypeError)            what a node returned is not what its outputs need
    │   ├── ReadError                          an input could not be read
    │   ├── WriteError                         an output could not be written
    │   │   ├── ConflictError                      another run wrote the same output meanwhile
    │   │   │   └── LeaseLostError                     another run took this one for dead
    │   │   └── HalfPublishedError                 some of an output's files are in place, and can't be taken back now
    │   ├── WindowError (ValueError)           rows outside the window of a windowed overwrite
    │   ├── PublishError                       what a run has staged could not be published together
    │   ├── NodeTimeoutError (TimeoutError)    an attempt took longer than its `timeout_s`
    │   ├── SessionError                       Spark could not be started
    │   │   └── MismatchError                      the driver and the cluster have versions that do not fit
    │   ├── SessionLostError (ConnectionError)  Spark's JVM has died
    │   ├── JournalError                       what a run that died has left can't be read, or not finished yet
    │   ├── HistoryError                       the history can't be read; a run goes on without it, and warns
    │   └── RunFailedError                     a run ended without all nodes done; 4 if every root cause is transient
    ├── OutputHeldError                     5  another run writes one of the outputs; nothing was run
    ├── RunInterruptedError              130   a run was stopped by a signal
    └── IllegalTransitionError              1  the run state machine was asked for a step its table does not hold

Every error says what happened (`message`), where (`where`), and how to mend it (`fix`). Exceptions of user code are
never wrapped away: they are the `__cause__` of the `NodeError` that names their node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import ClassVar

SHOWN_AT_MOST = 20
"""How many names or problems a message lists before it counts the rest."""


class Severity(StrEnum):
    """How bad a problem is: an error stops a run, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a project."""

    message: str
    """What is wrong, without its place."""
    severity: Severity = Severity.ERROR
    file: str | None = None
    """The file as the user would name it; None for a project given in memory."""
    line: int | None = None
    """Counted from 1; None where the file's format does not tell."""
    where: str | None = None
    """The thing at fault, such as `node 'transform'`."""
    notes: tuple[str, ...] = ()
    """Further lines, such as the known names."""
    fix: str | None = None
    """What to do about it."""

    def __str__(self) -> str:
        """The problem as a report shows it: a headline, then indented notes and the fix."""
        place = self.file or ""
        if place and self.line is not None:
            place += f":{self.line}"
        kind = "warning: " if self.severity is Severity.WARNING else ""
        head = f"{self.where}: {self.message}" if self.where else self.message
        lines = [f"{place}  {kind}{head}" if place else f"{kind}{head}"]
        lines += [f"  {note}" for note in self.notes]
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class TauroError(Exception):
    """The root of every error that Tauro raises on purpose.

    Args:
        message: what happened.
        where: the file and line, pipeline, node or output at fault.
        fix: how to mend it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  fix: {self.fix}" if self.fix else text


class ProjectError(TauroError):
    """The project, or the way a command was used, is wrong."""

    exit_code = 2


class ConfigError(ProjectError, ValueError):
    """Problems found in a project, reported together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = [str(problem) for problem in self.problems[:SHOWN_AT_MOST]]
        if len(self.problems) > SHOWN_AT_MOST:
            shown.append(f"... and {len(self.problems) - SHOWN_AT_MOST} more")
        super().__init__("\n".join(shown))


class UnknownNameError(ProjectError, KeyError, ValueError):
    """A name that does not exist, with the names that do.

    Args:
        kind: what the name was taken for, such as `pipeline`.
        name: the name as given.
        known: the names that exist.
    """

    def __init__(self, kind: str, name: str, known: Sequence[str], *, where: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        super().__init__(
            f"unknown {kind} {name!r}; known: {bounded(self.known) or 'none'}",
            where=where,
            fix=did_you_mean(name, self.known),
        )


class CycleError(ProjectError, ValueError):
    """Dependencies that lead back to where they began; `path` starts and ends with the same node."""

    def __init__(self, path: Sequence[str], *, where: str | None = None) -> None:
        self.path = tuple(path)
        super().__init__(
            f"dependency cycle: {' -> '.join(self.path)}",
            where=where,
            fix="remove one of these dependencies",
        )


class InvalidValueError(ProjectError, ValueError):
    """An argument that can't be right."""


class UnsupportedError(ProjectError):
    """Something that Tauro, or a format, does not do."""


class MissingExtraError(ProjectError, ImportError):
    """An optional package that is not installed; `extra` is the extra that brings it."""

    def __init__(self, package: str, extra: str, *, needed_for: str) -> None:
        self.extra = extra
        super().__init__(
            f"{needed_for} needs the package {package!r}, which is not installed",
            fix=f"pip install 'tauro[{extra}]'",
        )


class ExecutionError(TauroError, RuntimeError):
    """Something failed while a run was under way."""

    exit_code = 3


class PublishError(ExecutionError):
    """Outputs that were staged could not be published together; the root cause is chained.

    Args:
        message: which output failed, and why.
        left: outputs of the run that were published before, and could not be put back.
        conflict: the node whose output somebody else has written meanwhile; None if that is not the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        left: Sequence[str] = (),
        conflict: str | None = None,
        where: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.left = tuple(left)
        self.conflict = conflict
        super().__init__(message, where=where, fix=fix)


class JournalError(ExecutionError):
    """What a run that died has staged or decided can't be read, or can't be finished or undone yet."""


class NodeError(ExecutionError):
    """A node failed for good; its root cause is chained.

    Args:
        node: the node's name.
        reason: the root cause in one line.
        attempt: the attempt that failed, counted from 1.
        pipeline: the pipeline's name, where the node ran as part of one.
        duration_s: how long that attempt took, in seconds.
    """

    def __init__(
        self, node: str, reason: str, *, attempt: int = 1, pipeline: str | None = None, duration_s: float = 0.0
    ) -> None:
        self.node = node
        self.attempt = attempt
        self.pipeline = pipeline
        self.duration_s = duration_s
        of_pipeline = f" of pipeline {pipeline!r}" if pipeline else ""
        super().__init__(f"node {node!r}{of_pipeline} failed in attempt {attempt} after {duration_s:.1f} s: {reason}")


class ResultError(ExecutionError, TypeError):
    """What a node returned is not what its outputs need."""


class ReadError(ExecutionError):
    """An input could not be read."""


class WriteError(ExecutionError):
    """An output could not be written; what was published before is untouched."""


class ConflictError(WriteError):
    """Another run wrote the same output meanwhile; trying again may do."""


class LeaseLostError(ConflictError):
    """This run showed no sign of life for too long, and another one has taken over an output of its."""


class HalfPublishedError(WriteError):
    """Some files of an output are in place and others not, and they could not be taken back: the next run does it."""


class WindowError(ExecutionError, ValueError):
    """Rows outside the window that a windowed overwrite replaces."""


class NodeTimeoutError(ExecutionError, TimeoutError):
    """An attempt took longer than its `timeout_s`."""


class SessionError(ExecutionError):
    """Spark could not be started."""


class MismatchError(SessionError):
    """The driver and the cluster, or Spark and its jars, have versions that do not fit each other."""


class SessionLostError(ExecutionError, ConnectionError):
    """Spark's JVM, or the session on a server, was lost while it was needed; what that looked like is chained."""


class HistoryError(ExecutionError):
    """The history can't be read or written; to a run that is no more than a warning.

    Args:
        message: what is the matter.
        is_final: whether trying again is of no use.
    """

    def __init__(
        self, message: str, *, is_final: bool = False, where: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message, where=where, fix=fix)
        self.is_final = is_final


class RunFailedError(ExecutionError):
    """A run ended without all its nodes being done.

    Args:
        message: the root causes, in short.
        result: the run's result (a `tauro.model.RunResult`).
        is_transient: whether every root cause is transient, so that trying again may do.
    """

    def __init__(self, message: str, *, result: object = None, is_transient: bool = False) -> None:
        super().__init__(message)
        self.result = result
        self.is_transient = is_transient


class OutputHeldError(TauroError):
    """Another run writes one of the outputs; nothing was run.

    Args:
        message: which output, where it lies, and who holds it.
        output: the output's id.
        location: where it lies.
        holder: the run that holds it (a `tauro.publish.holder.Holder`).
        fix: how to go on.
    """

    exit_code = 5

    def __init__(
        self, message: str, *, output: str, location: str, holder: object = None, fix: str | None = None
    ) -> None:
        self.output = output
        self.location = location
        self.holder = holder
        super().__init__(message, fix=fix)


class RunInterruptedError(TauroError):
    """A run was stopped by a signal; `result` is the run's result so far."""

    exit_code = 130

    def __init__(self, message: str, *, result: object = None) -> None:
        super().__init__(message)
        self.result = result


class IllegalTransitionError(TauroError, RuntimeError):
    """The run state machine was asked for a step its table does not hold; the message tells the node's story."""


def did_you_mean(name: str, known: Sequence[str]) -> str | None:
    """The fix for a mistyped name: the closest known one, or None if none is close."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None


def bounded(names: Sequence[str], at_most: int = SHOWN_AT_MOST) -> str:
    """`names` joined by commas, with those past `at_most` counted instead of listed."""
    shown = ", ".join(names[:at_most])
    return f"{shown}, ... {len(names) - at_most} more" if len(names) > at_most else shown
