"""Ends what a dead run has left running in Spark, which may outlive its Python and go on writing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from tauro.errors import OutputHeldError
from tauro.launch.processes import Host, Process, end, is_running, this_process
from tauro.launch.warm.place import known_places
from tauro.launch.warm.state import read_state
from tauro.publish.holder import Holder
from tauro.spark.remote import RemoteSession, end_work, remote_session_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FENCE_TIMEOUT_S = 10.0
"""How long the JVM of a dead run may take to end once it is killed."""
INTERRUPT_TIMEOUT_S = 60.0
"""How long the work of a dead run on a Spark Connect server may take to end once it is interrupted."""


def fence(
    holder: Holder, here: Host, *, output: str, location: str, session: Callable[[], SparkSession] | None = None
) -> bool:
    """Ends what goes on for a run that is dead, as far as it can be reached; returns whether there was anything.

    A JVM of its own on this machine is ended. In a warm one its work is stopped and waited for, and the JVM is left to
    others. So is its work on a Spark Connect server, from whatever machine.

    Args:
        holder: the dead run.
        here: this machine.
        output: what it held, for messages.
        location: where that lies.
        session: opens a session, or returns the one that is open; called if the run worked on a Connect server.

    Raises:
        OutputHeldError: the JVM, or the work on the server, can't be ended.
        SessionError: the server can't be reached.
    """
    is_here = here.shares_processes_with(holder.machine)
    if is_here and holder.process == this_process():
        return False  # it is this process's own
    is_ended = False
    if holder.remote is not None and session is not None:
        _end_remote(holder, holder.remote, session(), output=output, location=location)
        is_ended = True
    if holder.jvm is not None and is_here:
        _end_jvm(holder, holder.jvm, output=output, location=location)
        is_ended = True
    return is_ended


def _end_remote(holder: Holder, remote: RemoteSession, via: SparkSession, *, output: str, location: str) -> None:
    from pyspark.errors import PySparkException

    def held(why: str, fix: str) -> OutputHeldError:
        message = f"{holder} is dead, but its {remote} may go on writing to {location}: {why}"
        return OutputHeldError(message, output=output, location=location, holder=holder, fix=fix)

    own = remote_session_of(via)
    if own is None or own.server != remote.server:
        here = f"the server {own.server}" if own is not None else "no Spark Connect server"
        raise held(f"this run uses {here}", f"run `tauro recover` with SPARK_REMOTE=sc://{remote.server}")
    try:
        is_ended = end_work(remote, via, INTERRUPT_TIMEOUT_S)
    except PySparkException as error:
        raise held("the server does not answer", "run it again when the server is back, or is started anew") from error
    if not is_ended:
        raise held(f"it does not end within {INTERRUPT_TIMEOUT_S:g} s", "run it again, or start the server anew")


def _end_jvm(holder: Holder, jvm: Process, *, output: str, location: str) -> None:
    if not _is_stopped_in_warm_jvm(jvm, holder.process) and not end(jvm, timeout_s=FENCE_TIMEOUT_S):
        raise OutputHeldError(
            f"{holder} is dead, but its Spark JVM (process {jvm.pid}) still runs, and can't be ended",
            output=output,
            location=location,
            holder=holder,
            fix=f"end process {jvm.pid}, which may still write to {location}",
        )


def _is_stopped_in_warm_jvm(jvm: Process, dead: Process) -> bool:
    """Whether a JVM is one that is kept warm, and nothing of a dead run goes on in it any more."""
    if is_running(jvm) is not True:
        return False
    for place in known_places(os.environ):
        state = read_state(place)
        if state is not None and state.jvm == jvm:
            from tauro.spark.warm_clean import fence_run  # there is a JVM, so pyspark is there

            return fence_run(place, state, dead)
    return False
