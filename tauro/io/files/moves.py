"""Staged files that are moved into their table one by one, where no folder can be moved in one step.

What is to be moved is put down first. From then on each step can be done again, and undone: new files come in, then
the table's note of its last write is replaced, and old files go out last, to where `undo` finds them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tauro.errors import ConflictError, HalfPublishedError, bounded
from tauro.io.files.appended import APPENDS, appends_text
from tauro.io.files.marker import MARKER, read_marker
from tauro.io.files.swap import WORKSHOP
from tauro.io.files.table import FileTable, file_table_at
from tauro.io.files.write import FileWrite, refusal, write_from
from tauro.io.partitions import data_files, is_hidden
from tauro.model import WriteMode
from tauro.storage.paths import as_file_name
from tauro.storage.place import Session, discard_file, locked, move, place_of, put_whole, remove_empty, remove_tree
from tauro.storage.remote import RemotePath
from tauro.storage.steps import step

_NOTES = (MARKER, APPENDS)


@dataclass(frozen=True, slots=True)
class _Moves:
    """What publishing is to change, as it was decided when it began."""

    come: tuple[tuple[str, str], ...]
    """Files relative to the write's folder, and what they become, relative to the table's."""
    go: tuple[str, ...]
    """The table's files that do not live on."""
    notes: Mapping[str, str | None]
    """The table's notes as they will be; None for one that goes."""
    before: Mapping[str, str | None]
    """As they were."""

    def text(self) -> str:
        fields = {"come": self.come, "go": self.go, "notes": dict(self.notes), "before": dict(self.before)}
        return json.dumps(fields)


