"""What the command line needs of whoever writes a pipeline down for another scheduler, and where to find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from tauro.registry import Registry

if TYPE_CHECKING:
    from tauro.config import Context


class DagExporter(Protocol):
    """Writes a pipeline as a DAG of Airflow's."""

    def __call__(
        self,
        context: Context,
        pipeline: str,
        *,
        is_per_node: bool = False,
        schedule: str = ...,
        start_date: str = ...,
        has_catchup: bool = False,
        dag_id: str | None = None,
        at: str | None = None,
        env: str | None = None,
        settings: Mapping[str, str] | None = None,
        python: str | None = None,
        is_deferrable: bool = False,
    ) -> str:
        """The text of the file.

        Raises:
            ProjectError: the pipeline or an argument is wrong.
        """


EXPORTERS: Registry[DagExporter] = Registry("exporter", {"airflow": "tauro.integrations.airflow.export:dag_file"})
"""Name -> who writes it; `tauro airflow export` uses `airflow`."""
