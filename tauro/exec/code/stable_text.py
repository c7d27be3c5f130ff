"""Plain values as text that is the same in every process: sets in order, no addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PosixPath, PurePosixPath
from types import MappingProxyType, NoneType
from typing import Any
from uuid import UUID

# Any, in this module: whatever a document or a user's module holds
_BY_REPR = frozenset(
    {bool, int, float, complex, str, bytes, NoneType, type(Ellipsis), range, slice}
    | {date, datetime, time, timedelta, Decimal, Fraction, UUID, Path, PosixPath, PurePosixPath}
)


class UnstableError(Exception):
    """A value has no text that is the same in every process."""


def refused(value: Any) -> str:
    """Raises `UnstableError`."""
    raise UnstableError(type(value).__name__)


def stable_text(value: Any, other: Callable[[Any], str] = refused, *, is_ordered: bool = True) -> str:
    """A value as text.

    Args:
        value: scalars, dates, and containers of them.
        other: the text of anything else.
        is_ordered: whether the order of a mapping counts.

    Raises:
        UnstableError: it has none, or it holds itself.
    """
    return _text(value, other, is_ordered, ())


def _text(value: Any, other: Callable[[Any], str], is_ordered: bool, within: tuple[int, ...]) -> str:
    kind = type(value)
    if kind in _BY_REPR:
        return repr(value)
    if kind not in (list, tuple, set, frozenset, dict, MappingProxyType, re.Pattern):
        return other(value)
    if id(value) in within:
        raise UnstableError("holds itself")
    within = (*within, id(value))
    if kind is re.Pattern:
        return f"pattern {value.pattern!r} {value.flags}"
    if kind in (dict, MappingProxyType):
        pairs = [
            f"{_text(key, other, is_ordered, within)}: {_text(item, other, is_ordered, within)}"
            for key, item in value.items()
        ]
        return f"{{{', '.join(pairs if is_ordered else sorted(pairs))}}}"
    items = [_text(item, other, is_ordered, within) for item in value]
    return f"{kind.__name__}({', '.join(sorted(items) if kind in (set, frozenset) else items)})"
