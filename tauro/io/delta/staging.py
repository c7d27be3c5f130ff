"""Delta outputs: checked, then staged for a late commit where the session and the table allow it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tauro.errors import WriteError, bounded
from tauro.io.columns import find_column, fitted
from tauro.io.delta.direct import StagedDirect
from tauro.io.delta.eligibility import why_direct, why_direct_anew, why_direct_into
from tauro.io.delta.late import stage_late
from tauro.io.delta.log import DeltaLog, is_understood
from tauro.io.delta.place import DeltaPlace
from tauro.io.delta.stand_in import StandIn
from tauro.io.delta.write import refusal
from tauro.io.files.staging import WORKSHOP
from tauro.io.ports import Staged, WriteRequest
from tauro.io.reach import check_seen
from tauro.io.windows import quoted
from tauro.io.writing import LeftAlone, one_line, spark_errors, window_condition
from tauro.model import OverwriteScope, WriteMode
from tauro.spark.jobs import is_classic
from tauro.storage.paths import is_remote, local_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["DeltaPlace", "stage_delta"]

_SHOWN_KEYS = 5


def stage_delta(session: SparkSession, request: WriteRequest, frame: DataFrame, place: DeltaPlace) -> Staged:
    """Checks columns, keys and mode, then writes the rows where nobody sees them; or, where that can't be, not yet.

    Raises:
        WriteError: the columns do not fit, the mode refuses what is there, a merge's keys are null or repeated, or
            Spark failed; nothing is left behind.
        WindowError: the run has no window, and the overwrite needs one; or rows lie outside it.
        UnsupportedError: the session's Spark Connect server does not see the folder.
    """
    from tauro.io.formats.delta import DELTA

    spec = request.spec
    if not is_remote(place.path):
        check_seen(session, _folders(request, place)[1], request.folder, request.where)
    exists = place.exists()
    if exists and spec.write_mode is WriteMode.ERROR:
        raise refusal(request)
    if exists and spec.write_mode is WriteMode.IGNORE:
        return LeftAlone(request)
    there = place.schema() if exists else None
    known = {field.name for field in there.fields} if there is not None else set()
    new = type(frame.schema)([field for field in frame.schema.fields if field.name not in known])
    DELTA.check_schema(frame.schema if there is None else new, spec)
    for name in (*spec.partition_by, *spec.keys):
        if find_column(frame.columns, name) is None:
            raise WriteError(f"the result has no column {name!r}: {bounded(frame.columns)}", where=request.where)
    if there is not None and not (spec.replaces_table and spec.schema_evolution):
        frame = fitted(frame, there, where=request.where, may_add=spec.schema_evolution, needed=spec.partition_by)
    condition = window_condition(request, frame.schema)
    if not is_classic(session):
        frame = _computed(request, frame)
    kind = _stand_in(session, request, place, exists=exists)
    is_persisted = spec.write_mode is WriteMode.MERGE and is_classic(session) and not frame.is_cached
    if spec.write_mode is WriteMode.MERGE:
        frame = _checked_source(request, frame, keeps=is_persisted)
    if kind is None:
        return StagedDirect(
            session=lambda: session,
            request=request,
            schema=frame.schema.json(),
            place=place,
            condition=condition,
            before=place.version(),
            frame=frame,
            is_persisted=is_persisted,
        )
    folders = _folders(request, place)
    return stage_late(session, request, frame, place, condition, kind=kind, folders=folders, is_persisted=is_persisted)


def _checked_source(request: WriteRequest, frame: DataFrame, *, keeps: bool) -> DataFrame:
    """Refuses a merge whose source holds null or repeated keys; the rows are computed once.

    Args:
        request: the output.
        frame: its rows.
        keeps: whether they are to be kept for the merge.

    Raises:
        WriteError: with some of the keys.
    """
    from pyspark.sql import functions

    if keeps:
        frame = frame.persist()
    try:
        keys = [functions.col(quoted(key)) for key in request.spec.keys]
        has_null = functions.lit(False)
        for key in keys:
            has_null = has_null | key.isNull()
        times = functions.count(functions.lit(1)).alias("times")
        bad = frame.groupBy(*keys).agg(times).where((functions.col("times") > 1) | has_null)
        try:
            rows = bad.limit(_SHOWN_KEYS).collect()
        except spark_errors() as error:
            raise WriteError(f"could not compute the rows to merge: {one_line(error)}", where=request.where) from error
        if rows:
            shown = "; ".join(str(tuple(row)[:-1]) + (f" {row[-1]} times" if row[-1] > 1 else "") for row in rows)
            raise WriteError(
                f"the rows to merge have null or repeated keys ({', '.join(request.spec.keys)}): {shown}",
                where=request.where,
                fix="return one row for each key",
            )
    except BaseException:
        if keeps:
            frame.unpersist()
        raise
    return frame


def _computed(request: WriteRequest, frame: DataFrame) -> DataFrame:
    """The rows as they are now, kept by Spark's executors; for a session over Spark Connect.

    That analyses a frame anew whenever it is used: at publishing, one would read tables that were published before it.

    Raises:
        WriteError: Spark failed.
    """
    try:
        return frame.localCheckpoint()
    except spark_errors() as error:
        raise WriteError(f"could not compute the rows: {one_line(error)}", where=request.where) from error


def _folders(request: WriteRequest, place: DeltaPlace) -> tuple[Path, Path, Path]:
    """The table's folder, that of all that is staged beside it, and this output's own."""
    target = Path(os.path.realpath(local_path(place.path)))
    workshop = target.parent / WORKSHOP
    return target, workshop, workshop / request.folder


def _stand_in(session: SparkSession, request: WriteRequest, place: DeltaPlace, *, exists: bool) -> StandIn | None:
    """What the output is written into; None if only its table will do."""
    spec = request.spec
    is_new_in_catalog = place.new_table is not None
    understood = is_understood(session)
    if why_direct(spec, place.path, is_understood=understood, is_new_in_catalog=is_new_in_catalog) is not None:
        return None
    target = _folders(request, place)[0]
    if not exists:
        return StandIn.NEW if why_direct_anew(target) is None else None
    snapshot = DeltaLog(session, target).latest()
    protocol = snapshot.protocol
    features = {*(protocol.get("readerFeatures") or ()), *(protocol.get("writerFeatures") or ())}
    if why_direct_into(spec, features) is not None:
        return None
    if spec.write_mode is WriteMode.MERGE or spec.overwrite_scope is OverwriteScope.PARTITIONS:
        return StandIn.CLONE
    if spec.overwrite_scope is OverwriteScope.WINDOW:
        columns = [name.lower() for name in snapshot.metadata["partitionColumns"]]
        return StandIn.TWIN if (spec.window_column or "").lower() in columns else StandIn.CLONE
    return StandIn.TWIN
