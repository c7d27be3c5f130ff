"""A Delta table's log, by Delta's own Java classes: what no API in Python offers.

Only a classic session reaches them. They are no public interface of Delta: `is_understood` looks, once a session,
whether they are as this module takes them to be.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from py4j.protocol import Py4JError, Py4JJavaError

from tauro.io.windows import quoted
from tauro.spark.jobs import is_classic
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Any, in this module: py4j's objects have no types.
_DELTA = "org.apache.spark.sql.delta."
_METHODS = {
    "DeltaLog": (
        "DeltaLog.forTable(org.apache.spark.sql.SparkSession,java.lang.String)",
        "DeltaLog.invalidateCache(org.apache.spark.sql.SparkSession,org.apache.hadoop.fs.Path)",
        "DeltaLog.update(boolean,scala.Option,scala.Option)",
        "DeltaLog.getSnapshotAt(long,scala.Option,scala.Option,boolean)",
        "DeltaLog.startTransaction(scala.Option,scala.Option)",
        ".createDataFrame(org.apache.spark.sql.delta.SnapshotDescriptor,scala.collection.immutable.Seq,boolean,"
        "scala.Option)",
    ),
    "OptimisticTransaction": (
        ".readTxn()",
        ".filterFiles()",
        ".filterFiles(scala.collection.immutable.Seq,boolean)",
        ".commit(scala.collection.immutable.Seq,org.apache.spark.sql.delta.DeltaOperations$Operation)",
        ".registerSQLMetrics(org.apache.spark.sql.SparkSession,scala.collection.immutable.Map)",
    ),
    "Snapshot": (
        ".transactions()",
        ".domainMetadata()",
        ".checksumOpt()",
        ".allFiles()",
        ".protocol()",
        ".metadata()",
        ".version()",
    ),
    "VersionChecksum": (".setTransactions()", ".domainMetadata()"),
    "actions.AddFile": (".removeWithTimestamp(long,boolean)", ".path()", ".json()"),
    "actions.Action": (".fromJson(java.lang.String)",),
    "DeltaOperations$Write": (f"Write(org.apache.spark.sql.SaveMode{',scala.Option' * 8})",),
    "DeltaOperations$Merge": (f"Merge({','.join(['scala.Option'] * 4 + ['scala.collection.immutable.Seq'] * 3)})",),
    "DeltaOperations$Restore": ("Restore(scala.Option,scala.Option)",),
}
"""What this module calls, as Java spells it."""
_BETWEEN = "\0"
"""What stands between texts that come from Java by one call: no path and no JSON holds it."""
_CONFLICTS = (
    "ConcurrentAppendException",
    "ConcurrentDeleteDeleteException",
    "ConcurrentDeleteReadException",
    "ConcurrentTransactionException",
    "ConcurrentWriteException",
    "DeltaConcurrentModificationException",
    "MetadataChangedException",
    "ProtocolChangedException",
)
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_understood: WeakKeyDictionary[SparkSession, bool] = WeakKeyDictionary()


def is_understood(session: SparkSession) -> bool:
    """Whether this session's Delta has the classes and methods that `DeltaLog` calls; looked up once a session."""
    if not is_classic(session):
        return False
    if session not in _understood:
        _understood[session] = _has_methods(session)
    return _understood[session]


def is_conflict(error: Exception) -> bool:
    """Whether Delta refused a commit because of somebody else's."""
    name = type(error).__name__
    if isinstance(error, Py4JJavaError):
        name = str(error.java_exception.getClass().getSimpleName())
    return name in _CONFLICTS


