"""What recovery needs of a run, beside its data: what it staged, and what it has decided to publish."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tauro.errors import JournalError
from tauro.storage.local import make_folder, remove_empty, remove_tree
from tauro.storage.lock import locked
from tauro.storage.paths import as_file_name, from_file_name
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

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def exists(self) -> bool:
        """Whether the run has begun, and is neither done nor dropped."""
        return (self.home / _ABOUT).exists()

    @property
    def is_reachable(self) -> bool:
        """Whether the folder in which Tauro's own lies is there: only then tells `exists` anything."""
        return self.home.parents[2].exists()

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
        self._place(_COMMITS, group).unlink(missing_ok=True)

    def commits(self) -> dict[str, CommitRecord]:
        """The decisions that are not settled yet, by group.

        Raises:
            JournalError: one can't be read.
        """
        folder = self.home / _COMMITS
        names = sorted(folder.glob("*.json")) if folder.is_dir() else []
        found = {from_file_name(path.stem): self._get(path, CommitRecord) for path in names}
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
        (self.home / _ABOUT).unlink(missing_ok=True)
        self.clear()

    def clear(self) -> None:
        """Removes what is left of a journal that was being removed."""
        if not self.exists:
            step("journal.clear")
            remove_tree(self.home)
            self._tidy()

    @contextmanager
    def locked(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Keeps others from publishing, recovering or dropping what the run has staged.

        Raises:
            TimeoutError: another process is at it for longer than `timeout_s` seconds.
        """
        try:
            with locked(self.home / "lock", timeout_s=timeout_s):
                yield
        finally:
            self._tidy()

    def _tidy(self) -> None:
        remove_empty(self.home, up_to=self.home.parents[1])

    def _place(self, kind: str, name: str) -> Path:
        return self.home / kind / f"{as_file_name(name)}.json"

    def _all(self, kind: str, model: type[M]) -> Iterator[M]:
        folder = self.home / kind
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            found = self._get(path, model)
            if found is not None:
                yield found

    @staticmethod
    def _put(place: Path, document: BaseModel) -> None:
        draft = place.with_name(f".{place.name}.draft")
        try:
            make_folder(place.parent)
            draft.write_text(document.model_dump_json(indent=1), encoding="utf-8")
            draft.replace(place)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise JournalError(
                f"{place} can't be written: {error}",
                fix="the tables are as they were; make room, or let this user write there",
            ) from error

    def _get(self, place: Path, model: type[M]) -> M | None:
        """The document; None if there is none."""
        try:
            return model.model_validate(json.loads(place.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError) as error:
            raise JournalError(
                f"{place} can't be read: {error}",
                fix=f"what the run has published is as it is; once you have looked at it, remove {self.home}",
            ) from error


def home_of(run_id: str, workshops: Sequence[Path], project: Path) -> Path:
    """Where a run's journal lies: beside its first target, or in the project if none lies on a file system.

    Args:
        run_id: the run's id.
        workshops: the folders in which Tauro keeps things beside the targets, in the order in which leases are taken.
        project: the folder in which the project keeps such things.
    """
    return (workshops[0] if workshops else project) / RUNS / as_file_name(run_id)


def journals_in(workshop: Path) -> list[Journal]:
    """The journals of the runs that began there and are not done."""
    folder = workshop / RUNS
    homes = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [journal for journal in map(Journal, homes) if journal.exists]
