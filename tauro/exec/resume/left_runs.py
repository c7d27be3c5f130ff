"""The runs of a project that ended without publishing, or died: found beside their outputs, recovered, dropped."""

from __future__ import annotations

import time
from dataclasses import dataclass

from loguru import logger

from tauro.config import Context
from tauro.errors import JournalError, UnknownNameError
from tauro.exec.resume.known_outputs import options_for, workshops_of
from tauro.exec.runs.recording import note_recovered
from tauro.publish.fencing import fence
from tauro.publish.holder import Holder
from tauro.publish.journal import About, Journal, journals_in
from tauro.publish.liveness import Life, Watch
from tauro.publish.places import place_at
from tauro.publish.recovery import Recovered, Recovery
from tauro.storage.place import Place

Spoiled = dict[Place, JournalError]
LAST = "last"
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class LeftRun:
    """A run that has begun, and of which something is there."""

    journal: Journal
    about: About
    holder: Holder | None
    """Its entry in a lease; None if none is left."""
    is_alive: bool
    """Whether it goes on, or whether that can't be told yet."""

    @property
    def is_dead(self) -> bool:
        """Whether it died, and nobody has seen to it since."""
        return not self.is_alive and (self.holder is None or not self.holder.is_abandoned)


def left_runs(context: Context, watch: Watch | None = None, spoiled: Spoiled | None = None) -> list[LeftRun]:
    """The runs that have begun and are not done, latest first; starts Spark if leases lie in databases.

    Args:
        context: the project.
        watch: tells whether runs live; asked again, it knows more of those of other machines.
        spoiled: filled with the errors of journals that can't be read, by their folders; each is warned of if None.
    """
    watch = watch or Watch()
    unread: Spoiled = {} if spoiled is None else spoiled
    journals = [journal for workshop in workshops_of(context) for journal in journals_in(workshop)]
    found = [one for one in (_left(context, journal, watch, unread) for journal in journals) if one is not None]
    for error in unread.values() if spoiled is None else ():
        logger.warning("{}", error)
    return sorted(found, key=lambda one: one.about.run_id, reverse=True)


def settled_runs(context: Context, watch: Watch | None = None, spoiled: Spoiled | None = None) -> list[LeftRun]:
    """As `left_runs`, watched until it is known of each whether it lives: up to 15 s for those of other hosts."""
    watch = watch or Watch()
    deadline = watch.clock() + watch.ttl_s + 1
    while True:
        runs = left_runs(context, watch, spoiled)
        waits = any(one.is_alive and one.holder is not None and _is_elsewhere(one.holder, watch) for one in runs)
        if not waits or watch.clock() >= deadline:
            return runs
        time.sleep(_PAUSE_S)


def find_run(context: Context, name: str = LAST) -> LeftRun:
    """The run that is to be carried on.

    Args:
        context: the project.
        name: an id, the beginning of one, or `last` for the latest.

    Raises:
        UnknownNameError: no such run has left anything.
    """
    runs = [one for one in left_runs(context) if one.about.pipeline is not None]
    exact = [one for one in runs if one.about.run_id == name]
    begins = exact or [one for one in runs if name == LAST or one.about.run_id.startswith(name)]
    if not begins or (len(begins) > 1 and name != LAST):
        raise UnknownNameError("run to be carried on", name, [one.about.run_id for one in runs])
    return begins[0]


def recover(context: Context, run: LeftRun) -> Recovered | None:
    """Finishes or undoes what a dead run has decided; what it has staged besides stays.

    Returns:
        None if it was gone already.

    Raises:
        JournalError: it can be neither finished nor undone now.
        OutputHeldError: another process is at it, for too long; or its work in Spark can't be ended.
    """
    if run.holder is not None and not run.holder.is_abandoned:
        location = str(run.journal.home)
        fence(run.holder, Watch().here, output="", location=location, session=lambda: context.spark)
    recovered = _recovery(context).recover(run.journal)
    if recovered is not None:
        note_recovered(context, recovered)
    return recovered


def drop(context: Context, run: LeftRun) -> Recovered | None:
    """Drops what a run that is over has staged.

    Returns:
        None if it was gone already.

    Raises:
        JournalError, OutputHeldError: as `recover`.
    """
    recover(context, run)
    dropped = _recovery(context).drop(run.journal)
    if dropped is not None:
        note_recovered(context, dropped, "tauro clean")
    return dropped


def _recovery(context: Context) -> Recovery:
    return Recovery(lambda: context.spark, options_for(context))


def _left(context: Context, journal: Journal, watch: Watch, spoiled: Spoiled) -> LeftRun | None:
    """What there is of a run; None if it is done meanwhile."""
    try:
        about = journal.about()
    except JournalError as error:
        if journal.exists:
            spoiled[journal.home] = error  # the others are seen to all the same
        return None
    options_of = options_for(context)
    is_known = True
    for address in sorted(about.leases, key=lambda one: "table" in one):  # those in databases need a session
        place = place_at(address, lambda: context.spark, options_of)
        read_after = watch.clock()
        try:
            holder = next((one for one in place.holders() if one.run_id == about.run_id), None)
        except ValueError:
            continue
        except OSError:
            is_known = False
            continue
        if holder is not None:
            is_alive = not holder.is_abandoned and watch.life_of(holder, read_after) is not Life.DEAD
            return LeftRun(journal, about, holder, is_alive)
    return LeftRun(journal, about, None, is_alive=not is_known)


def _is_elsewhere(holder: Holder, watch: Watch) -> bool:
    return not watch.here.shares_processes_with(holder.machine)
