"""What recovery needs of a run, beside its data: what it staged, and what it has decided to publish."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tauro.errors import JournalError
from tauro.storage.paths import as_file_name, from_file_name
from tauro.storage.place import Place, folders_in, listed, locked, put_whole, remove_empty, remove_tree
from tauro.storage.remote import RemotePath
from tauro.storage.steps import step

VERSION = 1
"""Of what a journal holds; a newer Tauro reads older ones."""
RUNS = "runs"
"""The folder, among what Tauro keeps beside a target, that holds the journals."""
WHOLE_RUN = "run"
"""The group of outputs that `publish: run` publishes together."""
LOCK_TIMEOUT_S = 60.0
"""How long a publishing that is under way may keep a recovery waiting."""
_ABOUT, _NODES, _COMMITS = "run.json", "nodes", "publish"
M = TypeVar("M", bound=BaseModel)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)


class About(_Document):
    """Which run it is, and where it may leave something."""

    version: int = VERSION
    run_id: str
    pipeline: str | None = None
    """None for nodes that are run by themselves: nobody can carry on with these."""
    window: tuple[str, str] | None = None
    publish: str
    asked: dict[str, Any] = {}  # Any: JSON
    """What the run was asked for beyond its window, as whoever carries on with it gives it again."""
    env: str | None = None
    project: str
    """The project's folder, for people."""
    host: str
    started_at: str
    """For people; never compared."""
    workshops: tuple[str, ...] = ()
    """The folders in which it stages, each under its run id."""
    leases: tuple[dict[str, Any], ...] = ()  # Any: JSON
    """The addresses of its leases."""


class OutputNote(_Document):
    """A staged output."""

    node: str
    id: str
    location: str
    can_undo: bool
    is_durable: bool
    record: dict[str, Any]  # Any: JSON
    """As `tauro.io.recorded.as_record` returns it."""


class NodeNote(_Document):
    """A node whose outputs are all staged, or published."""

    node: str
    code: str
    """A fingerprint of what the node's function is made of."""
    configuration: str
    """A fingerprint of what the project says of the node."""
    reads: dict[str, str | None] = {}
    """Stored input -> the version of it that was read; None where versions of it can't be told apart."""
    outputs: tuple[OutputNote, ...]
    is_published: bool = False


class CommitState(StrEnum):
    """What is to become of a group of outputs."""

    PUBLISH = "publish"
    """All are to be published, and some may be already."""
    UNDO = "undo"
    """All are to be as they were before, and some may be already."""
    DONE = "done"
    """All are published; what is kept of them can go."""


class CommitRecord(_Document):
    """A decision about a group of outputs; that it is there is the decision to publish them."""

    state: CommitState
    outputs: tuple[OutputNote, ...]
    """In the order of publishing."""
    conflict: str | None = None
    """The node whose outputs no longer fit what is there: it has to be run again; None if there is none."""


