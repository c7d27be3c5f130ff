"""Whether a failure can be helped by trying again, and how it is told."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType

from tauro.errors import (
    ConflictError,
    MismatchError,
    NodeError,
    NodeTimeoutError,
    ProjectError,
    ReadError,
    ResultError,
    SessionLostError,
    WindowError,
    WriteError,
)
from tauro.io.delta.conflicts import CONFLICTS
from tauro.model.outcome import ErrorInfo, FailureKind

_PERMANENT = (ProjectError, ResultError, WindowError, ImportError, SyntaxError)
_TRANSIENT = (ConnectionError, TimeoutError, NodeTimeoutError, InterruptedError, ConflictError)

# Classes of Spark, Delta and HTTP clients by name, so that this module needs none of them.
_PERMANENT_NAMES = frozenset({"AnalysisException", "ParseException", "PySparkTypeError", "PySparkAttributeError"})
_TRANSIENT_NAMES = CONFLICTS | {"Py4JNetworkError", "ConnectionError", "Timeout", "RetriesExceeded"}
# What a JVM's stack trace says when the network, an executor or a lock is at fault.
_TRANSIENT_TEXT = re.compile(
    r"java\.net\.(?:Connect|Socket|SocketTimeout|UnknownHost|NoRouteToHost)Exception"
    r"|java\.sql\.SQL(?:Transient|Recoverable|Timeout)\w*Exception"
    r"|org\.postgresql\.util\.PSQLException: (?:The connection attempt failed|Connection to \S+ refused|"
    r"This connection has been closed|An I/O error occurred|FATAL: (?:the database system is|terminating connection)|"
    r"ERROR: (?:deadlock detected|could not serialize access))"
    r"|ExecutorLostFailure|FetchFailed|MetadataFetchFailedException|org\.apache\.spark\.rpc\.RpcTimeoutException"
    r"|Connection (?:refused|reset)|ConcurrentModificationException"
)
# What pyspark says when a Spark Connect server was started anew, or has given a session up.
_SESSION_GONE_TEXT = re.compile(
    r"INVALID_HANDLE\.(?:SESSION|OPERATION)_\w+|NO_ACTIVE_SESSION|incorrect server side session identifier"
)
# What a Spark Connect server's client says when the server can't be reached.
_SERVER_AWAY_TEXT = re.compile(r"StatusCode\.(?:UNAVAILABLE|DEADLINE_EXCEEDED)")
# What pyspark says when its JVM goes away under it, besides py4j's own errors.
_SHUT_DOWN_TEXT = re.compile(r"SparkContext was shut ?down|stopped SparkContext")
_FROM_SPARK = frozenset({"PySparkException", "Py4JJavaError"})
_DYING_S = 2.0
"""How long a JVM that has closed its session, or a connection, may take to be dead."""
_DEAD_S = 0.2
"""How long one may take that has given no answer."""
_SHOWN_LINES = 60


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """`error` and what caused it, the root cause last; context that was hidden by `from None` is left out."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def root_cause(error: BaseException) -> BaseException:
    """The exception that a person wants to see: what the node's own code, a read or a write raised.

    An exception that user code raised while it handled another one stays in front of it; so does a `ReadError` or a
    `WriteError`, which names the input or output, its place in the user's files, and the fix.
    """
    for link in chain_of(error):
        if not isinstance(link, NodeError) or link.__cause__ is None:
            return link
    return error


def told_by_its_cause(error: BaseException) -> BaseException:
    """`error`, or in its place one that says why Spark failed: its JVM or session is gone, or versions do not fit.

    A refused connection counts only if it was pyspark's to the JVM, and that one has ended; those of the user's own
    code stay what they are.
    """
    if isinstance(error, SessionLostError):
        return error
    if any(_is_session_gone(link) for link in chain_of(error)):
        gone = SessionLostError(
            "the Spark Connect server does not know this session any more: it was started anew, or has given it up",
            fix="run it again",
        )
        gone.__cause__ = error
        return gone
    wait_s = max(map(_dying_for_s, chain_of(error)))
    if not wait_s:
        return _mismatch(error) or error
    from tauro.spark.session import how_the_jvm_died

    end = how_the_jvm_died(wait_s)
    if end is None:
        return _mismatch(error) or error
    memory = "; if the machine was short of memory, lower spark.driver.memory or max_workers"
    lost = SessionLostError(f"Spark's JVM has died: {end}", fix=f"run it again{memory if 'SIGKILL' in end else ''}")
    lost.__cause__ = error
    return lost


