"""A frame's columns and those of a database's table: which belong together, and which values fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tauro.io.columns import same_type

if TYPE_CHECKING:
    from pyspark.sql.types import DataType

_WHOLE = {"byte": 0, "short": 1, "integer": 2, "long": 3}
_DIGITS = {"byte": 3, "short": 5, "integer": 10, "long": 19}


def paired(ours: Sequence[str], theirs: Sequence[str]) -> dict[str, str]:
    """Our columns and the table's that they mean: of the same name, or else of the same but for its case."""
    lower = {name.lower(): name for name in reversed(theirs)}
    found = {name: name if name in theirs else lower.get(name.lower()) for name in ours}
    return {name: other for name, other in found.items() if other is not None}


def fits(ours: DataType, theirs: DataType) -> bool:
    """Whether every value of one Spark type is one of another: the same, or a wider number or time."""
    from pyspark.sql.types import DecimalType

    if same_type(ours, theirs):
        return True
    one, other = ours.typeName(), theirs.typeName()
    if one in _WHOLE and other in _WHOLE:
        return _WHOLE[one] <= _WHOLE[other]
    if isinstance(theirs, DecimalType):
        if isinstance(ours, DecimalType):
            return ours.scale <= theirs.scale and ours.precision - ours.scale <= theirs.precision - theirs.scale
        return one in _DIGITS and _DIGITS[one] <= theirs.precision - theirs.scale
    return (one, other) in {
        ("float", "double"),
        ("timestamp", "timestamp_ntz"),
        ("timestamp_ntz", "timestamp"),
    }


def cast(column: str, data_type: DataType, staged: str | None, target: str) -> str:
    """The staged column as the target takes it: text for a type of the database's own, such as `jsonb`, is cast."""
    is_text = data_type.typeName() == "string"
    return (
        f"CAST({column} AS {target})"
        if is_text and target in ("json", "jsonb", "uuid") and staged != target
        else column
    )
