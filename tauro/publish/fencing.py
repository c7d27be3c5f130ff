"""Ends what a dead run has left running: its Spark JVM, which may outlive its Python and go on writing."""

from __future__ import annotations

from tauro.errors import OutputHeldError
from tauro.launch.processes import Host, end, this_process
from tauro.publish.holder import Holder

FENCE_TIMEOUT_S = 10.0
"""How long the JVM of a dead run may take to end once it is killed."""


def fence(holder: Holder, here: Host, *, output: str, location: str) -> bool:
    """Ends the JVM of a run that is dead, as far as it is one of this machine; returns whether there was one.

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
    if not end(holder.jvm, timeout_s=FENCE_TIMEOUT_S):
        raise OutputHeldError(
            f"{holder} is dead, but its Spark JVM (process {holder.jvm.pid}) still runs, and can't be ended",
            output=output,
            location=location,
            holder=holder,
            fix=f"end process {holder.jvm.pid}, which may still write to {location}",
        )
    return True
