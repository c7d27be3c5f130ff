"""Where Tauro keeps, for one user, what it would otherwise work out at every start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder that TAURO_CACHE names, or else `tauro` in the user's cache folder.

    Args:
        environment: what TAURO_CACHE and XDG_CACHE_HOME are read from.

    Returns:
        None if the user has no home.
    """
    if environment.get("TAURO_CACHE"):
        return Path(environment["TAURO_CACHE"]).expanduser().absolute()
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named / "tauro"
    try:
        return Path.home() / ".cache" / "tauro"
    except RuntimeError:
        return None
