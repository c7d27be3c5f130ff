"""Delta outputs that are written beside their table, and committed late in the table's own log; nothing is copied."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from tauro.errors import ConflictError
from tauro.io.delta_appends import Replaced, appends_replaced, appends_since
from tauro.io.delta_log import DeltaLog, Transaction, is_conflict, removal, shallow_clone
from tauro.io.delta_notes import APPEND_TAG, append_id, note, write_id
from tauro.io.delta_place import DeltaPlace
from tauro.io.delta_twin import (
    StagedChange,
    absolute,
    make_twin,
    move_new_files,
    read_change,
    sign_first_commit,
    tagged,
)
from tauro.io.delta_undo import take_back
from tauro.io.delta_write import explained, merge_condition, merge_into, refusal, writer_of
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import LeftAlone, spark_errors
from tauro.model import OutputResult, WriteMode
from tauro.storage.local import put, remove_empty, remove_tree
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class StandIn(StrEnum):
    """What an output is written into until it is published."""

    NEW = "a new table"
    TWIN = "an empty twin of the table"
    CLONE = "a shallow clone of the table"


@dataclass(slots=True, kw_only=True)
class _StagedLate:
    """What both kinds have in common."""

    session: SparkSession
    request: WriteRequest
    frame: DataFrame
    place: DeltaPlace
    condition: WindowCondition | None
    target: Path
    workshop: Path
    """The folder of all that is staged beside the target."""
    work: Path
    """The stand-in: a folder that is this output's alone."""
    is_persisted: bool
    """Whether the frame was persisted for this output."""
    write_name: str = field(default_factory=lambda: uuid.uuid4().hex)
    published: int | None = None
    """The version that was committed."""

    def discard(self) -> None:
        """Removes what is staged, and releases the rows that were kept for a merge."""
        if self.work.exists():
            remove_tree(self.work)
            DeltaLog(self.session, self.work).forget()
        remove_empty(self.work.parent, up_to=self.workshop)
        if self.is_persisted:
            self.frame.unpersist()
            self.is_persisted = False

    @property
    def _note(self) -> str:
        return note(self.request, self.write_name)

    @property
    def _id(self) -> str:
        return write_id(self.request, self.write_name)

    @property
    def _staged_place(self) -> DeltaPlace:
        return DeltaPlace(self.session, str(self.work))

    def _write(self, *, exists: bool) -> None:
        options = {"userMetadata": self._note}
        writer = writer_of(self.request, self.frame, self.condition, exists=exists, options=options)
        writer.save(spark_path(str(self.work)))

    def _result(self, rows: int | None, *, is_written: bool = True) -> OutputResult:
        spec = self.request.spec
        return OutputResult(
            self.request.output_id,
            spec.format or "delta",
            path=spec.path,
            table=spec.table,
            rows=rows,
            schema=self.frame.schema.json(),
            is_written=is_written,
        )

    def _is_committed(self, log: DeltaLog) -> bool:
        return log.latest().transactions.get(self._id, 0) > 0


