"""Ends what a dead run has left running: its jobs in a Spark JVM, which may outlive its Python and go on writing."""

from __future__ import annotations

import os

from tauro.errors import OutputHeldError
from tauro.launch.processes import Host, Process, end, is_running, this_process
from tauro.launch.warm.place import known_places
from tauro.launch.warm.state import read_state
from tauro.publish.holder import Holder

FENCE_TIMEOUT_S = 10.0
"""How long the JVM of a dead run may take to end once it is killed."""


def fence(holder: Holder, here: Host, *, output: str, location: str) -> bool:
    """Ends what goes on for a run that is dead, as far as it is on this machine; returns whether there was a JVM.

    A JVM of its own is ended. In a warm one its work is stopped and waited for, and the JVM is left to others.

    Args:
        holder: the dead run.
        here: this machine.
        output: what it held, for messages.
        location: where that lies.

    Raises:
        OutputHeldError: the JVM can't be ended.
    """
    if holder.jvm is None or not here.shares_processes_with(holder.machine) or holder.process == this_process():
        return False  # there is none, it is out of reach, or it is this process's own
    if _is_stopped_in_warm_jvm(holder.jvm, holder.process):
        return True
    if not end(holder.jvm, timeout_s=FENCE_TIMEOUT_S):
        raise OutputHeldError(
            f"{holder} is dead, but its Spark JVM (process {holder.jvm.pid}) still runs, and can't be ended",
            output=output,
            location=location,
            holder=holder,
            fix=f"end process {holder.jvm.pid}, which may still write to {location}",
        )
    return True


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
