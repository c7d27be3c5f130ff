"""Which store a project's history is in."""

from __future__ import annotations

import os
from pathlib import Path

from tauro.history.ports import HistoryStore, OpensHistory
from tauro.registry import Registry

OFF = "off"

HISTORY_STORES: Registry[OpensHistory] = Registry(
    "history store",
    {
        "sqlite": "tauro.history.sqlite:SqliteStore",
        "postgresql": "tauro.history.postgres:PostgresStore",
        "postgres": "tauro.history.postgres:PostgresStore",
    },
    group="tauro.history_stores",
    extras={"postgresql": "postgres", "postgres": "postgres"},
)
"""Scheme of the URL -> what opens the store."""


def url_of(setting: str, root: Path) -> str | None:
    """The URL that the setting `history` stands for; None if there is to be no history.

    Args:
        setting: a URL, a path, or `off`.
        root: the project's folder, where relative paths start.
    """
    if setting == OFF:
        return None
    if "://" in setting and not setting.startswith("sqlite://"):
        return setting
    path = setting.removeprefix("sqlite://").removeprefix("sqlite:")
    return f"sqlite:{os.path.normpath(root / path)}"


def open_store(url: str, *, is_reader: bool) -> HistoryStore:
    """The store at `url`.

    Raises:
        UnknownNameError: no store is registered for its scheme.
        MissingExtraError: a package is missing.
        HistoryError: it can't be used.
    """
    return HISTORY_STORES[url.partition(":")[0]](url, is_reader=is_reader)
