"""Paths as text: local or remote, in one canonical spelling, with or without globs."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from glob import glob, has_magic
from pathlib import Path
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):(?=/)")
_MOVING = frozenset({"hdfs", "maprfs", "ofs", "swebhdfs", "viewfs", "webhdfs"})
_BRACES = re.compile(r"(?<!\$)\{([^{}]*)\}")  # not the braces of ${name}
_GLOB_CHARACTERS = frozenset("{}[]*?\\")


def scheme_of(path: str) -> str | None:
    """The scheme of a path that has one, such as `s3a`; None for plain and for `file:` paths."""
    found = _SCHEME.match(path)
    return None if found is None or found[1].lower() == "file" else found[1]


def moves_folders(scheme: str) -> bool:
    """Whether a folder moves in one step on the remote file systems of a scheme; object stores copy file by file."""
    return scheme.lower() in _MOVING


def is_remote(path: str) -> bool:
    """Whether the path lies on a file system other than this machine's."""
    return scheme_of(path) is not None


def local_path(path: str) -> Path:
    """The path on this machine, without a `file:` scheme, normalised; symbolic links are kept."""
    found = _SCHEME.match(path)
    if found is not None and found[1].lower() == "file":
        path = re.sub("^/{2,}", "/", path[found.end() :])
    return Path(os.path.normpath(path))


def canonical(path: str) -> str:
    """One spelling for one place: a normalised absolute path without a trailing slash or `file:`.

    A remote one has its scheme in lower case, and one slash between folders.
    """
    if path.startswith("/") and "//" not in path and "/." not in path:
        return path.rstrip("/") or "/"  # nothing to work out, as for most of a project's many paths
    scheme = scheme_of(path)
    if scheme is not None:
        return _canonical_remote(scheme.lower(), path[len(scheme) + 1 :])
    return os.path.abspath(local_path(path))


def _canonical_remote(scheme: str, rest: str) -> str:
    authority, path = "", rest
    if rest.startswith("//"):
        authority, _, path = rest[2:].partition("/")
    path = posixpath.normpath(f"/{path}").lstrip("/")
    return f"{scheme}://{authority}/{path}".rstrip("/") if authority else f"{scheme}:///{path}"


def has_glob(path: str) -> bool:
    """Whether the path is a pattern."""
    return has_magic(path) or _BRACES.search(path) is not None


def matches(pattern: str) -> list[Path]:
    """The existing local paths that a pattern of Hadoop's kind (`*`, `?`, `[a-c]`, `[^a]`, `{a,b}`) stands for."""
    plain = (one.replace("[^", "[!") for one in _without_braces(str(local_path(pattern))))
    return sorted({Path(found) for one in plain for found in glob(one)})


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern of Hadoop's kind stands for a path, which need not exist; `*` stays within one folder."""
    folders = path.split("/")
    for one in _without_braces(pattern):
        parts = one.replace("[^", "[!").split("/")
        if len(parts) == len(folders) and all(map(fnmatchcase, folders, parts)):
            return True
    return False


def _without_braces(pattern: str) -> Iterator[str]:
    found = _BRACES.search(pattern)
    if found is None:
        yield pattern
        return
    for choice in found[1].split(","):
        yield from _without_braces(pattern[: found.start()] + choice + pattern[found.end() :])


def spark_path(path: str) -> str:
    """The path as Spark takes it: with `file:` where it is local, whatever the cluster's default file system is."""
    return path if is_remote(path) else f"file:{local_path(path)}"


def literal_spark_path(path: str) -> str:
    """As `spark_path`, for reading a place whose name holds characters that Hadoop takes for a pattern."""
    escaped = "".join(f"\\{letter}" if letter in _GLOB_CHARACTERS else letter for letter in path)
    return escaped if is_remote(path) else f"file:{escaped}"


def as_file_name(text: str) -> str:
    """`text` as one path component that file systems, and Hadoop's patterns, take literally."""
    name = quote(text, safe="")
    return name.replace(".", "%2E") if not name.strip(".") else name


def from_file_name(name: str) -> str:
    """The text that `as_file_name` made a name of."""
    return unquote(name)
