"""Hyperparameters from several places, the nearest winning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_hyperparams(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """One mapping of `layers`, later ones winning name by name; None stands for an empty one."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer or {})
    return merged
