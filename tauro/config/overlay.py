"""How an environment changes the base: mappings merge, everything else replaces, an explicit null removes."""

from __future__ import annotations

from collections.abc import Mapping

from tauro.config.parsed import Plain


def merge(base: Mapping[str, Plain], overlay: Mapping[str, Plain]) -> dict[str, Plain]:
    """`base` with `overlay` laid over it; neither is changed.

    Mappings merge key by key at every depth. Lists and scalars replace what stood there. A null in the overlay removes
    the key. Keys keep the base's order, new ones follow in the overlay's.
    """
    merged = dict(base)
    for key, value in overlay.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
