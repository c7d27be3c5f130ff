"""Whatever escapes a command becomes words, or a JSON document, and an exit code."""

from __future__ import annotations

import traceback

import click

import tauro
from tauro.cli.invocation import Invocation
from tauro.cli.render.documents import ErrorDocument, failure_document
from tauro.errors import ConfigError, ProjectError, RunFailedError, RunInterruptedError, TauroError

DEFECT, USAGE, TRANSIENT, INTERRUPTED = 1, 2, 4, 130


def exit_code_of(error: BaseException) -> int:
    """The exit code that stands for `error`."""
    if isinstance(error, RunFailedError) and error.is_transient:
        return TRANSIENT
    if isinstance(error, TauroError):
        return error.exit_code
    if isinstance(error, click.ClickException):
        return USAGE
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    return DEFECT


def report(error: BaseException, invocation: Invocation) -> int:
    """Tells what went wrong in the way the call asked for.

    Returns:
        The exit code.
    """
    code = exit_code_of(error)
    if invocation.is_json:
        problems = error.problems if isinstance(error, ConfigError) else ()
        invocation.answer(failure_document(invocation.command, describe(error), problems))
    if code == DEFECT:
        invocation.complain("".join(traceback.format_exception(error)).rstrip())
        invocation.complain(f"this is a defect in Tauro {tauro.__version__}; please report it with the lines above")
    elif not invocation.is_json:
        _tell(error, invocation)
    return code


def _tell(error: BaseException, invocation: Invocation) -> None:
    if isinstance(error, ConfigError):
        invocation.warn(error.problems)
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        invocation.complain("interrupted")
    elif isinstance(error, click.ClickException):
        invocation.out.flush()
        error.show(file=invocation.err)
    else:
        invocation.complain(f"error: {error}")
        if isinstance(error, TauroError) and not isinstance(error, ProjectError | RunInterruptedError):
            _tell_cause(error, invocation)


def _tell_cause(error: TauroError, invocation: Invocation) -> None:
    if error.__cause__ is not None:
        invocation.complain(f"  cause: {type(error.__cause__).__name__}: {error.__cause__}")


def describe(error: BaseException) -> ErrorDocument:
    """An error as the document of a command that met it."""
    if isinstance(error, click.ClickException):
        message, trace = error.format_message(), None
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        message, trace = "interrupted", None
    elif isinstance(error, TauroError) and exit_code_of(error) != DEFECT:
        message = str(error)
        trace = error.__cause__
    else:
        message, trace = str(error), error
    return {
        "type": type(error).__name__,
        "message": message,
        "node": getattr(error, "node", None),
        "attempt": getattr(error, "attempt", None),
        "cause": "".join(traceback.format_exception(trace)) if trace is not None else None,
    }
