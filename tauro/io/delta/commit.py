"""A change of a Delta table that is complete but for its commit in the table's own log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loguru import logger

from tauro.errors import ConflictError
from tauro.io.delta.appends import Replaced, appends_replaced, is_appended
from tauro.io.delta.log import DeltaLog, Files, Snapshot, Transaction, is_conflict, shallow_clone
from tauro.io.delta.notes import APPEND_TAG, append_id
from tauro.io.delta.place import Commit
from tauro.io.delta.stand_in import StagedLate, StandIn
from tauro.io.delta.twin import (
    StagedChange,
    absolute,
    make_twin,
    move_new_files,
    read_change,
    tagged,
    withdraw_new_files,
)
from tauro.io.delta.undo import take_back
from tauro.io.delta.write import explained, merge_condition, merge_into
from tauro.io.writing import spark_errors
from tauro.model import OutputResult, WriteMode
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ROW_IDS = ("baseRowId", "defaultRowCommitVersion")
"""What row tracking gives each file anew in the log that it comes to."""


@dataclass(slots=True, kw_only=True)
class StagedCommit(StagedLate):
    """A change of a table that is complete but for its commit."""

    kind: StandIn
    version: int
    """The target's version that the change is made to."""
    table_id: str
    """What its log calls the target: another table may lie there by the time of the commit."""
    partition_by: tuple[str, ...]
    """The target's."""
    replaced: Replaced = field(default_factory=Replaced)

    def write(self) -> None:
        """The stand-in, and the Spark job that writes into it.

        Raises:
            WriteError: what an append would replace can't be told.
        """
        snapshot = self._log(self.target).at(self.version)
        if self._is_append:
            self.replaced = appends_replaced(self.request, self.place, snapshot)
        if self.kind is StandIn.TWIN:
            step("delta.twin")
            make_twin(snapshot, self.work)
        else:
            step("delta.clone")
            shallow_clone(self.session(), self.target, self.version, self.work)
        if self._is_merge:
            step("delta.write")
            merge_into(self.session(), str(self.work), self.request, self._source(), None)
        else:
            self._write(exists=True, is_empty=self.kind is StandIn.TWIN)

    def table(self) -> DataFrame | None:
        """What lives on of the target's version, with what is staged."""
        staged = self._staged_place.read()
        if self.kind is StandIn.CLONE or (not self._is_append and self.condition is None):
            return staged
        base = self._base
        if self.condition is not None:
            kept = self.place.read(base).where(f"NOT coalesce({self._inside}, false)")
        elif self.replaced.paths:
            log = self._log(self.target)
            snapshot = log.at(base)
            live = snapshot.files()
            kept = log.frame(snapshot, live.only(set(live.paths) - self.replaced.paths))
        else:
            kept = self.place.read(base)
        return kept.unionByName(staged, allowMissingColumns=True)

    def rows(self) -> DataFrame | None:
        """What was written into the twin; of a clone, what the operation was given.

        None for a merge that another process staged: which of its rows were given, the merged table does not tell.
        """
        if self._is_merge:
            return self.frame
        if self.kind is StandIn.TWIN:
            return self._staged_place.read()
        if self.condition is not None:
            return self._staged_place.read().where(self._inside or "")
        log = self._log(self.work)
        return log.frame(log.latest(), log.files(read_change(self.work).adds))

    def publish(self) -> OutputResult:
        """Moves the new files to the target's, and commits them; done already, it changes nothing.

        Raises:
            ConflictError: somebody has changed what this change builds on; the table is as they left it.
            WriteError: Delta refused the commit, or what was staged is gone; the table is as it was.
        """
        log = self._log(self.target)
        if self._is_committed(log):
            return self._result_of_log()
        self._check_staged()
        change = read_change(self.work)
        if change.is_empty and not self._replaces_files:
            return self._result(0)  # Delta commits nothing where nothing changes
        base = self._base
        try:
            self._check_unchanged(log, base)
            move_new_files(change, self.target)
            self._commit(log, change, base)
        except ConflictError:
            self._withdraw(log)
            raise
        except spark_errors() as error:
            if not self._is_committed(log):
                self._withdraw(log)
                raise self._conflict() if is_conflict(error) else explained(error, self.request) from error
            logger.opt(exception=error).warning("{}: committed, and then an error", self.request.where)
            return self._result_of_log()
        return self._result(change.rows)

    def record(self) -> dict[str, Any]:  # Any: JSON
        """All that another process needs."""
        return {
            "kind": self.kind.value,
            **StagedLate.record(self),
            "version": self.version,
            "table_id": self.table_id,
            "partition_by": list(self.partition_by),
            "replaced": {"ids": list(self.replaced.ids), "paths": sorted(self.replaced.paths)},
        }

    def _undo(self) -> bool:
        log = self._log(self.target)
        if not self._is_committed(log):
            self._withdraw(log)
            return True
        commit = self._own_commit()
        return commit is not None and take_back(log, self.target, commit.version, self._id)

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

    @property
    def _base(self) -> int:
        """The version to commit to: that of staging, or, where a commit was taken back, the one that did so."""
        own = self._own_commit()
        return own.version if own is not None and not own.transactions[self._id] else self.version

    def _own_commit(self) -> Commit | None:
        """The last commit that says whether this change is in."""
        found = [one for one in self.place.commits_after(self.version) if self._id in one.transactions]
        return found[-1] if found else None

    def _is_committed(self, log: DeltaLog) -> bool:
        return (self._noted(log) or 0) > 0

    def _noted(self, log: DeltaLog) -> int | None:
        """What the log notes of this change: 1 if it is in, 0 if it was taken back, None if it never was in."""
        commits = list(self.place.commits_after(self.version))
        found = [one.transactions[self._id] for one in commits if self._id in one.transactions]
        if found:
            return found[-1]
        if not commits or commits[-1].version == self.version + len(commits):
            return None
        return log.latest().transactions.get(self._id)  # some commits since were cleaned away

    def _withdraw(self, log: DeltaLog) -> None:
        """Takes files back that no version of the table knows."""
        if self._noted(log) is None:
            withdraw_new_files(read_change(self.work), self.target)

    def _commit(self, log: DeltaLog, change: StagedChange, base: int) -> None:
        txn = log.begin(base)
        txn.read_application(self._id)
        actions = [_with_id(action, self.table_id) for action in change.others]
        removed, spelled = self._read(txn, change, log.at(base))
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
        operation, metrics = self._operation(log, change)
        step("delta.commit")
        txn.commit(
            removed,
            actions,
            operation,
            metrics,
            note=self._note if self._is_merge else None,
        )

    def _read(self, txn: Transaction, change: StagedChange, base: Snapshot) -> tuple[list[Files], dict[str, str]]:
        """What is removed, and how the target's log spells the paths of files that change; marks what was read."""
        if self._is_append:
            return [self.replaced.files(base)] if self.replaced.ids else [], {}
        if self.kind is StandIn.TWIN:
            return [txn.read_files(self._inside)], {}
        live = txn.read_files()
        by_path = {absolute(path, self.target): path for path in live.paths}
        spelled = {path: by_path[path] for path in change.removed}
        return [live.only(spelled.values())], spelled

    # Any: py4j's objects have no types
    def _operation(self, log: DeltaLog, change: StagedChange) -> tuple[Any, Mapping[str, int]]:
        metrics = change.metrics
        if self._is_merge:
            metrics = {**metrics, "operationNumSourceRows": metrics.get("numSourceRows", 0)}
            return log.merge_operation(merge_condition(self.request)), metrics
        mode = "Append" if self._is_append else "Overwrite"
        return log.write_operation(mode, self.partition_by, self._inside, self._note), metrics

    def _check_unchanged(self, log: DeltaLog, base: int) -> None:
        """Refuses to commit to another table, or to append beside what the same output has appended meanwhile.

        Raises:
            ConflictError: that is so.
        """
        latest = log.latest()
        if latest.version < base or log.at(base).metadata["id"] != self.table_id:
            raise self._conflict()
        if self._is_append and is_appended(self.request, self.place.commits_after(base)):
            raise self._conflict()

    def _conflict(self) -> ConflictError:
        others = list(self.place.commits_after(self._base))
        by = ", ".join(f"version {one.version} ({one.info.get('operation')})" for one in others) or "another commit"
        return ConflictError(
            f"{self.place.path} was changed by somebody else while this run was writing to version {self.version} "
            f"of it: {by}",
            where=self.request.where,
            fix="run it again",
        )

    def _result_of_log(self) -> OutputResult:
        """What an earlier `publish` has done."""
        commit = self._own_commit()
        return self._result(commit.rows if commit is not None else None)


def _with_id(action: Mapping[str, Any], metadata_id: str) -> dict[str, Any]:  # Any: JSON
    """An action as the target's log takes it: a table keeps its id."""
    if "metaData" in action:
        return {"metaData": {**action["metaData"], "id": metadata_id}}
    return dict(action)
