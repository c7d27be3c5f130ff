"""Files through Hadoop's own file systems, in the JVM of a classic session: HDFS, S3 (`s3a:`) and the like."""

from __future__ import annotations

import errno
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tauro.storage.paths import moves_folders
from tauro.storage.port import Found

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Java = Any
"""An object of the JVM; py4j has no types."""

_CONDITIONAL = "fs.option.create.conditional.overwrite"
"""The option, and the ability, to create an object only where none is; S3A has it from Hadoop 3.4.2 on."""
_ASKS_FIRST = frozenset({"s3", "s3a", "s3n", "oss", "cosn", "obs", "tos"})
"""Schemes whose plain create looks first, and then writes: two at once may both succeed."""
_STATUS = re.compile(
    r"path=(?P<path>.*?); isDirectory=(?P<folder>true|false)"
    r"(?:; length=(?P<length>\d+); replication=\d+; blocksize=\d+)?; modification_time=(?P<time>\d+); access_time=",
    re.DOTALL,
)
"""A file's status as Hadoop puts it into text."""
_AT_ONCE = 16
_TRIES = 5
_GONE = ("FileNotFoundException", "NoSuchFileException")
_THERE = ("FileAlreadyExistsException",)


class HadoopFiles:
    """The file system of one scheme, with the Hadoop configuration of a session.

    Args:
        scheme: of its paths, in lower case.
        session: opens a classic session, or returns the one that is open; called when something is first asked.
    """

    def __init__(self, scheme: str, session: Callable[[], SparkSession]) -> None:
        self._scheme = scheme
        self._session = session
        self._configured: tuple[SparkSession, Java] | None = None
        """A session, and its Hadoop configuration as it was when something was first asked."""

    @property
    def moves_folders(self) -> bool:
        """Whether its scheme is one of a file system, rather than of an object store."""
        return moves_folders(self._scheme)

    @property
    def at_once(self) -> int:
        """How many files are worth moving side by side: where they are copied, many."""
        return 1 if self.moves_folders else _AT_ONCE

    def creates_once(self, path: str) -> bool:
        """Whether of several that create this file at once only one succeeds."""
        if self._scheme not in _ASKS_FIRST:
            return True
        with self._opened(path) as there:
            return bool(there.files.hasPathCapability(there.path, _CONDITIONAL))

    def find(self, path: str) -> Found | None:
        """What lies there; None if nothing does."""
        with suppress(FileNotFoundError), self._opened(path) as there:
            status = there.files.getFileStatus(there.path)
            is_folder = bool(status.isDirectory())
            return Found(path, is_folder, int(status.getLen()), status.getModificationTime() / 1000)
        return None

    def children(self, folder: str) -> list[Found]:
        """What lies right in a folder, by name."""
        with suppress(FileNotFoundError), self._opened(folder) as there:
            return there.listed(there.files.listStatusIterator(there.path))
        return []

    def below(self, folder: str) -> list[Found]:
        """All files below a folder, by path; a flat listing, where the store has one."""
        with suppress(FileNotFoundError), self._opened(folder) as there:
            return there.listed(there.files.listFiles(there.path, True))
        return []

    def holds_files(self, folder: str) -> bool | None:
        """Whether a file lies below a folder; the first page of a listing tells."""
        with suppress(FileNotFoundError), self._opened(folder) as there:
            return bool(there.files.listFiles(there.path, True).hasNext())
        return None

    def matching(self, pattern: str) -> list[str]:
        """The existing paths that a pattern stands for."""
        with self._opened(pattern) as there:
            return sorted(str(one.getPath().toString()) for one in there.files.globStatus(there.path) or ())

    def read(self, path: str) -> bytes:
        """A small file's content."""
        with self._opened(path) as there:
            stream = there.files.open(there.path)
            try:
                return bytes(there.java.to_bytes(stream))
            finally:
                stream.close()

    def write(self, path: str, content: bytes) -> None:
        """Puts a small file: by one request to a store, and by a rename elsewhere."""
        with self._opened(path) as there:
            if self.moves_folders:
                self._put_by_rename(there, content, there.java.overwrite)
            else:
                _fill(there.files.create(there.path, True), content)

    def create(self, path: str, content: bytes) -> bool:
        """Puts a small file where nothing is.

        Whether a request that failed was carried out all the same is found out by a look.
        """
        try:
            with self._opened(path) as there:
                if self.moves_folders:
                    self._put_by_rename(there, content, there.java.no_overwrite)
                elif there.files.hasPathCapability(there.path, _CONDITIONAL):
                    builder = there.files.createFile(there.path).recursive().overwrite(True)
                    _fill(builder.must(_CONDITIONAL, True).build(), content)
                elif there.files.exists(there.path):  # some stores do not look, if they are told to be quick
                    return False
                else:
                    _fill(there.files.create(there.path, False), content)
                return True
        except OSError:
            try:
                return self.read(path) == content
            except FileNotFoundError:
                pass
            raise

    def make_folder(self, path: str) -> None:
        """Makes a folder and those above it, also while others remove empty ones on the way; stores need none."""
        for left in reversed(range(_TRIES if self.moves_folders else 0)):
            try:
                with self._opened(path) as there:
                    there.files.mkdirs(there.path)
                return
            except OSError:
                if not left:
                    raise

    def move(self, source: str, target: str) -> None:
        """Moves to where nothing is: by copying and removing, in a store, and by a rename elsewhere."""
        try:
            self._move(source, target)
        except OSError as error:
            above = target.rpartition("/")[0]
            if isinstance(error, FileExistsError) or self.find(above) is not None:
                raise
            self.make_folder(above)
            self._move(source, target)

    def remove(self, paths: Iterable[str]) -> None:
        """Removes files and folders."""
        for path in paths:
            with suppress(FileNotFoundError), self._opened(path) as there:
                there.files.delete(there.path, True)

    def remove_if_empty(self, folder: str) -> bool:
        """Removes a folder with nothing in it; whether nothing is there afterwards."""
        try:
            with self._opened(folder) as there:
                there.files.delete(there.path, False)
        except FileNotFoundError:
            return True
        except OSError:
            if self.children(folder):
                return False
            raise
        return True

    @contextmanager
    def _opened(self, path: str) -> Iterator[_There]:
        """The file system of a path; what fails in the JVM is raised as `OSError`."""
        from py4j.protocol import Py4JError, Py4JJavaError
        from pyspark.errors import PySparkException

        try:
            session = self._session()
            java = _known.get(session)
            if java is None:
                java = _known[session] = _classes(session)
            if self._configured is None or self._configured[0] is not session:
                inner: Any = session  # its JVM is no part of its interface
                self._configured = session, inner._jsparkSession.sessionState().newHadoopConf()
            configuration = self._configured[1]
            place = java.path(path)
            yield _There(java, configuration, place.getFileSystem(configuration), place, path)
        except Py4JJavaError as error:
            raise _as_os_error(error, path) from error
        except (Py4JError, PySparkException) as error:
            raise OSError(f"{path} can't be reached: {error}") from error

    def _put_by_rename(self, there: _There, content: bytes, how: Java) -> None:
        folder, _, name = there.spelled.rpartition("/")
        draft = there.java.path(f"{folder}/.{name}.{uuid.uuid4().hex}.draft")
        try:
            _fill(there.files.create(draft, True), content)
            there.context.rename(draft, there.path, how)
        except BaseException:
            there.files.delete(draft, False)
            raise

    def _move(self, source: str, target: str) -> None:
        with self._opened(source) as there:
            to = there.java.path(target)
            if self.moves_folders:
                there.context.rename(there.path, to, there.java.no_overwrite)
            elif not there.files.rename(there.path, to):
                if there.files.exists(to):
                    raise FileExistsError(errno.EEXIST, "something is there already", target)
                raise OSError(errno.EIO, f"could not be moved to {target}", source)