@dataclass(slots=True, kw_only=True)
class StagedNew(_StagedLate):
    """A table that is complete, and waits to be put where none is yet."""

    def write(self) -> None:
        """The one Spark job."""
        self._write(exists=False)
        transactions = {self._id: 1}
        tags = {}
        if self.request.spec.write_mode is WriteMode.APPEND:
            tags[APPEND_TAG] = append_id(self.request)
            transactions[append_id(self.request)] = len(read_change(self.work, after=-1).adds)
        DeltaLog(self.session, self.work).forget()
        sign_first_commit(self.work, transactions, tags)

    def table(self) -> DataFrame | None:
        """What is staged."""
        return self._staged_place.read()

    def rows(self) -> DataFrame | None:
        """What is staged."""
        return self._staged_place.read()

    def publish(self) -> OutputResult:
        """Puts the table in its place, in one step.

        Raises:
            ConflictError: somebody has made a table there meanwhile.
            WriteError: the same, and `write_mode` is error.
        """
        mode = self.request.spec.write_mode
        rows = read_change(self.work, after=-1).rows if self.work.exists() else None
        if self.place.exists() and self._is_committed(DeltaLog(self.session, self.target)):
            self.published = 0
            return self._result(next(self.place.commits_after(-1)).rows)
        if not self.place.exists():
            try:
                put(self.work, self.target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                DeltaLog(self.session, self.work).forget()
                DeltaLog(self.session, self.target).forget()
                self.published = 0
                return self._result(rows)
        if mode is WriteMode.IGNORE:
            return LeftAlone(self.request).publish()
        if mode is WriteMode.ERROR:
            raise refusal(self.request)
        raise ConflictError(
            f"{self.place.path} was made by somebody else while this run was writing it anew",
            where=self.request.where,
            fix="run it again",
        )

    def undo(self) -> bool:
        """Takes the table away again, unless somebody has committed to it."""
        if self.published is None or self.place.version() != self.published:
            return False
        try:
            put(self.target, self.work)
        except OSError:
            return False
        if self._staged_place.version() != self.published:  # somebody was quicker
            put(self.work, self.target)
            return False
        DeltaLog(self.session, self.target).forget()
        self.published = None
        return True


@dataclass(slots=True, kw_only=True)
class StagedCommit(_StagedLate):
    """A change of a table that is complete but for its commit."""

    kind: StandIn
    version: int
    """The target's version that the change is made to."""
    partition_by: tuple[str, ...]
    """The target's."""
    replaced: Replaced = field(default_factory=Replaced)

    def write(self) -> None:
        """The stand-in, and the Spark job that writes into it.

        Raises:
            WriteError: what an append would replace can't be told.
        """
        log = DeltaLog(self.session, self.target)
        snapshot = log.at(self.version)
        if self._is_append:
            self.replaced = appends_replaced(self.request, self.place, snapshot)
        if self.kind is StandIn.TWIN:
            make_twin(snapshot, self.work)
        else:
            shallow_clone(self.session, self.target, self.version, self.work)
        if self._is_merge:
            merge_into(self.session, str(self.work), self.request, self.frame, None)
        else:
            self._write(exists=True)

    def table(self) -> DataFrame | None:
        """What lives on of the target's version, with what is staged."""
        staged = self._staged_place.read()
        if self.kind is StandIn.CLONE or (not self._is_append and self.condition is None):
            return staged
        if self.condition is not None:
            inside = self.condition.sql(self.request.spec.window_column or "")
            kept = self.place.read(self.version).where(f"NOT coalesce({inside}, false)")
        elif self.replaced.files:
            log = DeltaLog(self.session, self.target)
            snapshot = log.at(self.version)
            kept = log.frame(snapshot, [file for file in snapshot.files() if file.path() not in self.replaced.files])
        else:
            kept = self.place.read(self.version)
        return kept.unionByName(staged, allowMissingColumns=True)

    def rows(self) -> DataFrame | None:
        """What was written into the twin; of a clone, what the operation was given."""
        if self._is_merge:
            return self.frame
        if self.kind is StandIn.TWIN:
            return self._staged_place.read()
        if self.condition is not None:
            return self._staged_place.read().where(self.condition.sql(self.request.spec.window_column or ""))
        log = DeltaLog(self.session, self.work)
        return log.frame(log.latest(), [log.action({"add": add}) for add in read_change(self.work).adds])

    def publish(self) -> OutputResult:
        """Moves the new files to the target's, and commits them; done already, it changes nothing.

        Raises:
            ConflictError: somebody has changed what this change builds on; the table is as they left it.
            WriteError: Delta refused the commit; the table is as it was.
        """
        log = DeltaLog(self.session, self.target)
        if self._is_committed(log):
            return self._result_of_log()
        change = read_change(self.work)
        if change.is_empty and not self._replaces_files:
            return self._result(0)  # Delta commits nothing where nothing changes
        try:
            self._check_appends(log)
            move_new_files(change, self.target)
            self.published = self._commit(log, change)
        except spark_errors() as error:
            if not self._is_committed(log):
                raise self._conflict() if is_conflict(error) else explained(error, self.request) from error
            logger.opt(exception=error).warning("{}: committed, and then an error", self.request.where)
            return self._result_of_log()
        return self._result(change.rows)

    def undo(self) -> bool:
        """Takes the commit back by another, unless somebody has committed since."""
        if self.published is None:
            return False
        is_undone = take_back(DeltaLog(self.session, self.target), self.target, self.published, self._id)
        if is_undone:
            self.published = None
        return is_undone

    @property
    def _is_append(self) -> bool:
        return self.request.spec.write_mode is WriteMode.APPEND

    @property
    def _is_merge(self) -> bool:
        return self.request.spec.write_mode is WriteMode.MERGE

    @property
    def _replaces_files(self) -> bool:
        """Whether the commit takes away files that the stand-in does not know of."""
        return self.kind is StandIn.TWIN

    def _commit(self, log: DeltaLog, change: StagedChange) -> int:
        txn = log.begin(self.version)
        txn.read_application(self._id)
        metadata_id = log.at(self.version).metadata["id"]
        actions = [_with_id(action, metadata_id) for action in change.others]
        removals, spelled = self._read(txn, change)
        transactions = {self._id: 1}
        tags = {}
        if self._is_append:
            tags[APPEND_TAG] = append_id(self.request)
            transactions |= dict.fromkeys(self.replaced.ids, 0)
            transactions[append_id(self.request)] = len(change.adds)
            for name in transactions:
                txn.read_application(name)
        for add in change.adds:
            own = change.own_path(add)
            kept = {name: value for name, value in add.items() if own is None or name not in _ROW_IDS}
            if own is None:
                kept["path"] = spelled[absolute(add["path"], change.folder)]
            actions.append(dict(tagged({"add": kept}, tags)))
        actions += [{"cdc": one} for one in change.changes]
        actions += [
            {"txn": {"appId": name, "version": version, "lastUpdated": int(change.info.get("timestamp", 0))}}
            for name, version in transactions.items()
        ]
        return txn.commit(
            [*removals, *map(log.action, actions)],
            *self._operation(log, change),
            note=self._note if self._is_merge else None,
        )

    def _read(self, txn: Transaction, change: StagedChange) -> tuple[list[Any], dict[str, str]]:
        """What is removed, and how the target's log spells the paths of files that change; marks what was read."""
        if self._is_append:
            return [removal(file) for file in self.replaced.files.values()], {}
        if self.kind is StandIn.TWIN:
            inside = self.condition.sql(self.request.spec.window_column or "") if self.condition else None
            return [removal(file) for file in txn.read_files(inside)], {}
        by_path = {absolute(file.path(), self.target): file for file in txn.read_files()}
        touched = {path: by_path[path] for path in change.removed}
        return [removal(file) for file in touched.values()], {path: file.path() for path, file in touched.items()}

    # Any: py4j's objects have no types
    def _operation(self, log: DeltaLog, change: StagedChange) -> tuple[Any, Mapping[str, int]]:
        metrics = change.metrics
        if self._is_merge:
            metrics = {**metrics, "operationNumSourceRows": metrics.get("numSourceRows", 0)}
            return log.merge_operation(merge_condition(self.request)), metrics
        mode = "Append" if self._is_append else "Overwrite"
        inside = self.condition.sql(self.request.spec.window_column or "") if self.condition else None
        return log.write_operation(mode, self.partition_by, inside, self._note), metrics

    def _check_appends(self, log: DeltaLog) -> None:
        """Refuses to append beside what the same output has appended meanwhile.

        Raises:
            ConflictError: it has.
        """
        if self._is_append and appends_since(self.request, log.at(self.version), log.latest()):
            raise self._conflict()

    def _conflict(self) -> ConflictError:
        others = list(self.place.commits_after(self.version))
        by = ", ".join(f"version {one.version} ({one.info.get('operation')})" for one in others) or "another commit"
        return ConflictError(
            f"{self.place.path} was changed by somebody else while this run was writing to version {self.version} "
            f"of it: {by}",
            where=self.request.where,
            fix="run it again",
        )

    def _result_of_log(self) -> OutputResult:
        """What an earlier `publish` has done."""
        commit = next(one for one in self.place.commits_after(self.version) if self._id in one.transactions)
        self.published = commit.version
        return self._result(commit.rows)


_ROW_IDS = ("baseRowId", "defaultRowCommitVersion")
"""What row tracking gives each file anew in the log that it comes to."""


def stage_late(
    session: SparkSession,
    request: WriteRequest,
    frame: DataFrame,
    place: DeltaPlace,
    condition: WindowCondition | None,
    *,
    kind: StandIn,
    folders: tuple[Path, Path, Path],
    is_persisted: bool,
) -> StagedNew | StagedCommit:
    """Writes a frame into a stand-in for its table.

    Args:
        session: a session whose Delta is understood.
        request: the output.
        frame: its rows, with the table's columns.
        place: the table.
        condition: what a windowed overwrite replaces.
        kind: what to write into.
        folders: the table's, that of all that is staged beside it, and the stand-in's.
        is_persisted: whether the frame was persisted for this output, and is to be released with it.

    Raises:
        WriteError: Spark failed, or what an append would replace can't be told; nothing is left behind.
        WindowError: rows lie outside the window.
    """
    target, workshop, work = folders
    remove_tree(work)
    DeltaLog(session, work).forget()
    staged: StagedNew | StagedCommit
    try:
        if kind is StandIn.NEW:
            staged = StagedNew(
                session=session,
                request=request,
                frame=frame,
                place=place,
                condition=condition,
                target=target,
                workshop=workshop,
                work=work,
                is_persisted=is_persisted,
            )
        else:
            snapshot = DeltaLog(session, target).latest()
            staged = StagedCommit(
                session=session,
                request=request,
                frame=frame,
                place=place,
                condition=condition,
                target=target,
                workshop=workshop,
                work=work,
                is_persisted=is_persisted,
                kind=kind,
                version=snapshot.version,
                partition_by=tuple(snapshot.metadata["partitionColumns"]),
            )
    except BaseException:
        if is_persisted:
            frame.unpersist()
        raise
    try:
        staged.write()
    except BaseException as error:
        staged.discard()
        if isinstance(error, spark_errors()):
            raise explained(error, request) from error
        raise
    return staged


def _with_id(action: Mapping[str, Any], metadata_id: str) -> dict[str, Any]:  # Any: JSON
    """An action as the target's log takes it: a table keeps its id."""
    if "metaData" in action:
        return {"metaData": {**action["metaData"], "id": metadata_id}}
    return dict(action)
