"""A commit to a Delta table, taken back by another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tauro.io.delta.log import DeltaLog
from tauro.io.delta.twin import actions_of
from tauro.storage.steps import step


def take_back(log: DeltaLog, folder: Path, version: int, write_id: str) -> bool:
    """Restores what a commit has changed, unless another has followed it; the table's history keeps both.

    Args:
        log: the table's log.
        folder: the table's.
        version: the commit's.
        write_id: the commit's application id, which counts as not committed afterwards.

    Returns:
        Whether it is restored; if not, nothing was changed.
    """
    if log.latest().version != version:
        return False
    before = log.at(version - 1)
    transactions = before.transactions
    txn = log.begin(version)
    txn.read_application(write_id)
    txn.read_files()  # any commit in between is a conflict
    actions: list[dict[str, Any]] = []  # Any: JSON
    added, gone = [], set()
    for action in actions_of(folder, version):
        if "add" in action:
            added.append(action["add"])
        elif "remove" in action:
            gone.add(action["remove"]["path"])
        elif "metaData" in action:
            actions.append({"metaData": before.metadata})
        elif "txn" in action:
            name = action["txn"]["appId"]
            actions.append({"txn": {**action["txn"], "version": transactions.get(name, 0)}})
    back = before.files().only(gone).adds if gone else []
    actions += [{"add": {**add, "dataChange": True}} for add in back]
    step("delta.undo")
    txn.commit([log.files(added)], actions, log.restore_operation(version - 1), {})
    return True
