"""Delta outputs that are written beside their table, and committed late in the table's own log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tauro.io.delta.commit import StagedCommit
from tauro.io.delta.log import DeltaLog
from tauro.io.delta.new import StagedNew
from tauro.io.delta.place import DeltaPlace
from tauro.io.delta.stand_in import StandIn
from tauro.io.delta.write import explained
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition
from tauro.io.writing import spark_errors
from tauro.storage.local import remove_tree
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def stage_late(
    session: SparkSession,
    request: WriteRequest,
    frame: DataFrame,
    place: DeltaPlace,
    condition: WindowCondition | None,
    *,
    kind: StandIn,
    folders: tuple[Path, Path, Path],
    is_persisted: bool,
) -> StagedNew | StagedCommit:
    """Writes a frame into a stand-in for its table.

    Args:
        session: a session whose Delta is understood.
        request: the output.
        frame: its rows, with the table's columns.
        place: the table.
        condition: what a windowed overwrite replaces.
        kind: what to write into.
        folders: the table's, that of all that is staged beside it, and the stand-in's.
        is_persisted: whether the frame was persisted for this output, and is to be released with it.

    Raises:
        WriteError: Spark failed, or what an append would replace can't be told; nothing is left behind.
        WindowError: rows lie outside the window.
    """
    target, workshop, work = folders
    step("delta.clear")
    remove_tree(work)
    DeltaLog(session, work).forget()
    given: dict[str, Any] = {  # Any: the fields that both kinds have, each of its own type
        "session": lambda: session,
        "schema": frame.schema.json(),
        "request": request,
        "frame": frame,
        "place": place,
        "condition": condition,
        "target": target,
        "workshop": workshop,
        "work": work,
        "is_persisted": is_persisted,
    }
    staged: StagedNew | StagedCommit
    try:
        if kind is StandIn.NEW:
            staged = StagedNew(**given)
        else:
            snapshot = DeltaLog(session, target).latest()
            about = snapshot.metadata
            given |= {"table_id": about["id"], "partition_by": tuple(about["partitionColumns"])}
            staged = StagedCommit(**given, kind=kind, version=snapshot.version)
    except BaseException:
        if is_persisted:
            frame.unpersist()
        raise
    try:
        staged.write()
    except BaseException as error:
        staged.discard()
        if isinstance(error, spark_errors()):
            raise explained(error, request) from error
        raise
    return staged