class DeltaLog:
    """The log of the table in a local folder.

    Args:
        session: a session for which `is_understood`.
        folder: the table's.
    """

    def __init__(self, session: SparkSession, folder: Path) -> None:
        self._session = session
        jvm: Any = session._jvm
        self._jvm = jvm
        self._java: Any = session._jsparkSession
        self._delta = jvm.org.apache.spark.sql.delta
        self._none = jvm.scala.Option.empty()
        self._path = spark_path(str(folder))
        self._log: Any = self._delta.DeltaLog.forTable(self._java, self._path)

    def latest(self) -> Snapshot:
        """The newest version."""
        return Snapshot(self._log.update(False, self._none, self._none), self._jvm)

    def at(self, version: int) -> Snapshot:
        """A version, with the files that were live in it."""
        return Snapshot(self._log.getSnapshotAt(version, self._none, self._none, False), self._jvm)

    def forget(self) -> None:
        """Makes Delta forget what it remembers of the folder: another table may lie there next."""
        path = self._jvm.org.apache.hadoop.fs.Path(self._path)
        self._delta.DeltaLog.invalidateCache(self._java, path)

    def frame(self, snapshot: Snapshot, files: Iterable[Any]) -> DataFrame:
        """The rows of some of a version's files, without those that deletion vectors strike out."""
        from pyspark.sql import DataFrame

        java = self._log.createDataFrame(snapshot.java, self._seq(files), False, self._none)
        return DataFrame(java, self._session)

    def action(self, action: Mapping[str, Any]) -> Any:
        """An action from its JSON."""
        return self._delta.actions.Action.fromJson(json.dumps(action))

    def begin(self, version: int) -> Transaction:
        """A transaction that has read nothing yet but the protocol and columns of a version."""
        start = self._log.startTransaction(self._none, self._some(self.at(version).java))
        return Transaction(self, start)

    def write_operation(self, mode: str, partition_by: Iterable[str], predicate: str | None, note: str) -> Any:
        """What the history shows as WRITE; `mode` is one of Spark's save modes."""
        none, some = self._none, self._some
        save_mode = getattr(self._jvm.org.apache.spark.sql.SaveMode, mode)
        written = some(predicate) if predicate is not None else none
        make = getattr(self._delta, "DeltaOperations$Write")
        return make(save_mode, some(self._seq(partition_by)), written, some(note), none, none, none, none, none)

    def merge_operation(self, condition: str) -> Any:
        """What the history shows as MERGE."""
        none, nil = self._none, self._seq(())
        make = getattr(self._delta, "DeltaOperations$Merge")
        return make(self._some(self._expression(condition)), none, none, none, nil, nil, nil)

    def restore_operation(self, version: int) -> Any:
        """What the history shows as RESTORE."""
        return getattr(self._delta, "DeltaOperations$Restore")(self._some(version), self._none)

    def commit(
        self,
        txn: Any,
        actions: Iterable[Any],
        operation: Any,
        metrics: Mapping[str, int],
        note: str | None,
    ) -> int:
        """Commits; see `Transaction.commit`."""
        context = self._session.sparkContext._jsc.sc()
        values = self._jvm.java.util.HashMap()
        for name, value in metrics.items():
            metric = self._jvm.org.apache.spark.sql.execution.metric.SQLMetrics.createMetric(context, name)
            metric.set(value)
            values.put(name, metric)
        txn.registerSQLMetrics(self._java, self._jvm.org.apache.spark.api.python.PythonUtils.toScalaMap(values))
        with self._noting(note) if note is not None else nullcontext():
            return int(txn.commit(self._seq(actions), operation))

    def predicate(self, text: str) -> Any:
        """A condition as Delta takes it."""
        return self._seq([self._expression(text)])

    def as_list(self, java: Any) -> list[Any]:
        """A sequence of Scala's."""
        return list(self._jvm.scala.jdk.javaapi.CollectionConverters.asJava(java))

    def _expression(self, text: str) -> Any:
        return self._java.sessionState().sqlParser().parseExpression(text)

    def _some(self, value: Any) -> Any:
        return self._jvm.scala.Option.apply(value)

    def _seq(self, values: Iterable[Any]) -> Any:
        items = self._jvm.java.util.ArrayList()
        for value in values:
            items.add(value)
        return self._jvm.scala.jdk.javaapi.CollectionConverters.asScala(items).toSeq()

    @contextmanager
    def _noting(self, note: str) -> Iterator[None]:
        """Lets a commit of this thread bear a note: its operation has no place for it, and threads share sessions."""
        sessions = self._jvm.org.apache.spark.sql.classic.SparkSession
        own = self._java.cloneSession()
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
    _jvm: Any

    @property
    def version(self) -> int:
        """Its number; -1 where no table is."""
        return int(self.java.version())

    @property
    def transactions(self) -> dict[str, int]:
        """The newest version of each application."""
        known = self._of_checksum("setTransactions")
        if known is None:
            pairs = (one.rsplit(" -> ", 1) for one in _texts(self.java.transactions()))
            return {name: int(version) for name, version in pairs}
        fields = (one.removeprefix("SetTransaction(").rsplit(",", 2) for one in _texts(known))
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
        return [json.loads(one.json()) for one in self._jvm.scala.jdk.javaapi.CollectionConverters.asJava(found)]

    def files(self, condition: str | None = None) -> list[Any]:
        """The live files, or those that fulfil a condition on the columns of Delta's `add` action."""
        files = self.java.allFiles()
        return list((files if condition is None else files.where(condition)).collectAsList())

    def _of_checksum(self, name: str) -> Any:
        """What the version's checksum says, which takes no Spark job; None if it does not."""
        checksum = self.java.checksumOpt()
        found = getattr(checksum.get(), name)() if checksum.isDefined() else checksum
        return found.get() if found.isDefined() else None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A commit in the making; what it has read is held against what others commit meanwhile."""

    log: DeltaLog
    _txn: Any

    def read_application(self, app_id: str) -> None:
        """Makes a commit of the same application meanwhile a conflict, as asking for its version would, by no job."""
        self._txn.readTxn().addOne(app_id)

    def read_files(self, condition: str | None = None) -> list[Any]:
        """The live files, or those in the partitions of a condition; their rows are read from now on."""
        if condition is None:
            return self.log.as_list(self._txn.filterFiles())
        return self.log.as_list(self._txn.filterFiles(self.log.predicate(condition), False))

    def commit(
        self, actions: Iterable[Any], operation: Any, metrics: Mapping[str, int], *, note: str | None = None
    ) -> int:
        """Commits; returns the version.

        Args:
            actions: what `DeltaLog.action` or `removal` made.
            operation: one of the log's operations.
            metrics: what the history shows as the operation's.
            note: the commit's `userMetadata`, where the operation does not bear it.
        """
        return self.log.commit(self._txn, actions, operation, metrics, note)


def removal(file: Any) -> Any:
    """The removal of a live file of a snapshot."""
    return file.removeWithTimestamp(int(time.time() * 1000), True)


def _texts(java: Any) -> list[str]:
    """The texts of a collection of Scala's."""
    text = str(java.mkString(_BETWEEN))
    return text.split(_BETWEEN) if text else []


def shallow_clone(session: SparkSession, source: Path, version: int, target: Path) -> None:
    """Makes a table that holds a version's rows by naming its files."""
    names = [quoted(spark_path(str(folder))) for folder in (target, source)]
    session.sql(f"CREATE TABLE delta.{names[0]} SHALLOW CLONE delta.{names[1]} VERSION AS OF {version}")


def _has_methods(session: SparkSession) -> bool:
    jvm: Any = session._jvm
    java: Any = jvm.java
    as_text = jvm.scala.runtime.ScalaRunTime.stringOf
    loader = java.lang.Thread.currentThread().getContextClassLoader()
    try:
        for name, wanted in _METHODS.items():
            found = java.lang.Class.forName(_DELTA + name, False, loader)
            known = as_text(found.getMethods()) + as_text(found.getConstructors())
            if any(one not in known for one in wanted):
                return False
    except Py4JError:  # no such class
        return False
    return True
