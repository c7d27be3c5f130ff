"""How a Delta output is asked of Spark, into its table or one that stands in for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tauro.errors import WindowError, WriteError
from tauro.io.delta import by_sql
from tauro.io.formats.base import condition_of
from tauro.io.ports import WriteRequest
from tauro.io.windows import WindowCondition, quoted
from tauro.io.writing import one_line
from tauro.model import OutputResult, OverwriteScope, WriteMode
from tauro.model.settings import as_spark_options
from tauro.spark.jobs import is_classic
from tauro.storage.paths import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

_OUTSIDE = "tauro: rows outside the window"


def writer_of(
    request: WriteRequest,
    frame: DataFrame,
    condition: WindowCondition | None,
    *,
    exists: bool,
    options: Mapping[str, str],
) -> DataFrameWriter:
    """Everything about a write but its place; not for a merge into a table that exists."""
    spec = request.spec
    options = {**as_spark_options(spec.options), **options}
    mode = "append" if spec.write_mode is WriteMode.APPEND else "overwrite"
    if spec.write_mode in (WriteMode.ERROR, WriteMode.IGNORE):
        mode = "errorifexists"
    if spec.schema_evolution and exists:
        options["overwriteSchema" if spec.replaces_table else "mergeSchema"] = "true"
    if condition is not None:
        predicate = condition.sql(spec.window_column or "")
        if exists:
            options["replaceWhere"] = predicate
        else:  # Delta does not check replaceWhere when it makes a table
            frame = frame.where(f"CASE WHEN {predicate} THEN true ELSE raise_error('{_OUTSIDE}') END")
    if spec.overwrite_scope is OverwriteScope.PARTITIONS and exists:
        options["partitionOverwriteMode"] = "dynamic"
    writer = frame.write.format("delta").mode(mode).options(**options)
    return writer.partitionBy(*spec.partition_by) if spec.partition_by else writer


def merge_condition(request: WriteRequest) -> str:
    """What a merge matches rows by."""
    return " AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in request.spec.keys)


def merge_into(session: SparkSession, path: str, request: WriteRequest, frame: DataFrame, note: str | None) -> int:
    """Merges by keys; returns the rows inserted and updated.

    Args:
        session: the session.
        path: the table.
        request: the output.
        frame: the source.
        note: what the commit says of itself.
    """
    if not is_classic(session):
        evolves = request.spec.schema_evolution
        counts = by_sql.merge(session, path, frame, merge_condition(request), evolves=evolves, note=note)
        return int(counts["num_updated_rows"]) + int(counts["num_inserted_rows"])
    from delta.tables import DeltaTable
    from pyspark.sql import SparkSession

    if note is not None:
        # A session of its own, for the commit's note alone: the setting is no option of a merge, and threads share it.
        session = SparkSession(session.sparkContext, session._jsparkSession.cloneSession())
        session.conf.set("spark.databricks.delta.commitInfo.userMetadata", note)
    merge = (
        DeltaTable.forPath(session, spark_path(path))
        .alias("target")
        .merge(frame.alias("source"), merge_condition(request))
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
    )
    if request.spec.schema_evolution:
        merge = merge.withSchemaEvolution()
    (counts,) = merge.execute().collect()
    return int(counts["num_updated_rows"]) + int(counts["num_inserted_rows"])


def explained(error: Exception, request: WriteRequest) -> WriteError | WindowError:
    """What a failed write means to the user."""
    if condition_of(error) == "DELTA_REPLACE_WHERE_MISMATCH" or _OUTSIDE in str(error):
        return WindowError(
            f"rows outside the window {request.window}, by {request.spec.window_column}",
            where=request.where,
            fix="filter the result to the run's window",
        )
    place = request.spec.path or request.spec.table
    return WriteError(f"could not write delta to {place}: {one_line(error)}", where=request.where)


def result_of(request: WriteRequest, schema: str, rows: int | None, *, is_written: bool = True) -> OutputResult:
    """What publishing an output reports; `schema` is that of its rows, as JSON."""
    spec = request.spec
    return OutputResult(
        request.output_id,
        spec.format or "delta",
        path=spec.path,
        table=spec.table,
        rows=rows,
        schema=schema,
        is_written=is_written,
    )


def refusal(request: WriteRequest) -> WriteError:
    """Why `write_mode: error` does not write."""
    place = request.spec.path or request.spec.table
    return WriteError(
        f"{place} holds a Delta table already, and write_mode is error",
        where=request.where,
        fix="remove the table, or choose another write_mode",
    )
