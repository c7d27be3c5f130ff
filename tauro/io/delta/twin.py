"""Tables that stand in for a Delta table while an output is staged, and what was written into them."""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tauro.errors import WriteError
from tauro.io.delta.log import Snapshot
from tauro.io.delta.place import rows_of
from tauro.storage.local import make_folder, remove_empty
from tauro.storage.steps import step

# Any, in this module: the JSON of Delta's actions.
_ROW_TRACKING = "delta.rowTracking"
_LOG = "_delta_log"
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})


def make_twin(snapshot: Snapshot, folder: Path) -> None:
    """Makes an empty table with the protocol, columns, properties and domains of another's version; no Spark job."""
    protocol, metadata = snapshot.protocol, snapshot.metadata
    domains = [one for one in snapshot.domains if one["domainMetadata"]["domain"] != _ROW_TRACKING]
    info: list[dict[str, Any]] = []
    checksum = _checksum_of_none(protocol, metadata, domains)
    if "inCommitTimestamp" in (protocol.get("writerFeatures") or ()):
        now, txn_id = int(time.time() * 1000), str(uuid.uuid4())
        about = {"operation": "CREATE TABLE", "operationParameters": {}, "isBlindAppend": True}
        info = [{"commitInfo": {"timestamp": now, "inCommitTimestamp": now, "txnId": txn_id, **about}}]
        checksum |= {"inCommitTimestampOpt": now, "txnId": txn_id}
    make_folder(folder / _LOG)
    _write_commit(folder, 0, [*info, {"protocol": protocol}, {"metaData": metadata}, *domains])
    (folder / _LOG / f"{0:020}.crc").write_text(json.dumps(checksum), encoding="utf-8")


def sign_first_commit(folder: Path, transactions: Mapping[str, int], tags: Mapping[str, str]) -> None:
    """Adds to the only commit of a table that nobody has seen yet.

    Args:
        folder: the table's.
        transactions: application ids with their versions.
        tags: for each of its files.
    """
    (commit,) = _commit_files(folder, 0)
    now = int(time.time() * 1000)
    actions = [tagged(action, tags) for action in _actions(commit)]
    actions += [
        {"txn": {"appId": app_id, "version": version, "lastUpdated": now}} for app_id, version in transactions.items()
    ]
    for checksum in list((folder / _LOG).glob("*.crc")):  # hidden ones too
        checksum.unlink()
    _write_commit(folder, 0, actions)


def tagged(action: Mapping[str, Any], tags: Mapping[str, str]) -> Mapping[str, Any]:
    """An action with tags added to its file, if it adds one."""
    if "add" not in action or not tags:
        return action
    return {"add": {**action["add"], "tags": {**(action["add"].get("tags") or {}), **tags}}}


@dataclass(slots=True)
class StagedChange:
    """What the commits after a stand-in's first come to, taken together."""

    folder: Path
    info: dict[str, Any] = field(default_factory=dict)
    """What the first of them says of itself."""
    adds: list[dict[str, Any]] = field(default_factory=list)
    """The `add` of each new file, and of each file of the target that has a new deletion vector."""
    removed: set[str] = field(default_factory=set)
    """The files of the target that are removed, or get a new deletion vector: absolute paths."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """The `cdc` of each file of the change feed."""
    others: list[dict[str, Any]] = field(default_factory=list)
    """The newest protocol, columns and domains, as far as they changed."""

    @property
    def rows(self) -> int | None:
        """The rows written."""
        return rows_of(self.info, adds_files=bool(self.adds))

    @property
    def metrics(self) -> dict[str, int]:
        """What the first commit measured."""
        found = self.info.get("operationMetrics", {})
        return {name: int(value) for name, value in found.items() if str(value).lstrip("-").isdigit()}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written."""
        return not (self.adds or self.removed or self.changes or self.others)

    def own_path(self, add: Mapping[str, Any]) -> str | None:
        """Where a file lies in the stand-in's folder; None if it is the target's."""
        path = unquote(add["path"])
        return None if path.startswith(("file:", "/")) else path


