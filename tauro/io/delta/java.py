"""Delta's own Java classes, looked up once a session, and what they do to many actions by one call."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from py4j.protocol import Py4JError

from tauro.spark.jobs import is_classic

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Any, in this module: py4j's objects have no types.
_DELTA = "org.apache.spark.sql.delta."
_METHODS = {
    "DeltaLog": (
        "DeltaLog.forTable(org.apache.spark.sql.SparkSession,java.lang.String)",
        "DeltaLog.invalidateCache(org.apache.spark.sql.SparkSession,org.apache.hadoop.fs.Path)",
        "DeltaLog.update(boolean,scala.Option,scala.Option)",
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
    "DeltaOperations$Merge": (f"Merge({','.join(['scala.Option'] * 4 + ['scala.collection.immutable.Seq'] * 3)})",),
    "DeltaOperations$Restore": ("Restore(scala.Option,scala.Option)",),
}
"""What is called, as Java spells it."""


@dataclass(frozen=True, slots=True)
class Form:
    """What versions of Delta spell differently."""

    snapshot_at: tuple[bool, ...]
    """What `getSnapshotAt` takes at last."""
    write_options: int
    """How many optional values a `Write` takes after its save mode."""

    @property
    def methods(self) -> Mapping[str, tuple[str, ...]]:
        """What is called besides `_METHODS`."""
        snapshot_at = f"long,scala.Option,scala.Option{',boolean' * len(self.snapshot_at)}"
        return {
            "DeltaLog": (f"DeltaLog.getSnapshotAt({snapshot_at})",),
            "DeltaOperations$Write": (f"Write(org.apache.spark.sql.SaveMode{',scala.Option' * self.write_options})",),
        }


_FORMS = (Form(snapshot_at=(False,), write_options=8), Form(snapshot_at=(), write_options=3))
"""Of Delta 4.4, and of Delta 4.0."""
_BETWEEN = "\0"
"""What stands between texts that go to Java or come from there by one call: no path and no JSON holds it."""
_forms: WeakKeyDictionary[SparkSession, Form | None] = WeakKeyDictionary()
_known: WeakKeyDictionary[SparkSession, DeltaJava] = WeakKeyDictionary()


def is_understood(session: SparkSession) -> bool:
    """Whether this session's Delta has the classes and methods that Tauro calls; looked up once a session.

    They are no public interface of Delta, and another version may have others.
    """
    if not is_classic(session):
        return False
    return _form_of(session) is not None


def delta_java(session: SparkSession) -> DeltaJava:
    """The classes of a session for which `is_understood`."""
    if session not in _known:
        form = _form_of(session)
        assert form is not None  # `is_understood`
        _known[session] = DeltaJava(session, form)
    return _known[session]


class DeltaJava:
    """Delta's classes in one session's JVM, and functions that work on whole sequences there.

    Every call to Java takes its time, so nothing here calls once for each file.

    Args:
        session: the session.
        form: how its Delta spells what others spell differently.
    """

    def __init__(self, session: SparkSession, form: Form) -> None:
        self.form = form
        jvm: Any = session._jvm
        gateway: Any = session.sparkContext._gateway
        self.jvm = jvm
        self.session: Any = session._jsparkSession
        self.context: Any = session.sparkContext._jsc.sc()
        self.delta = jvm.org.apache.spark.sql.delta
        self.logs = self.delta.DeltaLog
        self.none = jvm.scala.Option.empty()
        self._new_array = gateway.new_array
        self._collections = jvm.scala.jdk.javaapi.CollectionConverters
        self._lang = jvm.java.lang
        self._invoke = jvm.java.lang.invoke
        self._methods = self._invoke.MethodHandles.publicLookup()
        self._loader = self._lang.Thread.currentThread().getContextClassLoader()
        self._function = self._class("scala.Function1")
        self._string = self._class("java.lang.String")
        add, remove, action = (self._class(f"{_DELTA}actions.{name}") for name in ("AddFile", "RemoveFile", "Action"))
        text = self._type(self._string)
        self._path = self._methods.findVirtual(add, "path", text)
        self._remove = self._methods.findVirtual(
            add, "removeWithTimestamp", self._type(remove, self._lang.Long.TYPE, self._lang.Boolean.TYPE)
        )
        self.path_of = self._as_function(self._path)
        self.json_of = self._as_function(self._methods.findVirtual(action, "json", text))
        self._from_json = self._as_function(
            self._methods.findStatic(action, "fromJson", self._type(action, self._string))
        )

    def some(self, value: Any) -> Any:
        """An `Option` of Scala's."""
        return self.jvm.scala.Option.apply(value)

    def seq(self, java: Any) -> Any:
        """A list of Java's as a sequence of Scala's."""
        return self._collections.asScala(java).toSeq()

    def seq_of(self, values: Iterable[Any]) -> Any:
        """A sequence of Scala's, of few values: each takes a call."""
        items = self.jvm.java.util.ArrayList()
        for value in values:
            items.add(value)
        return self.seq(items)

    def texts(self, java: Any) -> list[str]:
        """The texts of a collection of Scala's, none of which is empty."""
        text = str(java.mkString(_BETWEEN))
        return text.split(_BETWEEN) if text else []

    def actions(self, actions: Iterable[Mapping[str, Any]]) -> Any:
        """Actions from their JSON, as a sequence of Scala's."""
        return self.seq(self._split([json.dumps(one) for one in actions], "toList")).map(self._from_json)

    def removals(self, adds: Any) -> Any:
        """The removal of each file of a sequence of `AddFile`."""
        values = self._new_array(self._lang.Object, 2)
        values[0], values[1] = self._lang.Long.valueOf(int(time.time() * 1000)), True
        return adds.map(self._as_function(self._invoke.MethodHandles.insertArguments(self._remove, 1, values)))

    def only(self, adds: Any, paths: Collection[str]) -> Any:
        """Those of a sequence of `AddFile` that have one of some paths, as the log spells them."""
        if not paths:
            return self.seq_of(())
        boolean = self._lang.Boolean.TYPE
        contains = self._methods.findVirtual(
            self._class("java.util.Set"), "contains", self._type(boolean, self._class("java.lang.Object"))
        )
        among = contains.bindTo(self._split(paths, "toSet")).asType(self._type(boolean, self._string))
        return adds.filter(self._as_function(self._invoke.MethodHandles.filterReturnValue(self._path, among)))

    def _split(self, texts: Collection[str], collector: str) -> Any:
        """Texts as a list or set of Java's."""
        if not texts:
            return self.jvm.java.util.ArrayList()
        parts = self.jvm.java.util.regex.Pattern.compile(_BETWEEN).splitAsStream(_BETWEEN.join(texts))
        return parts.collect(getattr(self.jvm.java.util.stream.Collectors, collector)())

    def _class(self, name: str) -> Any:
        return self._lang.Class.forName(name, True, self._loader)

    def _type(self, result: Any, *parameters: Any) -> Any:
        types = self._new_array(self._lang.Class, len(parameters))
        for at, one in enumerate(parameters):
            types[at] = one
        return self._invoke.MethodType.methodType(result, types)

    def _as_function(self, handle: Any) -> Any:
        return self._invoke.MethodHandleProxies.asInterfaceInstance(self._function, handle)


def _form_of(session: SparkSession) -> Form | None:
    """The form of a session's Delta; None if it lacks what is called."""
    if session not in _forms:
        forms = (form for form in _FORMS if _has_methods(session, form.methods))
        _forms[session] = next(forms, None) if _has_methods(session, _METHODS) else None
    return _forms[session]


def _has_methods(session: SparkSession, methods: Mapping[str, tuple[str, ...]]) -> bool:
    jvm: Any = session._jvm
    java: Any = jvm.java
    as_text = jvm.scala.runtime.ScalaRunTime.stringOf
    loader = java.lang.Thread.currentThread().getContextClassLoader()
    try:
        for name, wanted in methods.items():
            found = java.lang.Class.forName(_DELTA + name, False, loader)
            known = as_text(found.getMethods()) + as_text(found.getConstructors())
            if any(one not in known for one in wanted):
                return False
    except Py4JError:  # no such class
        return False
    return True
