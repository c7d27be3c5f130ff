"""Names for the steps that outlive the process: at each of them a test can stop it, as a kill would."""

from __future__ import annotations

from collections.abc import Callable

_watcher: Callable[[str], object] | None = None


def step(name: str) -> None:
    """Says that the step `name` is about to be taken; costs nothing where nobody watches.

    Args:
        name: the room and the step, such as `files.exchange`; the same step has the same name everywhere.
    """
    if _watcher is not None:
        _watcher(name)


def watch(watcher: Callable[[str], object] | None) -> None:
    """Has every step of this process told to `watcher`, on the thread that takes it; None ends that."""
    global _watcher
    _watcher = watcher
