"""Environment variables that switch a part of the start off."""

from __future__ import annotations

from collections.abc import Mapping


def is_off(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a variable says `off`, in one of the ways that people write that."""
    return environment.get(name, "").strip().lower() in ("off", "0", "false", "no")
