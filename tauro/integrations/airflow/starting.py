"""Starts the attendant of a run, unless a former try's still looks after it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from subprocess import DEVNULL, Popen

from tauro.integrations.airflow.run_folder import RunFolder

STOPPING_S = 30.0
"""How long a run that was asked to stop is waited for before it is begun again."""
_POLL_S = 0.2


def start(folder: RunFolder, command: Sequence[str], variables: Mapping[str, str]) -> Popen[bytes] | None:
    """Has an attendant run a command, in a session of its own, and returns at once.

    Args:
        folder: the run's; made if need be.
        command: the words.
        variables: environment variables beside those of this process.

    Returns:
        The attendant; None if the run goes on, since a former try has begun it, and its worker is gone.

    Raises:
        OSError: the folder can't be written.
    """
    if goes_on(folder):
        return None
    folder.prepare()
    words = [sys.executable, "-P", "-m", "tauro.integrations.airflow.attendant", str(folder.path), *command]
    with folder.log.open("ab") as log:
        return Popen(
            words,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=log,
            env={**os.environ, **variables},
            start_new_session=True,
        )


def goes_on(folder: RunFolder) -> bool:
    """Whether the run goes on; one that is to stop is waited for, since it can't be joined."""
    deadline = time.monotonic() + STOPPING_S
    while folder.code is None and folder.is_attended() is not False:
        if not folder.is_to_stop:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return False
