"""A Delta table's log, by Delta's own Java classes: what no API in Python offers; only a classic session has them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError

from tauro.io.delta.conflicts import CONFLICTS
from tauro.io.delta.java import DeltaJava, delta_java, is_understood
from tauro.io.windows import quoted
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["DeltaLog", "Files", "Snapshot", "Transaction", "is_conflict", "is_understood", "shallow_clone"]

# Any, in this module: py4j's objects have no types.
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def is_conflict(error: Exception) -> bool:
    """Whether Delta refused a commit because of somebody else's."""
    name = type(error).__name__
    if isinstance(error, Py4JJavaError):
        name = str(error.java_exception.getClass().getSimpleName())
    return name in CONFLICTS


class DeltaLog:
    """The log of the table in a local folder.

    Args:
        session: a session for which `is_understood`.
        folder: the table's.
    """

    def __init__(self, session: SparkSession, folder: Path) -> None:
        self._session = session
        self._java = delta_java(session)
        self._path = spark_path(str(folder))
        self._log: Any = self._java.logs.forTable(self._java.session, self._path)

    def latest(self) -> Snapshot:
        """The newest version."""
        none = self._java.none
        return Snapshot(self._log.update(False, none, none), self._java)

    def at(self, version: int) -> Snapshot:
        """A version, with the files that were live in it."""
        none = self._java.none
        return Snapshot(self._log.getSnapshotAt(version, none, none, *self._java.form.snapshot_at), self._java)

    def forget(self) -> None:
        """Makes Delta forget what it remembers of the folder: another table may lie there next."""
        path = self._java.jvm.org.apache.hadoop.fs.Path(self._path)
        self._java.logs.invalidateCache(self._java.session, path)

    def frame(self, snapshot: Snapshot, files: Files) -> DataFrame:
        """The rows of some of a version's files, without those that deletion vectors strike out."""
        from pyspark.sql import DataFrame

        java = self._log.createDataFrame(snapshot.java, files.java, False, self._java.none)
        return DataFrame(java, self._session)

    def files(self, adds: Iterable[Mapping[str, Any]]) -> Files:
        """Files from what `add` actions say of them."""
        return Files(self._java.actions([{"add": one} for one in adds]), self._java)

    def begin(self, version: int) -> Transaction:
        """A transaction that has read nothing yet but the protocol and columns of a version."""
        start = self._log.startTransaction(self._java.none, self._java.some(self.at(version).java))
        return Transaction(self, start)

    def write_operation(self, mode: str, partition_by: Iterable[str], predicate: str | None, note: str) -> Any:
        """What the history shows as WRITE; `mode` is one of Spark's save modes."""
        none, some = self._java.none, self._java.some
        save_mode = getattr(self._java.jvm.org.apache.spark.sql.SaveMode, mode)
        written = some(predicate) if predicate is not None else none
        make = getattr(self._java.delta, "DeltaOperations$Write")
        columns = some(self._java.seq_of(partition_by))
        given = (columns, written, some(note))
        return make(save_mode, *given, *[none] * (self._java.form.write_options - len(given)))

    def merge_operation(self, condition: str) -> Any:
        """What the history shows as MERGE."""
        none, nil = self._java.none, self._java.seq_of(())
        make = getattr(self._java.delta, "DeltaOperations$Merge")
        return make(self._java.some(self._expression(condition)), none, none, none, nil, nil, nil)

    def restore_operation(self, version: int) -> Any:
        """What the history shows as RESTORE."""
        return getattr(self._java.delta, "DeltaOperations$Restore")(self._java.some(version), self._java.none)

    def live_files(self, txn: Any, condition: str | None) -> Files:
        """See `Transaction.read_files`."""
        if condition is None:
            return Files(txn.filterFiles(), self._java)
        return Files(txn.filterFiles(self._java.seq_of([self._expression(condition)]), False), self._java)

    def commit(
        self,
        txn: Any,
        removed: Iterable[Files],
        actions: Iterable[Mapping[str, Any]],
        operation: Any,
        metrics: Mapping[str, int],
        note: str | None,
    ) -> int:
        """Commits; see `Transaction.commit`."""
        jvm = self._java.jvm
        values = jvm.java.util.HashMap()
        for name, value in metrics.items():
            metric = jvm.org.apache.spark.sql.execution.metric.SQLMetrics.createMetric(self._java.context, name)
            metric.set(value)
            values.put(name, metric)
        txn.registerSQLMetrics(self._java.session, jvm.org.apache.spark.api.python.PythonUtils.toScalaMap(values))
        changes = self._java.actions(actions)
        for files in removed:
            changes = self._java.removals(files.java).appendedAll(changes)
        with self._noting(note) if note is not None else nullcontext():
            return int(txn.commit(changes, operation))

    def _expression(self, text: str) -> Any:
        return self._java.session.sessionState().sqlParser().parseExpression(text)

    @contextmanager
    def _noting(self, note: str) -> Iterator[None]:
        """Lets a commit of this thread bear a note: its operation has no place for it, and threads share sessions."""
        sessions = self._java.jvm.org.apache.spark.sql.classic.SparkSession
        own = self._java.session.cloneSession()
        own.conf().set(_USER_METADATA, note)
        before = sessions.getActiveSession()
        sessions.setActiveSession(own)
        try:
            yield
        finally:
            if before.isDefined():
                sessions.setActiveSession(before.get())
            else:
                sessions.clearActiveSession()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a table."""

    java: Any
    _functions: DeltaJava

    @property
    def version(self) -> int:
        """Its number; -1 where no table is."""
        return int(self.java.version())

    @property
    def transactions(self) -> dict[str, int]:
        """The newest version of each application."""
        known = self._of_checksum("setTransactions")
        if known is None:
            pairs = (one.rsplit(" -> ", 1) for one in self._functions.texts(self.java.transactions()))
            return {name: int(version) for name, version in pairs}
        fields = (one.removeprefix("SetTransaction(").rsplit(",", 2) for one in self._functions.texts(known))
        return {name: int(version) for name, version, _ in fields}

    @property
    def protocol(self) -> dict[str, Any]:
        """What a reader or writer must know to touch the table."""
        return dict(json.loads(self.java.protocol().json())["protocol"])

    @property
    def metadata(self) -> dict[str, Any]:
        """Columns, partitions and properties."""
        return dict(json.loads(self.java.metadata().json())["metaData"])

    @property
    def domains(self) -> list[dict[str, Any]]:
        """What features such as clustering keep for themselves, as actions."""
        known = self._of_checksum("domainMetadata")
        found = self.java.domainMetadata() if known is None else known
        return [json.loads(text) for text in self._functions.texts(found.map(self._functions.json_of))]

    def files(self, condition: str | None = None) -> Files:
        """The live files, or those that fulfil a condition on the columns of Delta's `add` action."""
        files = self.java.allFiles()
        found = (files if condition is None else files.where(condition)).collectAsList()
        return Files(self._functions.seq(found), self._functions)

    def _of_checksum(self, name: str) -> Any:
        """What the version's checksum says, which takes no Spark job; None if it does not."""
        checksum = self.java.checksumOpt()
        found = getattr(checksum.get(), name)() if checksum.isDefined() else checksum
        return found.get() if found.isDefined() else None


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a table, as its log knows them; they stay in Java, however many they are."""

    java: Any
    _functions: DeltaJava

    @property
    def paths(self) -> list[str]:
        """The path of each, as the log spells it."""
        return self._functions.texts(self.java.map(self._functions.path_of))

    @property
    def adds(self) -> list[dict[str, Any]]:
        """What the `add` action of each says."""
        return [json.loads(text)["add"] for text in self._functions.texts(self.java.map(self._functions.json_of))]

    def only(self, paths: Collection[str]) -> Files:
        """Those that have one of some paths, as the log spells them."""
        return Files(self._functions.only(self.java, paths), self._functions)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A commit in the making; what it has read is held against what others commit meanwhile."""

    log: DeltaLog
    _txn: Any

    def read_application(self, app_id: str) -> None:
        """Makes a commit of the same application meanwhile a conflict, as asking for its version would, by no job."""
        self._txn.readTxn().addOne(app_id)

    def read_files(self, condition: str | None = None) -> Files:
        """The live files, or those in the partitions of a condition; their rows are read from now on."""
        return self.log.live_files(self._txn, condition)

    def commit(
        self,
        removed: Iterable[Files],
        actions: Iterable[Mapping[str, Any]],
        operation: Any,
        metrics: Mapping[str, int],
        *,
        note: str | None = None,
    ) -> int:
        """Commits; returns the version.

        Args:
            removed: the files to remove.
            actions: all else, as JSON.
            operation: one of the log's operations.
            metrics: what the history shows as the operation's.
            note: the commit's `userMetadata`, where the operation does not bear it.
        """
        return self.log.commit(self._txn, removed, actions, operation, metrics, note)


def shallow_clone(session: SparkSession, source: Path, version: int, target: Path) -> None:
    """Makes a table that holds a version's rows by naming its files."""
    names = [quoted(spark_path(str(folder))) for folder in (target, source)]
    session.sql(f"CREATE TABLE delta.{names[0]} SHALLOW CLONE delta.{names[1]} VERSION AS OF {version}")
