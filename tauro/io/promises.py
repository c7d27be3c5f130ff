"""What publishing can promise for an output, told before a run: from its entry, its folder and its table's log."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tauro.io.delta.eligibility import why_direct, why_direct_anew, why_direct_into
from tauro.io.delta.features import LocalLog
from tauro.io.formats.table import PROVIDERS, provider_of
from tauro.io.options import value_of
from tauro.model import Mode, OutputSpec, OverwriteScope, WriteMode
from tauro.model.plan import Publishing, PublishWay
from tauro.storage.abilities import Abilities, abilities_of
from tauro.storage.paths import is_remote, local_path, moves_folders, scheme_of

Look = Callable[[Path], Abilities]
"""Tells what the file system of a folder can do."""

_FILES = frozenset(PROVIDERS) - {"delta"}
_S3 = frozenset({"s3", "s3a", "s3n"})
_SEEN_BY_SERVER = (
    "the Spark Connect server has to see the folder at the same path; it is asked before anything is written"
)
_DELTA_INSTEAD = "format: delta publishes there by one commit"
_ONE_DRIVER = (
    "on S3, drivers that write the table at the same time need spark.delta.logStore.s3a.impl="
    "io.delta.storage.S3DynamoDBLogStore, or commits are lost"
)
_MAKING_COMMITS = {
    "h2": "H2",
    "hsqldb": "HSQLDB",
    "mariadb": "MariaDB",
    "mysql": "MySQL",
    "oracle": "Oracle",
    "snowflake": "Snowflake",
}
"""Databases, by the word after `jdbc:`, that commit by themselves when a table is made."""


def publishing_of(spec: OutputSpec, *, mode: str = Mode.LOCAL, look: Look = abilities_of) -> Publishing:
    """How an output would be published.

    Args:
        spec: the output, its path absolute and its format set.
        mode: the project's `mode`.
        look: tells what file systems can do.
    """
    form = spec.format_name or ""
    if mode == Mode.CONNECT:
        reason = why_not_over_connect(spec)
        if reason is not None:
            return Publishing(PublishWay.NEVER, f"refused: {reason[0]}", (reason[1],))
    if form in _FILES and spec.path is not None:
        if is_remote(spec.path):
            return _remote_files(spec, spec.path, mode)
        swapped = _files(spec, _folder(spec.path), look)
        return replace(swapped, limits=(*swapped.limits, _SEEN_BY_SERVER)) if mode == Mode.CONNECT else swapped
    if form == "delta" and spec.path is not None:
        return _delta(spec, spec.path, mode, look)
    if form == "table":
        return _catalog(spec)
    if form == "jdbc":
        return _database(value_of(spec.options.items(), "url") or "")
    if form == "memory":
        return Publishing(PublishWay.MEMORY, "put in place in this process's memory")
    return Publishing(PublishWay.OTHER, f"as the format {form!r} does it")


def why_not_over_connect(spec: OutputSpec) -> tuple[str, str] | None:
    """Why an output is not written by a session over Spark Connect, and the way out; None if it is.

    Args:
        spec: the output, its path absolute and its format set.
    """
    form = spec.format_name or ""
    if form == "jdbc":
        why = "jdbc is not written over Spark Connect: its transactions need a JVM beside this process"
        return why, "mode: local or distributed; or format: delta"
    if form in _FILES and spec.path is not None and is_remote(spec.path):
        why = (
            f"{form} is not written to {scheme_of(spec.path)}:// over Spark Connect: a server renames no folders for "
            "its clients"
        )
        return why, "format: delta; or mode: local or distributed"
    return None


def _files(spec: OutputSpec, target: Path, look: Look) -> Publishing:
    can = look(target.parent)
    if can.is_object_store:
        limits = [
            "readers can see a part of the files, old or new, while they are moved, and a kill can leave it so",
            f"{_DELTA_INSTEAD}, at the store's own address (s3a://, gs://, abfss://)",
        ]
        return Publishing(
            PublishWay.COPY,
            f"moved in file by file: {can.kind} shows an object store, where renaming a folder copies it",
            tuple(limits),
        )
    if can.can_link is None:
        place = f"nothing may be written in {target.parent} now, so what its file system can do was not tried"
        return Publishing(PublishWay.SWAP, "swapped in as a whole folder", (place,))
    if not can.can_link and not _replaces_all(spec):
        kind = can.kind or "the file system"
        return Publishing(
            PublishWay.NEVER,
            f"fails: files that live on are taken along as hard links, which {kind} does not know",
            ("overwriting the whole table, or format: delta, works there",),
        )
    if not can.can_exchange:
        kind = can.kind or "this system"
        gap = f"{kind} swaps no folders in one step: for an instant the table is not there"
        return Publishing(PublishWay.SWAP, "swapped in as a whole folder, by renames", (gap,))
    return Publishing(PublishWay.SWAP, "swapped in as a whole folder, in one step")


def _folder(path: str) -> Path:
    return Path(os.path.realpath(local_path(path)))


def _replaces_all(spec: OutputSpec) -> bool:
    """Whether nothing of a table that is there lives on."""
    return spec.write_mode is not WriteMode.APPEND and spec.overwrite_scope is OverwriteScope.TABLE


def _remote_files(spec: OutputSpec, path: str, mode: str) -> Publishing:
    kind = scheme_of(path) or ""
    if mode == Mode.DATABRICKS:
        reason = f"refused: files on {kind}:// are published through a session's own JVM, which mode {mode} has none of"
        return Publishing(PublishWay.NEVER, reason, (_DELTA_INSTEAD,))
    if moves_folders(kind) and _replaces_all(spec):
        gap = f"{kind} swaps no folders in one step: for an instant the table is not there"
        return Publishing(PublishWay.SWAP, "swapped in as a whole folder, by renames", (gap,))
    both = "until all files are moved, readers can see old and new rows side by side; a kill can leave it so"
    if moves_folders(kind):
        how = f"moved in file by file: {kind} knows no hard links for the files that live on"
        return Publishing(PublishWay.COPY, how, (f"{both} until the next run", _DELTA_INSTEAD))
    return Publishing(
        PublishWay.COPY,
        f"copied in file by file: {kind} is an object store, without renames",
        (f"{both} until the next run", "files that are replaced are copied aside, and removed last", _DELTA_INSTEAD),
    )


def _delta(spec: OutputSpec, path: str, mode: str, look: Look) -> Publishing:
    reason = why_direct(spec, path, is_understood=mode not in (Mode.CONNECT, Mode.DATABRICKS))
    if reason is not None:
        is_s3 = (scheme_of(path) or "").lower() in _S3
        return _written_directly(reason, [_ONE_DRIVER] if is_s3 else [])
    folder = _folder(path)
    log, can = LocalLog(folder), look(folder.parent)
    limits = []
    if can.is_object_store:
        limits.append(f"{can.kind} shows an object store: new files are copied, and only one writer at a time is safe")
    if not log.exists:
        reason = why_direct_anew(folder)
        how = "staged beside its place, then put there in one step: a new table"
    else:
        features = log.features
        how = "staged beside the table, then committed late: one commit, nothing is copied"
        if features is None:
            limits.append("written directly if it is clustered or tracks rows: its log was not read that far back")
        else:
            reason = why_direct_into(spec, features)
    if reason is not None:
        return _written_directly(reason, limits)
    return Publishing(PublishWay.LATE_COMMIT, how, tuple(limits))


def _written_directly(reason: str, limits: list[str]) -> Publishing:
    undone = "if a later output can't be published, the version before is restored, unless somebody has committed since"
    return Publishing(
        PublishWay.DIRECT_COMMIT,
        f"written directly by one commit, when its turn to be published comes: {reason}",
        (undone, *limits),
    )


def _catalog(spec: OutputSpec) -> Publishing:
    if provider_of(spec) == "delta":
        return Publishing(
            PublishWay.COMMIT,
            "one commit: late if the table exists, else written directly, as the catalog has to make it",
        )
    return Publishing(
        PublishWay.SWAP,
        "swapped in as a whole folder where the catalog keeps it, then the catalog is told",
        ("a table that the catalog keeps as delta is committed instead; one on remote storage is refused",),
    )


def _database(url: str) -> Publishing:
    kind = url.removeprefix("jdbc:").partition(":")[0].lower()
    limits = ["what it replaces can't be put back, so databases are published last"]
    if kind in _MAKING_COMMITS:
        limits.append(
            f"{_MAKING_COMMITS[kind]} commits when a table is made: a first write is not one step, and the table may "
            "be seen empty"
        )
    return Publishing(
        PublishWay.TRANSACTION, "staged in a table of its own, then moved in by one transaction", tuple(limits)
    )