class Journal:
    """One run's journal; what it writes is there whole, or not at all.

    Args:
        home: its folder, which need not exist.
    """

    def __init__(self, home: Place) -> None:
        self.home = home

    @property
    def exists(self) -> bool:
        """Whether the run has begun, and is neither done nor dropped.

        Raises:
            JournalError: its file system can't be reached.
        """
        with self._reached():
            return (self.home / _ABOUT).exists()

    @property
    def is_reachable(self) -> bool:
        """Whether the file system is there on which it would lie: only then tells `exists` anything.

        A remote one is asked by name. A local one may be another machine's, or not be mounted.
        """
        return isinstance(self.home, RemotePath) or self.above.exists()

    @property
    def above(self) -> Place:
        """The folder in which Tauro's own lies."""
        return self.home.parent.parent.parent

    def begin(self, about: About) -> None:
        """Opens the journal; that of the same run, which is carried on, keeps its notes.

        Raises:
            JournalError: it can't be written.
        """
        step("journal.begin")
        self._put(self.home / _ABOUT, about)

    def about(self) -> About:
        """Which run it is.

        Raises:
            JournalError: that can't be read, or a newer Tauro has written it.
        """
        found = self._get(self.home / _ABOUT, About)
        if found is None:
            raise JournalError(f"{self.home} holds no run's journal")
        if found.version > VERSION:
            raise JournalError(
                f"the journal {self.home} is of version {found.version}, and this Tauro knows {VERSION}",
                fix="use the version of Tauro that began the run",
            )
        return found

    def note(self, note: NodeNote) -> None:
        """Notes a node as done.

        Raises:
            JournalError: it can't be put down.
        """
        step("journal.note")
        self._put(self._place(_NODES, note.node), note)

    def forget(self, node: str) -> None:
        """Takes a node for not done: before it is run again."""
        place = self._place(_NODES, node)
        with self._reached():
            if place.exists():
                step("journal.forget")
                place.unlink(missing_ok=True)

    def node(self, name: str) -> NodeNote | None:
        """What is noted of a node; None if it is not done.

        Raises:
            JournalError: the note can't be read.
        """
        return self._get(self._place(_NODES, name), NodeNote)

    def nodes(self) -> dict[str, NodeNote]:
        """The nodes that are done.

        Raises:
            JournalError: a note can't be read.
        """
        return {note.node: note for note in self._all(_NODES, NodeNote)}

    def decide(self, group: str, record: CommitRecord) -> None:
        """Decides on a group of outputs, or changes the decision, in one step; inside `locked`.

        Raises:
            JournalError: it can't be put down; what was decided before holds.
        """
        step(f"journal.{record.state}")
        self._put(self._place(_COMMITS, group), record)

    def settle(self, group: str) -> None:
        """Nothing is left to be done about a group."""
        step("journal.settle")
        with self._reached():
            self._place(_COMMITS, group).unlink(missing_ok=True)

    def commits(self) -> dict[str, CommitRecord]:
        """The decisions that are not settled yet, by group.

        Raises:
            JournalError: one can't be read.
        """
        found = {from_file_name(place.stem): self._get(place, CommitRecord) for place in self._documents(_COMMITS)}
        return {group: record for group, record in found.items() if record is not None}

    @property
    def is_unfinished(self) -> bool:
        """Whether something that was decided is neither done nor settled.

        Raises:
            JournalError: as `commits`.
        """
        return any(one.state is not CommitState.DONE for one in self.commits().values())

    def remove(self) -> None:
        """Removes the journal; its first file goes first, so that no half of one is ever taken for a whole."""
        step("journal.remove")
        with self._reached():
            (self.home / _ABOUT).unlink(missing_ok=True)
        self.clear()

    def clear(self) -> None:
        """Removes what is left of a journal that was being removed."""
        if not self.exists:
            step("journal.clear")
            with self._reached():
                remove_tree(self.home)
                self._tidy()

    @contextmanager
    def locked(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Keeps others from publishing, recovering or dropping what the run has staged.

        Raises:
            TimeoutError: another process is at it for longer than `timeout_s` seconds.
            JournalError: it can't be reached or written.
        """
        try:
            with ExitStack() as stack:
                try:
                    stack.enter_context(locked(self.home / "lock", timeout_s=timeout_s))
                except TimeoutError:
                    raise
                except OSError as error:
                    raise JournalError(
                        f"the journal {self.home} can't be locked: {error}", fix="let this user write there"
                    ) from error
                yield
        finally:
            with suppress(OSError):  # what is left there keeps nobody from anything
                self._tidy()

    def _tidy(self) -> None:
        remove_empty(self.home, up_to=self.home.parent.parent)

    def _place(self, kind: str, name: str) -> Place:
        return self.home / kind / f"{as_file_name(name)}.json"

    def _all(self, kind: str, model: type[M]) -> Iterator[M]:
        for place in self._documents(kind):
            found = self._get(place, model)
            if found is not None:
                yield found

    def _documents(self, kind: str) -> list[Place]:
        with self._reached():
            every = listed(self.home / kind)
        return [one for one in every if one.name.endswith(".json")]

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"the journal {self.home} can't be reached: {error}",
                fix="mend that, then run `tauro recover`, or the pipeline",
            ) from error

    @staticmethod
    def _put(place: Place, document: BaseModel) -> None:
        try:
            put_whole(place, document.model_dump_json(indent=1).encode())
        except OSError as error:
            raise JournalError(
                f"{place} can't be written: {error}",
                fix="the tables are as they were; make room, or let this user write there",
            ) from error

    def _get(self, place: Place, model: type[M]) -> M | None:
        """The document; None if there is none."""
        try:
            return model.model_validate(json.loads(place.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError) as error:
            raise JournalError(
                f"{place} can't be read: {error}",
                fix=f"what the run has published is as it is; once you have looked at it, remove {self.home}",
            ) from error


def home_of(run_id: str, workshops: Sequence[Place], project: Place) -> Place:
    """Where a run's journal lies: beside its first target, or in the project if none lies on a file system.

    Args:
        run_id: the run's id.
        workshops: the folders in which Tauro keeps things beside the targets, in the order in which leases are taken.
        project: the folder in which the project keeps such things.
    """
    return (workshops[0] if workshops else project) / RUNS / as_file_name(run_id)


def journals_in(workshop: Place) -> list[Journal]:
    """The journals of the runs that began there and are not done."""
    return [journal for journal in map(Journal, folders_in(workshop / RUNS)) if journal.exists]