def _mismatch(error: BaseException) -> MismatchError | None:
    """What of a cluster does not fit the driver, where that is why Spark failed."""
    if not any(_FROM_SPARK & {cls.__name__ for cls in type(link).__mro__} for link in chain_of(error)):
        return None
    from tauro.spark.session import version_on_cluster

    version = version_on_cluster()
    if version is None:
        return None
    from tauro.spark.mismatches import mismatch_in

    found = mismatch_in("\n".join(str(link) for link in chain_of(error)), version)
    if found is not None:
        found.__cause__ = error
    return found


def kind_of(error: BaseException) -> FailureKind:
    """Whether trying again can help, judged from the root cause outwards.

    Causes are those that `from` names: an error that was handled when another one came up decides nothing.
    """
    if isinstance(error, SessionLostError):
        return FailureKind.TRANSIENT
    if isinstance(error, MismatchError):
        return FailureKind.PERMANENT
    for link in reversed(list(_causes(error))):
        names = {cls.__name__ for cls in type(link).__mro__}
        if isinstance(link, _PERMANENT) or names & _PERMANENT_NAMES:
            return FailureKind.PERMANENT
        if isinstance(link, _TRANSIENT) or names & _TRANSIENT_NAMES:
            return FailureKind.TRANSIENT
        if isinstance(link, ReadError | WriteError) and link.__cause__ is None:
            return FailureKind.PERMANENT  # found by Tauro's own look at the columns, the table or the entry
        if _TRANSIENT_TEXT.search(str(link)) or _is_server_away(link):  # a JVM's causes are text
            return FailureKind.TRANSIENT
    return FailureKind.OTHER


def describe(
    error: BaseException,
    redact: Callable[[str], str] = str,
    *,
    node: str | None = None,
    attempt: int | None = None,
    kind: FailureKind | None = None,
) -> ErrorInfo:
    """`error` in words: its root cause's type and message, and the whole chain as Python prints it.

    Args:
        error: what was raised.
        redact: hides secrets in a text.
        node: the node that failed.
        attempt: its attempt, counted from 1.
        kind: whether trying again can help; judged from `error` if left out.
    """
    root = root_cause(error)
    return ErrorInfo(
        type=type(root).__name__,
        message=redact(_bounded(str(root) or type(root).__name__)),
        node=node,
        attempt=attempt,
        kind=kind_of(error) if kind is None else kind,
        cause=redact(_traceback(error)),
    )


def _traceback(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error)
    link = told.__cause__ if isinstance(error, SessionLostError) else None
    while link is not None:  # how often pyspark tried to reach the dead is of no use to anybody
        link.__context__ = None
        link = link.__cause__
    return "".join(told.format())


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and the causes that `from` names, the root cause last."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__


def _is_session_gone(error: BaseException) -> bool:
    """Whether it says that a Spark Connect server has no such session."""
    return _is_pysparks(error) and _SESSION_GONE_TEXT.search(str(error)) is not None


def _is_server_away(error: BaseException) -> bool:
    return _is_pysparks(error) and _SERVER_AWAY_TEXT.search(str(error)) is not None


def _is_pysparks(error: BaseException) -> bool:
    return any(cls.__name__ == "PySparkException" for cls in type(error).__mro__)


def _dying_for_s(error: BaseException) -> float:
    """How long to wait for the end of the JVM that an error of pyspark's suggests; 0 if it suggests none."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if "Py4JNetworkError" in names or _SHUT_DOWN_TEXT.search(str(error)):
        return _DYING_S
    if "Py4JError" in names:
        has_answer = "Py4JJavaError" in names or "\n" in str(error)  # with the stack trace of the JVM
        return 0.0 if has_answer else _DEAD_S
    return _DYING_S if isinstance(error, ConnectionError) and _came_through_py4j(error.__traceback__) else 0.0


def _came_through_py4j(trace: TracebackType | None) -> bool:
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(trace))
    return any(name.partition(".")[0] == "py4j" for name in modules)


def _bounded(message: str) -> str:
    """The message without a JVM's stack trace, and with at most `_SHOWN_LINES` lines."""
    lines = message.strip().split("\n\nJVM stacktrace:")[0].splitlines()
    kept = [line for line in lines if not line.startswith(("\tat ", "\t... "))]
    if len(kept) > _SHOWN_LINES:
        kept = [*kept[:_SHOWN_LINES], f"... {len(kept) - _SHOWN_LINES} more lines"]
    return "\n".join(kept)
