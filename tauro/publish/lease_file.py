"""The place in which the holders of one output stand: read by anyone, changed under a lock, replaced in one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from tauro.publish.holder import Holder, LeaseDocument, read_lease
from tauro.storage.place import Place, discard_file, locked, put_whole, remove_empty

LOCK_TIMEOUT_S = 15.0
"""How long the change of a lease, which takes milliseconds, may keep others waiting."""


class LeasePlace(Protocol):
    """Where the holders of one output stand."""

    @property
    def name(self) -> str:
        """Tells this place from all others; without secrets."""

    @property
    def home(self) -> str:
        """What has to be writable, for messages: a folder, a database."""

    @property
    def address(self) -> Mapping[str, str]:
        """What it is opened with again, in another process; without secrets."""

    def changing(self) -> AbstractContextManager[None]:
        """Keeps everybody else from changing the holders for as long as the block lasts.

        Raises:
            TimeoutError: somebody else is at it for too long.
            OSError: the place can't be reached or written.
        """

    def holders(self) -> tuple[Holder, ...]:
        """Those who hold it; inside `changing` they stay who they are.

        Raises:
            ValueError: what is there is no lease.
            OSError: it can't be read.
        """

    def put(self, holders: Sequence[Holder]) -> None:
        """Replaces what is there, inside `changing`; without holders nothing is left of it.

        Raises:
            OSError: it can't be written.
        """

    def tidy(self) -> None:
        """Removes what the place has made around itself, and is empty now."""

    def sweep(self, run_id: str) -> None:
        """Drops what a run that has ended has staged there, as far as the place itself knows of it.

        Raises:
            OSError: it can't be dropped now.
        """


class LeaseFile:
    """A lease file, which need not exist.

    Args:
        path: its place.
        base: the folder above it up to which empty folders are removed.
    """

    def __init__(self, path: Place, base: Place) -> None:
        self.path = path
        self.base = base

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    @property
    def home(self) -> str:
        """The folder."""
        return str(self.path.parent)

    @property
    def address(self) -> dict[str, str]:
        """The paths that it is made of."""
        return {"path": str(self.path), "base": str(self.base)}

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keeps everybody else from changing the file for as long as the block lasts.

        Raises:
            TimeoutError: somebody else is at it for too long.
            OSError: the folder can't be made or written.
        """
        with locked(self.path.with_name(f"{self.path.stem}.lock"), timeout_s=LOCK_TIMEOUT_S):
            yield

    def holders(self) -> tuple[Holder, ...]:
        """Those who hold it; nobody if there is no file.

        Raises:
            ValueError: what is there is no lease.
            OSError: it can't be read.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        return read_lease(text)

    def put(self, holders: Sequence[Holder]) -> None:
        """Replaces what is there, inside `changing`; without holders no file is left."""
        if not holders:
            discard_file(self.path)
            return
        text = LeaseDocument(holders=tuple(holders)).model_dump_json(indent=1, exclude_none=True)
        put_whole(self.path, text.encode())  # not forced to disk: a machine that loses power loses the holders with it

    def tidy(self) -> None:
        """Removes the folders that are empty now."""
        remove_empty(self.path.parent, up_to=self.base)

    def sweep(self, run_id: str) -> None:
        """Nothing: what is staged beside a file lies in a folder of the run's."""
