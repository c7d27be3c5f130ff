"""The session that Databricks gives: in a notebook, in a job, or by databricks-connect."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pyspark.sql import SparkSession

from tauro.errors import SessionError
from tauro.model import Options
from tauro.spark.active import active_session
from tauro.spark.needs import Project
from tauro.spark.shipping import ship_modules

_RUNTIME = "DATABRICKS_RUNTIME_VERSION"
"""The variable that is set wherever Databricks runs Python."""


def open_databricks(project: Project, pipeline_config: Options) -> SparkSession:
    """The session there is; it is never stopped. Settings of the project are not given to it.

    Raises:
        SessionError: there is none.
    """
    del pipeline_config
    ship_modules(project.root)
    return _session(os.environ)


def _session(environment: Mapping[str, str]) -> SparkSession:
    found = active_session()
    if found is not None:
        return found
    if environment.get(_RUNTIME):  # a job's Python, where the cluster has a session for everyone
        return SparkSession.builder.getOrCreate()
    raise SessionError(
        "mode 'databricks' uses the session there is, and there is none",
        fix="run it in a notebook or a job of Databricks; or from elsewhere: pip install databricks-connect, then "
        "`from databricks.connect import DatabricksSession; DatabricksSession.builder.getOrCreate()` and "
        "`tauro.run(...)` in one Python process",
    )
