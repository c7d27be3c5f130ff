"""The link from a task to its run."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

KEY = "tauro_run"


class RunLink(BaseOperatorLink):  # type: ignore[misc]  # Airflow lives in an environment of its own
    """Leads to the run's page if the operator's `run_url` says where, else to its log."""

    @property
    def name(self) -> str:
        """What the button says."""
        return "Tauro run"

    @property
    def xcom_key(self) -> str:
        """Where Airflow keeps the link of each task instance."""
        return KEY

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # Any: Airflow's
        """The link of the task that has just been executed; empty before it knows its run."""
        del ti_key
        return str(getattr(operator, "link", None) or "")


def link_to(run_url: str | None, run_id: str, log: str) -> str:
    """The link itself.

    Args:
        run_url: a URL in which `{run_id}` stands for the run's id; None if there is no such page.
        run_id: the run's id.
        log: the run's log, an absolute path.
    """
    return f"file://{quote(log)}" if run_url is None else run_url.replace("{run_id}", quote(run_id, safe=""))
