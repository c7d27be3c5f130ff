"""What a node returned, as the frames of its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tauro.errors import ResultError, bounded, did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def frames_of(node: str, outputs: Sequence[str], result: object) -> list[DataFrame]:
    """One frame for each of the node's outputs, in their order.

    Args:
        node: the node's name, for messages.
        outputs: the outputs' ids.
        result: a DataFrame of Spark (classic or Connect) for one output; a tuple or list in the outputs' order, or a
            mapping from output id to frame, for one or several.

    Raises:
        ResultError: naming the node and the output: None, a wrong type, no columns, a wrong count or a wrong key.
    """
    where = f"node {node!r}"
    if isinstance(result, Mapping):
        values = _by_id(where, outputs, result)
    elif isinstance(result, tuple | list):
        if len(result) != len(outputs):
            raise ResultError(
                f"returned {len(result)} results for {len(outputs)} outputs ({bounded(outputs)})",
                where=where,
                fix="return one DataFrame for each output, in their order, or a mapping from output to DataFrame",
            )
        values = list(result)
    elif len(outputs) == 1:
        values = [result]
    else:
        raise ResultError(
            f"returned {_described(result)} for {len(outputs)} outputs ({bounded(outputs)})",
            where=where,
            fix="return a tuple, or a mapping from output to DataFrame",
        )
    return [_checked(f"{where}, output {id!r}", value) for id, value in zip(outputs, values, strict=True)]


def _by_id(where: str, outputs: Sequence[str], result: Mapping[object, object]) -> list[object]:
    unknown = [str(key) for key in result if key not in outputs]
    if unknown:
        raise ResultError(
            f"returned results for what is no output of it: {bounded(unknown)}; its outputs: {bounded(outputs)}",
            where=where,
            fix=did_you_mean(unknown[0], outputs),
        )
    missing = [id for id in outputs if id not in result]
    if missing:
        raise ResultError(f"returned nothing for output {bounded([repr(id) for id in missing])}", where=where)
    return [result[id] for id in outputs]


def _checked(where: str, value: object) -> DataFrame:
    from pyspark.sql import DataFrame

    if not isinstance(value, DataFrame):
        raise ResultError(
            f"expected a Spark DataFrame, got {_described(value)}",
            where=where,
            fix="return the DataFrame" if value is None else None,
        )
    if not value.columns:
        raise ResultError("the DataFrame has no columns", where=where, fix="select one column at least")
    return value


def _described(value: object) -> str:
    return "None" if value is None else f"a {type(value).__module__}.{type(value).__qualname__}"
