"""Pipelines as Airflow tasks: `TauroOperator`, and DAG files that use it.

Airflow imports DAG files over and over, so nothing here loads what a DAG file does not need: not Spark, nor the rest of
Tauro. A task runs `tauro run` in a process of its own, by an interpreter that may belong to another environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tauro.integrations.airflow.operator import TauroOperator

__all__ = ["TauroOperator"]


def __getattr__(name: str) -> Any:  # Any: as the protocol of module attributes has it
    """`TauroOperator`, imported when it is first used.

    Raises:
        MissingExtraError: Airflow is not installed.
    """
    if name != "TauroOperator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from tauro.integrations.airflow.operator import TauroOperator
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "airflow":
            raise
        from tauro.errors import MissingExtraError

        raise MissingExtraError("apache-airflow", "airflow", needed_for="TauroOperator") from error
    return TauroOperator
