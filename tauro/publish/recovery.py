"""Finishes, or undoes, what a run that died has left behind; can itself be killed, and done again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from loguru import logger

from tauro.errors import ConflictError, JournalError, OutputHeldError, TauroError, WriteError, bounded
from tauro.io.ports import Staged
from tauro.io.recorded import OptionsOf, Session, staged_from
from tauro.io.writing import spark_errors
from tauro.model import OutputResult
from tauro.model.settings import Publish
from tauro.publish.holder import Holder
from tauro.publish.journal import About, CommitRecord, CommitState, Journal, OutputNote
from tauro.publish.lease_file import LeasePlace
from tauro.publish.liveness import lives_here
from tauro.publish.places import place_at
from tauro.storage.paths import as_file_name
from tauro.storage.place import place_of, remove_empty, remove_tree
from tauro.storage.steps import step


class Ending(StrEnum):
    """What has become of a run that died."""

    PUBLISHED = "published"
    """It had decided to publish: everything is."""
    UNDONE = "undone"
    """It could not publish: everything is as it was before, and what it staged stays."""
    ABANDONED = "abandoned"
    """It had not decided: nothing was published, and what it staged stays."""
    DROPPED = "dropped"
    """What it staged is gone."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A run that died, after its recovery."""

    run_id: str
    pipeline: str | None
    ending: Ending
    outputs: tuple[str, ...] = ()
    """The ids of those that are published or undone by now, or are staged."""
    left: tuple[str, ...] = ()
    """Those that should have been undone, and could not."""
    results: tuple[tuple[str, OutputResult], ...] = ()
    """The node and what is known of each output that is published by now."""
    is_resumable: bool = False
    """Whether it has left something to carry on with."""

    def __str__(self) -> str:
        name = f"run {self.run_id}" + (f" of pipeline {self.pipeline!r}" if self.pipeline else "")
        shown = bounded([id for id in self.outputs if id not in self.left]) or "nothing"
        if self.ending is Ending.PUBLISHED:
            done = f"published: {shown}" if self.outputs else "everything was published already"
            return f"{name} died while it was publishing; {done}"
        if self.ending is Ending.UNDONE:
            text = f"{name} could not publish: as they were before it: {shown}"
            return text + (f"; could not be put back: {bounded(self.left)}" if self.left else "")
        if self.ending is Ending.ABANDONED:
            return f"{name} died before it published anything; staged: {shown}"
        return f"{name} did not publish: what it had staged is dropped: {shown}"


