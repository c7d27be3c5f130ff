"""What the servers that tests start have in common: a port of their own, and an end with the process they are for."""

from __future__ import annotations

import ctypes
import signal
import socket
import sys


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def end_with_parent() -> None:
    """Has the kernel end this process as soon as its parent is gone, however that went; Linux alone can.

    For `preexec_fn` of `subprocess.Popen`: a test run that is killed leaves no server behind.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
