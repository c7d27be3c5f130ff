"""What runs that are over have left beside outputs, and nobody has asked for since: found by its age, and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from tauro.config import Context
from tauro.exec.resume.known_outputs import workshops_of
from tauro.exec.resume.left_runs import LeftRun, drop, recover, settled_runs
from tauro.publish.journal import RUNS, journals_in
from tauro.publish.lease_file import LeaseFile
from tauro.publish.recovery import Ending, Recovered
from tauro.publish.targets import LEASES, PROJECT
from tauro.storage.paths import as_file_name
from tauro.storage.place import Place, changed_at, folders_in, listed, remove_empty, remove_tree


def old_runs(context: Context, before: datetime) -> list[LeftRun]:
    """The runs that are over, have left something, and were begun before a time; starts Spark as `left_runs` does."""
    runs = (one for one in settled_runs(context) if not one.is_alive)
    return [one for one in runs if datetime.fromisoformat(one.about.started_at) < before]


def drop_run(context: Context, run: LeftRun) -> Iterator[Recovered]:
    """Ends what a run has left undecided, then drops what it has staged; tells each.

    Raises:
        JournalError: its publishing can be neither finished nor undone now.
        OutputHeldError: another process is at it, for too long.
    """
    ended = recover(context, run)
    if ended is not None and ended.ending is not Ending.ABANDONED:
        yield ended
    dropped = drop(context, run) if run.journal.exists else None
    if dropped is not None:
        yield dropped


def stray_folders(context: Context, before: datetime) -> list[Place]:
    """The folders of runs that no journal and no lease tells of, halves of journals too, unchanged since a time."""
    workshops = [one for one in workshops_of(context) if one.name != PROJECT]
    known = {LEASES, RUNS}
    for workshop in (*workshops, context.root / PROJECT):
        known |= {journal.home.name for journal in journals_in(workshop)}
    for workshop in workshops:
        known |= {as_file_name(run_id) for run_id in _holders(workshop)}
    stages = (folder for workshop in workshops for folder in folders_in(workshop))
    halves = (half for one in (*workshops, context.root / PROJECT) for half in folders_in(one / RUNS))
    return [
        folder for folder in (*stages, *halves) if folder.name not in known and changed_at(folder) < before.timestamp()
    ]


def remove_stray(folder: Place) -> None:
    """Removes one of `stray_folders`."""
    remove_tree(folder)
    remove_empty(folder.parent, up_to=folder.parent.parent if folder.parent.name == RUNS else folder.parent)


def _holders(workshop: Place) -> Iterator[str]:
    """The ids of the runs that hold an output beside a workshop."""
    for path in listed(workshop / LEASES):
        if not path.name.endswith(".json"):
            continue
        with suppress(OSError, ValueError):  # no lease that can be read: nobody holds it
            yield from (holder.run_id for holder in LeaseFile(path, workshop).holders())