class Recovery:
    """Recovers runs.

    Args:
        session: opens a session, or returns the one that is open; called where one is needed.
        options_of: what the project that recovers knows of outputs, secrets included.
        told: told of each recovery; a warning in the log if left out.
    """

    def __init__(
        self,
        session: Session,
        options_of: OptionsOf,
        told: Callable[[Recovered], object] = lambda one: logger.warning("{}", one),
    ) -> None:
        self._session = session
        self._options_of = options_of
        self._told = told

    def settle(self, holder: Holder, is_in_the_way: bool = True) -> bool:
        """Ends what a dead or abandoned run has left behind, so that another run may write the same outputs.

        Args:
            holder: the run's entry in a lease; its JVM has ended.
            is_in_the_way: whether the other run writes what it held, and what it has staged is to be dropped.

        Returns:
            Whether there was anything to be told.

        Raises:
            JournalError: its publishing can be neither finished nor undone now; nothing may be written yet.
            OutputHeldError: another process is recovering it, for too long.
        """
        journal = self.journal_at(holder.home or "")
        if not journal.is_reachable:
            raise JournalError(
                f"{holder} keeps its journal at {journal.home}, which can't be reached from here",
                fix=f"run `tauro recover` where it is; if you removed it, make the folder {journal.above}",
            )
        ended = self.recover(journal)
        dropped = self.drop(journal) if is_in_the_way and journal.exists else None
        is_dropped = dropped is not None and (ended is None or ended.ending is Ending.ABANDONED)
        told = dropped if is_dropped else ended
        if told is None or not (told.outputs or told.ending is Ending.PUBLISHED):
            return False
        self._told(told)
        return True

    def journal_at(self, home: str) -> Journal:
        """The journal in a folder, which need not exist."""
        return Journal(place_of(home, self._session))

    def recover(self, journal: Journal) -> Recovered | None:
        """Finishes or undoes what a dead run has decided, and takes its leases away; tells what has become of it.

        Args:
            journal: of a run that is known to be dead.

        Returns:
            None if it was gone already.

        Raises:
            JournalError: it can be neither finished nor undone now.
            OutputHeldError: another process is at it, for too long; or carries on with the run meanwhile.
        """
        with _locked(journal):
            if not journal.exists:
                return None
            about = journal.about()
            self._check_over(journal, about)
            self._give_back(about, is_abandoned=True)  # first: one that was only asleep must not publish any more
            ended = self.finish(journal)
            if ended.ending is Ending.PUBLISHED and about.publish == Publish.RUN:
                self._remove(journal, about)
        return ended

    def finish(self, journal: Journal) -> Recovered:
        """Finishes or undoes every decision of a run, inside the journal's lock.

        Raises:
            JournalError: as `recover`.
        """
        about = journal.about()
        published: list[tuple[str, OutputResult]] = []
        undone: list[str] = []
        left: list[str] = []
        for group, record in journal.commits().items():
            if record.state is CommitState.PUBLISH:
                record = self._publish(journal, group, record, published)
            if record.state is CommitState.DONE:
                self._discard(record.outputs)
                self._note_published(journal, {one.node for one in record.outputs})
                if about.publish != Publish.RUN:
                    journal.settle(group)
            else:
                undone += [one.id for one in record.outputs]
                left += self._undo(journal, record.outputs)
                if record.conflict is not None:
                    journal.forget(record.conflict)
                journal.settle(group)
        is_done = any(record.state is CommitState.DONE for record in journal.commits().values())
        ending = Ending.UNDONE if undone else Ending.PUBLISHED if published or is_done else Ending.ABANDONED
        notes = journal.nodes()
        staged = [one.id for note in notes.values() for one in note.outputs if not note.is_published]
        outputs = undone or [result.id for _, result in published] or ([] if is_done else staged)
        return Recovered(
            about.run_id,
            about.pipeline,
            ending,
            tuple(dict.fromkeys(outputs)),
            tuple(left),
            tuple(published),
            is_resumable=about.pipeline is not None and bool(notes),
        )

    def drop(self, journal: Journal) -> Recovered | None:
        """Drops what an abandoned run has staged, and its journal.

        Returns:
            None if it was gone already.

        Raises:
            JournalError: it has decided to publish: see `recover`.
            OutputHeldError: as `recover`.
        """
        with _locked(journal):
            if not journal.exists:
                return None
            if journal.is_unfinished:
                raise JournalError(f"the publishing of {journal.home.name} is not finished", fix="run `tauro recover`")
            about = journal.about()
            self._check_over(journal, about)
            notes = [one for note in journal.nodes().values() for one in note.outputs if not note.is_published]
            self._remove(journal, about, notes)
        return Recovered(about.run_id, about.pipeline, Ending.DROPPED, tuple(dict.fromkeys(one.id for one in notes)))

    def forget(self, journal: Journal, node: str) -> None:
        """Drops what a node has staged: it is to be run again."""
        note = journal.node(node)
        journal.forget(node)
        if note is not None:
            self._discard(note.outputs)

    def staged(self, note: OutputNote) -> Staged:
        """A staged output from its note.

        Raises:
            JournalError: another version of Tauro has made the note, or nobody.
        """
        try:
            return staged_from(note.record, self._session, self._options_of(note.location))
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(
                f"what the journal says of output {note.id!r} at {note.location} can't be read: {error!r}",
                fix="use the version of Tauro that began the run",
            ) from error

    def _publish(
        self, journal: Journal, group: str, record: CommitRecord, published: list[tuple[str, OutputResult]]
    ) -> CommitRecord:
        """Publishes what is not yet; returns the decision as it is then: done, or to be undone."""
        results: list[tuple[str, OutputResult]] = []
        for one in record.outputs:
            step("publish.output")
            try:
                results.append((one.node, self.staged(one).publish()))
            except ConflictError as error:
                logger.warning("output {!r} at {} could not be published: {}", one.id, one.location, error)
                changed = record.model_copy(update={"state": CommitState.UNDO, "conflict": one.node})
                break
            except _failures() as error:
                if isinstance(error, WriteError) and not one.is_durable:
                    changed = record.model_copy(update={"state": CommitState.UNDO, "conflict": one.node})
                    break
                raise JournalError(
                    f"output {one.id!r} at {one.location}, which a run that died had decided to publish, can't be "
                    f"published yet: {error}",
                    where=f"journal {journal.home}",
                    fix="mend that, then run `tauro recover`, or the pipeline",
                ) from error
        else:
            changed = record.model_copy(update={"state": CommitState.DONE})
            published += results
        journal.decide(group, changed)
        return changed

    def _undo(self, journal: Journal, outputs: Sequence[OutputNote]) -> list[str]:
        """Puts back what was published, the newest first; returns what can't be.

        Raises:
            JournalError: one can't be put back now; the others are.
        """
        left: list[str] = []
        failed: JournalError | None = None
        for one in reversed(outputs):
            step("publish.undo")
            try:
                if not self.staged(one).undo():
                    left.append(one.id)
            except _failures() as error:
                failed = JournalError(
                    f"output {one.id!r} at {one.location} can't be put back yet: {error}",
                    where=f"journal {journal.home}",
                    fix="mend that, then run `tauro recover`, or the pipeline",
                )
                failed.__cause__ = error
        if failed is not None:
            raise failed
        return left

    def _note_published(self, journal: Journal, nodes: Collection[str]) -> None:
        for name, note in journal.nodes().items():
            if name in nodes and not note.is_published:
                journal.note(note.model_copy(update={"is_published": True}))

    def _discard(self, outputs: Iterable[OutputNote]) -> None:
        """Drops what is staged.

        Raises:
            JournalError: something can't be dropped now; the others are.
        """
        failed: JournalError | None = None
        for one in outputs:
            try:
                self.staged(one).discard()
            except _failures() as error:
                failed = JournalError(
                    f"what a run that is over has staged for output {one.id!r} at {one.location} can't be dropped yet: "
                    f"{error}",
                    fix="mend that, then run `tauro recover`, or the pipeline",
                )
                failed.__cause__ = error
        if failed is not None:
            raise failed

    def _remove(self, journal: Journal, about: About, outputs: Sequence[OutputNote] = ()) -> None:
        """Everything that the run has left, its journal, and then its leases, which lead there."""
        self._discard(outputs)
        sweep(about, self._places(about), self._session)
        journal.remove()
        self._give_back(about, is_abandoned=False)

    def _check_over(self, journal: Journal, about: About) -> None:
        """Refuses to touch a run that a process of this machine has begun to carry on with since it was looked at."""
        for place in self._places(about):
            with suppress(OSError, ValueError):
                for one in place.holders():
                    if one.run_id == about.run_id and not one.is_abandoned and lives_here(one):
                        raise OutputHeldError(
                            f"{one} is being carried on with", output="", location=str(journal.home), holder=one
                        )

    def _places(self, about: About) -> list[LeasePlace]:
        return [place_at(address, self._session, self._options_of) for address in about.leases]

    def _give_back(self, about: About, *, is_abandoned: bool) -> None:
        for place in self._places(about):
            with suppress(OSError):  # a place that is gone, or can't be reached: what is there leads to no journal
                _change(place, about.run_id, is_abandoned=is_abandoned)