def read_change(folder: Path, after: int = 0) -> StagedChange:
    """Reads the commits of a stand-in after a version."""
    change = StagedChange(folder)
    adds: dict[tuple[str, str], dict[str, Any]] = {}
    others: dict[str, dict[str, Any]] = {}
    for commit in _commit_files(folder, after + 1):
        actions = list(_actions(commit))
        for action in actions:
            if "commitInfo" in action and not change.info:
                change.info = action["commitInfo"]
            if "remove" in action and adds.pop(_file_key(action["remove"]), None) is None:
                change.removed.add(absolute(action["remove"]["path"], folder))
        for action in actions:
            (kind,) = action
            if kind == "add":
                adds[_file_key(action["add"])] = {**action["add"], "dataChange": True}
            elif kind == "cdc":
                change.changes.append(action["cdc"])
            elif kind in ("metaData", "protocol"):
                others[kind] = action
            elif kind == "domainMetadata" and action[kind]["domain"] != _ROW_TRACKING:
                others[action[kind]["domain"]] = action
    change.adds = list(adds.values())
    change.others = list(others.values())
    return change


def absolute(path: str, folder: Path) -> str:
    """The path of an action as one on this machine."""
    plain = unquote(path)
    if plain.startswith("file:"):
        return "/" + plain.removeprefix("file:").lstrip("/")
    return str(folder / plain)


def move_new_files(change: StagedChange, target: Path) -> None:
    """Brings what was written into the target's folder, where no reader knows of it yet; may be done again.

    The stand-in stays readable: the files are hard links where the file system has them, and moved elsewhere.

    Raises:
        WriteError: a file is neither here nor there.
    """
    for relative in _new_files(change):
        if not (target / relative).exists():
            _move_file(change.folder / relative, target / relative)


def withdraw_new_files(change: StagedChange, target: Path) -> None:
    """Undoes `move_new_files`, also if it was stopped in the middle; the target's log must not know of the files."""
    for relative in _new_files(change):
        staged, moved = change.folder / relative, target / relative
        if moved.exists():
            step("delta.withdraw")
            if staged.exists():
                moved.unlink(missing_ok=True)
            else:
                os.rename(moved, staged)
        if moved.parent != target:
            remove_empty(moved.parent, up_to=target / Path(relative).parts[0])


def _move_file(source: Path, target: Path) -> None:
    make_folder(target.parent)
    step("delta.move")
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise WriteError(f"the staged file {source} is gone", fix="run it again") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.rename(source, target)


def actions_of(folder: Path, version: int) -> Iterator[dict[str, Any]]:
    """The actions of one commit."""
    return _actions(folder / _LOG / f"{version:020}.json")


def _new_files(change: StagedChange) -> Iterator[str]:
    for add in change.adds:
        own = change.own_path(add)
        if own is not None:
            yield own
        vector = add.get("deletionVector")
        if vector is not None and vector["storageType"] == "u":
            yield _vector_file(vector["pathOrInlineDv"])
    for one in change.changes:
        yield unquote(one["path"])


_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_ENCODED_UUID = 20


def _vector_file(encoded: str) -> str:
    """Where a deletion vector lies, relative to its table: Delta's protocol spells a prefix and a UUID in Base85."""
    prefix, text = encoded[:-_ENCODED_UUID], encoded[-_ENCODED_UUID:]
    raw = b"".join(
        sum(_Z85.index(letter) * 85 ** (4 - at) for at, letter in enumerate(text[i : i + 5])).to_bytes(4, "big")
        for i in range(0, _ENCODED_UUID, 5)
    )
    name = f"deletion_vector_{uuid.UUID(bytes=raw)}.bin"
    return f"{prefix}/{name}" if prefix else name


def _file_key(action: Mapping[str, Any]) -> tuple[str, str]:
    """What makes a file one of its own: its path, and what is struck out."""
    return unquote(action["path"]), json.dumps(action.get("deletionVector"), sort_keys=True)


def _commit_files(folder: Path, first: int) -> list[Path]:
    files = (file for file in (folder / _LOG).glob("*.json") if file.stem.isdigit())
    return sorted(file for file in files if int(file.stem) >= first)


def _actions(commit: Path) -> Iterator[dict[str, Any]]:
    for line in commit.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _checksum_of_none(
    protocol: Mapping[str, Any], metadata: Mapping[str, Any], domains: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The checksum of a version without files: Delta adds to it, and need not compute what the next version holds."""
    return {
        "tableSizeBytes": 0,
        "numFiles": 0,
        "numDeletedRecordsOpt": 0,
        "numDeletionVectorsOpt": 0,
        "numMetadata": 1,
        "numProtocol": 1,
        "setTransactions": [],
        "domainMetadata": [one["domainMetadata"] for one in domains],
        "metadata": metadata,
        "protocol": protocol,
        "allFiles": [],
    }


def _write_commit(folder: Path, version: int, actions: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(action) + "\n" for action in actions)
    (folder / _LOG / f"{version:020}.json").write_text(text, encoding="utf-8")
