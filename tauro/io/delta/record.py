"""Delta outputs as another process finds them again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tauro.io.delta.appends import Replaced
from tauro.io.delta.commit import StagedCommit
from tauro.io.delta.direct import DIRECT, StagedDirect
from tauro.io.delta.new import StagedNew
from tauro.io.delta.place import DeltaPlace
from tauro.io.delta.stand_in import StandIn
from tauro.io.files.staging import WORKSHOP
from tauro.io.ports import Record, Staged, WriteRequest
from tauro.io.windows import WindowCondition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def staged_delta_from(session: Callable[[], SparkSession], request: WriteRequest, record: Record) -> Staged:
    """What was staged, from its record; nothing is looked at, and no session is asked for, before it is used.

    Args:
        session: called to publish, to undo and to read.
        request: as it was staged; the path of a catalog table is where it lies.
        record: what one of `StagedNew`, `StagedCommit` and `StagedDirect` told.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    window_type = record["window_type"]
    condition = None
    if window_type is not None:
        if request.window is None:
            raise ValueError("the record is of a window, and the request has none")
        condition = WindowCondition(request.window, window_type)
    known: dict[str, Any] = {  # Any: the fields that all kinds have, each of its own type
        "session": session,
        "request": request,
        "schema": record["schema"],
        "condition": condition,
        "write_name": record["write"],
    }
    if record["kind"] == DIRECT:
        place = DeltaPlace(session, request.spec.path or "", new_table=record["new_table"])
        return StagedDirect(**known, place=place, before=record["before"])
    target = Path(record["target"])
    known |= {
        "place": DeltaPlace(session, request.spec.path or ""),
        "target": target,
        "workshop": target.parent / WORKSHOP,
        "work": Path(record["work"]),
    }
    kind = StandIn(record["kind"])
    if kind is StandIn.NEW:
        return StagedNew(**known)
    replaced = record["replaced"]
    return StagedCommit(
        **known,
        kind=kind,
        version=record["version"],
        table_id=record["table_id"],
        partition_by=tuple(record["partition_by"]),
        replaced=Replaced(tuple(replaced["ids"]), frozenset(replaced["paths"])),
    )