@dataclass(slots=True)
class FileMoves:
    """One staged write of files; each step can be repeated, by whoever finds it half done."""

    target: RemotePath
    """The table's folder."""
    work: RemotePath
    """The folder that is this write's alone, on the same file system."""
    write: FileWrite

    @property
    def data(self) -> RemotePath:
        """Where Spark has written."""
        return self.work / "data"

    @property
    def empty(self) -> RemotePath:
        """Where the file lies that bears the columns if the table has no other."""
        return self.work / "empty"

    def publish(self) -> bool:
        """Moves the files in, unless they are in already; False if the mode leaves alone what is there.

        Raises:
            WriteError: the mode refuses what is there by now, or the table has changed its columns meanwhile.
            HalfPublishedError: some files are in, and could not be taken out again.
            OSError: it could not be done now; the table is as it was.
        """
        with self._lock():
            moves = self._begun()
            if moves is None:
                table = file_table_at(self.target, self.write.where)
                if self._is_in(table):
                    return True
                if table is not None and self.write.mode is WriteMode.ERROR:
                    raise refusal(self.write.path, self.write.where)
                if table is not None and self.write.mode is WriteMode.IGNORE:
                    return False
                moves = self._decided(table)
                step("files.moves")
                put_whole(self._note, moves.text().encode())
            elif self._is_done(moves):
                return True
            else:
                self._check_untouched(moves)
            try:
                self._carry_out(moves)
            except Exception as error:
                self._take_back(moves, error)
                raise
            return True

    def undo(self) -> bool:
        """Puts back what was there, if this write is in; False if somebody has written since, or after `discard`."""
        with self._lock():
            moves = self._begun()
            if moves is None:
                return self.data.exists() and not self._is_ours(self.target)
            if not self._is_untouched(moves):
                return False
            step("files.undo")
            self._put_back(moves)
            return True

    def discard(self) -> None:
        """Removes what is staged and what is kept for `undo`, and the folders that are empty then.

        Raises:
            HalfPublishedError: some files are in the table and others are not, so that both are needed.
        """
        if self.work.exists():
            moves = self._begun()
            if moves is not None and self._is_untouched(moves) and not self._is_done(moves):
                raise _half_published(self.write)
            step("files.drop")
            discard_file(self._note)
            step("files.remove")
            remove_tree(self.work)
        step("files.sweep")
        remove_empty(self.work.parent, up_to=self.target.parent / WORKSHOP)

    def kept(self) -> list[str]:
        """The table's files, relative to it, that would live on if this were published now.

        Raises:
            WriteError: as `publish`.
        """
        table = file_table_at(self.target, self.write.where)
        if table is None or self.write.replaces:
            return []
        self.write.check_unchanged(table)
        is_left_out = self.write.left_out_of(table, self.data)
        return [path.as_posix() for path in data_files(table.root) if not is_left_out(path)]

    def record(self) -> dict[str, Any]:  # Any: JSON
        """All that another process needs to publish, undo or discard; `moves_from` reads it."""
        return {"target": str(self.target), "work": str(self.work), "write": self.write.record()}

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with locked(self.target.parent / WORKSHOP / f"{as_file_name(self.target.name)}.lock"):
            yield

    @property
    def _note(self) -> RemotePath:
        """What is to be moved; that it is there says that publishing has begun."""
        return self.work / "moves.json"

    def _begun(self) -> _Moves | None:
        try:
            fields = json.loads(self._note.read_bytes())
        except FileNotFoundError:
            return None
        come = tuple((source, target) for source, target in fields["come"])
        return _Moves(come, tuple(fields["go"]), fields["notes"], fields["before"])

    def _decided(self, table: FileTable | None) -> _Moves:
        """What is to be moved, from what is there now.

        Raises:
            WriteError: as `publish`.
        """
        write = self.write
        before = {name: self._text_of(name) for name in _NOTES}
        there = [file for file in _files(self.target) if file not in _NOTES]
        come = [(f"data/{path.as_posix()}", path.as_posix()) for path in data_files(self.data)]
        if write.replaces:
            notes = {MARKER: write.marker.text(), APPENDS: None}
            return _Moves(tuple(come), tuple(there), notes, before)
        write.check_unchanged(table)
        is_left_out = write.left_out_of(table, self.data)
        go = [file for file in there if is_left_out(Path(file))]
        placeholder = None
        if not come and all(is_hidden(Path(file).name) for file in there if file not in go):
            come = [(f"empty/{path.as_posix()}", path.as_posix()) for path in data_files(self.empty)]
            placeholder = come[0][1] if come else None
        appends = write.appends_with(table, is_left_out)
        marker = replace(write.marker, placeholder=placeholder, appends=len(appends))
        notes = {MARKER: marker.text(), APPENDS: appends_text(appends) if appends else None}
        return _Moves(tuple(come), tuple(go), notes, before)

    def _carry_out(self, moves: _Moves) -> None:
        """Everything that has not been done yet.

        Raises:
            ConflictError: staged files are gone.
        """
        there, mine = _files(self.target), _files(self.work)
        lost = [file for source, file in moves.come if source not in mine and file not in there]
        if lost:
            raise ConflictError(
                f"files of {self.write.path} are gone that were staged for it: {bounded(lost, 3)}",
                where=self.write.where,
                fix="run it again",
            )
        self._move("files.come", self.work, mine, self.target, there, moves.come)
        step("files.notes")
        self._put_notes(moves.notes)
        self._move("files.go", self.target, there, self.work, mine, [(file, f"old/{file}") for file in moves.go])
        self._tidy(moves.go, {*there, *(file for _, file in moves.come)} - set(moves.go))

    def _put_back(self, moves: _Moves) -> None:
        """Everything as it was before `_carry_out`, whatever that has come to do; old files come first."""
        there, mine = _files(self.target), _files(self.work)
        self._move("files.return", self.work, mine, self.target, there, [(f"old/{file}", file) for file in moves.go])
        step("files.renote")
        self._put_notes(moves.before)
        back = [(file, source) for source, file in moves.come]
        self._move("files.leave", self.target, there, self.work, mine, back)
        gone = [file for file, _ in back]
        notes = {name for name in _NOTES if moves.before[name] is None}
        self._tidy(gone, {*there, *moves.go} - {*gone, *notes})
        step("files.unmoved")
        discard_file(self._note)

    def _take_back(self, moves: _Moves, error: Exception) -> None:
        """Puts back what a failure has left half done.

        Raises:
            HalfPublishedError: it can't be.
        """
        try:
            self._put_back(moves)
        except OSError:
            raise _half_published(self.write) from error

    def _move(
        self,
        name: str,
        source: RemotePath,
        there: Mapping[str, int],
        target: RemotePath,
        done: Mapping[str, int],
        files: Iterable[tuple[str, str]],
    ) -> None:
        """Moves files side by side, as far as they are not moved yet.

        Args:
            name: of the step.
            source: the folder from which they come.
            there: what is in it, with its size.
            target: the folder to which they go.
            done: what is in that.
            files: relative to `source`, and what they become, relative to `target`.
        """

        def move_one(one: tuple[str, str]) -> None:
            old, new = source / one[0], target / one[1]
            step(name)
            if done.get(one[1]) == there[one[0]]:  # copied, and its source was not removed any more
                old.unlink(missing_ok=True)
                return
            if one[1] in done:  # a part of it
                new.unlink(missing_ok=True)
            move(old, new)

        left = [one for one in files if one[0] in there]
        at_once = min(source.files.at_once, len(left))
        if at_once <= 1:
            for one in left:
                move_one(one)
            return
        with ThreadPoolExecutor(at_once, thread_name_prefix="tauro-moves") as pool:
            for future in [pool.submit(move_one, one) for one in left]:
                future.result()

    def _tidy(self, gone: Iterable[str], left: Iterable[str]) -> None:
        """Removes the folders in which nothing is left.

        Args:
            gone: files that were there, relative to the table.
            left: those that still are.
        """
        used = {folder for file in left for folder in Path(file).parents}
        empty = {folder for file in gone for folder in Path(file).parents} - used
        for folder in sorted(empty, key=lambda one: len(one.parts), reverse=True):
            self.target.files.remove_if_empty(str(self.target / folder))

    def _put_notes(self, notes: Mapping[str, str | None]) -> None:
        """Replaces the table's notes; the marker, which names the write, comes last."""
        for name in reversed(_NOTES):
            text = notes[name]
            if text is None:
                discard_file(self.target / name)
            else:
                put_whole(self.target / name, text.encode())

    def _text_of(self, name: str) -> str | None:
        try:
            return (self.target / name).read_bytes().decode()
        except FileNotFoundError:
            return None

    def _is_ours(self, folder: RemotePath) -> bool:
        marker = read_marker(folder)
        return marker is not None and marker.write_id == self.write.marker.write_id

    def _is_in(self, table: FileTable | None) -> bool:
        """Whether this very write is in the table, and what publishing needs is gone."""
        if table is None:
            return False
        if self._is_ours(self.target):
            return True
        append = self.write.append
        return append is not None and any(one.write == append.write for one in table.appends(self.write.where))

    def _is_done(self, moves: _Moves) -> bool:
        """Whether everything is moved; runs for other windows may have followed."""
        if self._text_of(MARKER) == moves.before[MARKER]:
            return False
        there, mine = _files(self.target), _files(self.work)
        is_in = all(file in there and source not in mine for source, file in moves.come)
        return is_in and not any(file in there for file in moves.go)

    def _is_untouched(self, moves: _Moves) -> bool:
        """Whether nobody else has written since publishing began."""
        return self._is_ours(self.target) or self._text_of(MARKER) == moves.before[MARKER]

    def _check_untouched(self, moves: _Moves) -> None:
        if not self._is_untouched(moves):
            raise ConflictError(
                f"{self.write.path} was written by somebody else after this write had been published",
                where=self.write.where,
                fix="run it again",
            )


def moves_from(record: Mapping[str, Any], session: Session) -> FileMoves:  # Any: JSON
    """What `FileMoves.record` was taken of.

    Args:
        record: what it returned.
        session: opens a session, or returns the one that is open; called when something is done.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    target, work = place_of(record["target"], session), place_of(record["work"], session)
    if not isinstance(target, RemotePath) or not isinstance(work, RemotePath):
        raise ValueError(f"{target} is not remote")
    return FileMoves(target, work, write_from(record["write"]))


def _files(folder: RemotePath) -> dict[str, int]:
    """All files below a folder, relative to it, with their sizes in bytes."""
    return {one.path[len(folder.path) + 1 :]: one.size_bytes for one in folder.found_below()}


def _half_published(write: FileWrite) -> HalfPublishedError:
    return HalfPublishedError(
        f"{write.path} is published in part, and could not be put back",
        where=write.where,
        fix="`tauro recover`, or the next run, sees to it",
    )