@dataclass(frozen=True, slots=True)
class _Classes:
    """What is used of a session's JVM, looked up once."""

    path: Java
    """Makes a `Path` of text."""
    to_list: Java
    to_bytes: Java
    contexts: Java
    overwrite: Java
    """What a rename is told that replaces what is there."""
    no_overwrite: Java


@dataclass(frozen=True, slots=True)
class _There:
    """A path, and the file system on which it lies."""

    java: _Classes
    configuration: Java
    files: Java
    path: Java
    spelled: str

    @property
    def context(self) -> Java:
        """The file system as Hadoop's newer interface has it: its renames replace in one step, or refuse."""
        return self.java.contexts.getFileContext(self.path.toUri(), self.configuration)

    def listed(self, statuses: Java) -> list[Found]:
        """All that an iterator tells, sorted; it runs to its end in the JVM, and comes over as one text."""
        base = str(self.files.makeQualified(self.path).toString()).rstrip("/")
        every = self.java.to_list(statuses)
        rows = [
            (one["path"], one["folder"] == "true", int(one["length"] or 0), int(one["time"]))
            for one in _STATUS.finditer(str(every.toString()))
        ]
        is_told = len(rows) == every.size() and all(path.startswith(base) for path, *_ in rows)
        if not is_told:  # a file system that puts its files into text in its own way, as a view of others does
            rows = [
                (str(one.getPath().toString()), bool(one.isDirectory()), int(one.getLen()), one.getModificationTime())
                for one in every
            ]
        found = [
            Found(f"{self.spelled.rstrip('/')}{path.removeprefix(base)}", is_folder, size, time / 1000)
            for path, is_folder, size, time in rows
        ]
        return sorted((one for one in found if one.path != self.spelled), key=lambda one: one.path)  # a file has none


_known: WeakKeyDictionary[SparkSession, _Classes] = WeakKeyDictionary()


def _classes(session: SparkSession) -> _Classes:
    inner: Any = session  # its JVM is no part of its interface
    gateway, jvm = inner.sparkContext._gateway, inner.sparkContext._jvm
    hadoop = jvm.org.apache.hadoop
    how = getattr(hadoop.fs, "Options$Rename")
    overwrite, none = gateway.new_array(how, 1), gateway.new_array(how, 0)
    overwrite[0] = how.OVERWRITE
    return _Classes(
        path=hadoop.fs.Path,
        to_list=hadoop.util.functional.RemoteIterators.toList,
        to_bytes=jvm.org.apache.commons.io.IOUtils.toByteArray,
        contexts=hadoop.fs.FileContext,
        overwrite=overwrite,
        no_overwrite=none,
    )


def _fill(stream: Java, content: bytes) -> None:
    """Writes and closes; where the writing fails it is not closed, as closing would publish a part."""
    stream.write(content)
    stream.close()


def _as_os_error(error: Java, path: str) -> OSError:
    """What Java raised, as Python has it."""
    raised = error.java_exception
    name = str(raised.getClass().getSimpleName())
    text = str(raised.getMessage() or name).splitlines()[0]
    if name in _GONE:
        return FileNotFoundError(errno.ENOENT, text, path)
    if name in _THERE:
        return FileExistsError(errno.EEXIST, text, path)
    return OSError(errno.EIO, f"{name}: {text}", path)