def _failures() -> tuple[type[Exception], ...]:
    """What goes wrong with tables and file systems."""
    return (TauroError, OSError, *spark_errors())


def sweep(about: About, places: Iterable[LeasePlace], session: Session) -> None:
    """Removes what a run has staged and did not come to note.

    Args:
        about: the run.
        places: where its leases stand.
        session: opens a session, or returns the one that is open; called for remote folders.

    Raises:
        JournalError: a place can't be reached now.
    """
    for place in places:
        try:
            place.sweep(about.run_id)
        except OSError as error:
            raise JournalError(
                f"what run {about.run_id} may have staged beside {place.name} can't be dropped yet: {error}",
                fix="mend that, then run `tauro recover`, or the pipeline",
            ) from error
    for workshop in (place_of(path, session) for path in about.workshops):
        folder = workshop / as_file_name(about.run_id)
        try:
            if folder.exists():
                step("journal.sweep")
                remove_tree(folder)
            remove_empty(workshop, up_to=workshop)
        except OSError as error:
            raise JournalError(
                f"what run {about.run_id} may have staged in {folder} can't be dropped yet: {error}",
                fix="mend that, then run `tauro recover`, or the pipeline",
            ) from error


def _change(place: LeasePlace, run_id: str, *, is_abandoned: bool) -> None:
    """Takes a run's entries out of a lease, or marks them as abandoned."""
    with place.changing():
        try:
            holders = place.holders()
        except ValueError:  # no lease that can be read: nothing there leads anywhere
            return
        kept = [
            one.abandoned() if one.run_id == run_id else one for one in holders if is_abandoned or one.run_id != run_id
        ]
        if kept != list(holders):
            step("lease.settle")
            place.put(kept)
    place.tidy()


@contextmanager
def _locked(journal: Journal) -> Iterator[None]:
    try:
        with journal.locked():
            yield
    except TimeoutError as error:
        raise OutputHeldError(
            f"another process has been publishing or recovering run {journal.home.name} for too long",
            output="",
            location=str(journal.home),
            fix="wait for it, or end it",
        ) from error
