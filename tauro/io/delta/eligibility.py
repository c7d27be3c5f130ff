"""Which Delta outputs are staged and committed late: the one place that decides, with or without Spark."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tauro.errors import bounded
from tauro.io.options import value_of
from tauro.model import OutputSpec, WriteMode
from tauro.storage.paths import is_remote

ROW_TRACKING = "rowTracking"
KNOWN_FEATURES = frozenset(
    {
        "allowColumnDefaults",
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "columnMapping",
        "deletionVectors",
        "domainMetadata",
        "generatedColumns",
        "identityColumns",
        "inCommitTimestamp",
        "invariants",
        ROW_TRACKING,
        "timestampNtz",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    }
)
"""The table features that a late commit was tried with; a table with another one is written directly."""


def why_direct(spec: OutputSpec, path: str, *, is_understood: bool, is_new_in_catalog: bool = False) -> str | None:
    """Why an output is written straight into its table, whatever lies there; None if that depends on the table.

    Args:
        spec: the output.
        path: where its table lies.
        is_understood: whether the session is a classic one whose Delta has the classes that Tauro calls.
        is_new_in_catalog: whether it is a table of a catalog that does not exist yet.
    """
    if is_new_in_catalog:
        return "the catalog has to make the table"
    if is_remote(path):
        return "the table lies on remote storage"
    if not is_understood:
        return "the session does not reach Delta's log"
    if value_of(spec.options.items(), "dataChange") is not None:
        return "it has the option dataChange"
    return None


def why_direct_anew(folder: Path) -> str | None:
    """Why a table that does not exist yet is written straight into its folder; None if it is staged."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    return "its folder holds something else"


def why_direct_into(spec: OutputSpec, features: Collection[str]) -> str | None:
    """Why an output is written straight into a table that exists; None if it is staged.

    Args:
        spec: the output.
        features: the table features in the table's protocol, a reader's and a writer's.
    """
    unknown = sorted(set(features) - KNOWN_FEATURES)
    if unknown:
        return "the table is clustered" if unknown == ["clustering"] else f"the table has {bounded(unknown)}"
    if ROW_TRACKING in features and spec.write_mode is not WriteMode.APPEND:
        return "the table tracks rows, which only an append leaves as they are"
    return None
