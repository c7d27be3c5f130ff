"""A change of a Delta table that is complete but for its commit in the table's own log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loguru import logger

from tauro.errors import ConflictError
from tauro.io.delta_appends import Replaced, appends_replaced, appends_since
from tauro.io.delta_log import DeltaLog, Transaction, is_conflict, removal, shallow_clone
from tauro.io.delta_notes import APPEND_TAG, append_id
from tauro.io.delta_stand_in import StagedLate, StandIn
from tauro.io.delta_twin import StagedChange, absolute, make_twin, move_new_files, read_change, tagged
from tauro.io.delta_undo import take_back
from tauro.io.delta_write import explained, merge_condition, merge_into
from tauro.io.writing import spark_errors
from tauro.model import OutputResult, WriteMode

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


def _with_id(action: Mapping[str, Any], metadata_id: str) -> dict[str, Any]:  # Any: JSON
    """An action as the target's log takes it: a table keeps its id."""
    if "metaData" in action:
        return {"metaData": {**action["metaData"], "id": metadata_id}}
    return dict(action)
