"""The session that this process has already, of whichever kind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def active_session() -> SparkSession | None:
    """The session there is, whoever made it, a classic one or one over Spark Connect; None if there is none.

    The one that is active in this thread is preferred to that of another thread. Nothing is imported or started.
    """
    if "pyspark.sql" not in sys.modules:
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    if SparkContext._active_spark_context is not None:  # active in another thread
        return SparkSession.builder.getOrCreate()
    remote: Any = sys.modules.get("pyspark.sql.connect.session")  # Any: it is not imported unless it is used
    found: SparkSession | None = remote.SparkSession._get_default_session() if remote is not None else None
    return found
