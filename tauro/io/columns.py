"""Columns matched by name: what a frame and the table it goes to agree on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tauro.errors import WriteError, bounded
from tauro.io.windows import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType, StructType


def selected(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    """The frame with its columns in the order of `names`; itself if they are already."""
    if frame.columns == list(names):
        return frame
    return frame.select(*[quoted(name) for name in names])


def find_column(names: Sequence[str], name: str) -> str | None:
    """The column that `name` means, in its own spelling: the same letters, or else the same but for their case."""
    if name in names:
        return name
    return next((one for one in names if one.lower() == name.lower()), None)


def fitted(
    frame: DataFrame,
    table: StructType,
    *,
    where: str,
    may_add: bool = False,
    compare_types: bool = True,
    needed: Sequence[str] = (),
) -> DataFrame:
    """The frame with the table's columns in the table's order, matched by name.

    Args:
        frame: what is to be written.
        table: the columns that are there.
        where: the output, for messages.
        may_add: whether columns of the frame alone are added behind, and those of the table alone filled with null.
        compare_types: whether a column's type must be the table's; text files do not tell theirs.
        needed: columns that can't be filled with null: the partitions'.

    Raises:
        WriteError: naming the columns that are missing, new, or of another type.
    """
    from pyspark.sql import functions

    theirs = {field.name: field.dataType for field in table.fields}
    ours = {field.name: field.dataType for field in frame.schema.fields}
    found = {name: find_column(list(ours), name) for name in theirs}
    missing = [name for name, own in found.items() if own is None and not (may_add and name not in needed)]
    extra = [name for name in ours if name not in found.values()]
    problems = [f"missing: {bounded(missing)}"] if missing else []
    if extra and not may_add:
        problems.append(f"not in the table: {bounded(extra)}")
    if compare_types:
        changed = [
            f"{name} is {ours[own].simpleString()}, in the table {theirs[name].simpleString()}"
            for name, own in found.items()
            if own is not None and not same_type(ours[own], theirs[name])
        ]
        problems += [f"of another type: {bounded(changed)}"] if changed else []
    if problems:
        raise WriteError(
            f"the columns do not match the table's: {'; '.join(problems)}",
            where=where,
            fix="return the table's columns"
            + ("" if may_add else ", or set schema_evolution: true if the table's are to change"),
        )
    if [*found.values(), *extra] == frame.columns and list(found) == list(found.values()):
        return frame
    columns = [
        functions.lit(None).cast(theirs[name]).alias(name) if own is None else functions.col(quoted(own)).alias(name)
        for name, own in found.items()
    ]
    return frame.select(*columns, *[functions.col(quoted(name)) for name in extra])


def same_type(one: DataType, other: DataType) -> bool:
    """Whether two types hold the same values, nulls aside."""
    return bool(_plain(json.loads(one.json())) == _plain(json.loads(other.json())))


def as_nullable(schema: StructType) -> StructType:
    """The schema as readers of files see it: every column may be null."""
    from pyspark.sql.types import StructType

    def loosened(value: Any) -> Any:  # Any: JSON
        if isinstance(value, dict):
            loose = {"nullable": True, "containsNull": True, "valueContainsNull": True}
            return {key: loose.get(key, loosened(inner)) for key, inner in value.items()}
        return [loosened(inner) for inner in value] if isinstance(value, list) else value

    return StructType.fromJson(loosened(json.loads(schema.json())))


def _plain(value: Any) -> Any:  # Any: JSON
    """A type's JSON without what does not change its values."""
    if isinstance(value, dict):
        left_out = ("nullable", "containsNull", "valueContainsNull", "metadata")
        return {key: _plain(inner) for key, inner in value.items() if key not in left_out}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
