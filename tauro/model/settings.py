"""Settings that pipelines, nodes and the whole project share, and the document `global_settings`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tauro.model.entry import Entry

Scalar = str | int | float | bool | None
Options = dict[str, Scalar]
"""Spark's own option names and their values."""


class Mode(StrEnum):
    """Where Spark comes from; packages may add further modes by an entry point."""

    LOCAL = "local"
    DISTRIBUTED = "distributed"
    CONNECT = "connect"
    DATABRICKS = "databricks"


class OnFailure(StrEnum):
    """What happens to the rest of a run when a node has failed."""

    STOP = "stop"
    """What is running finishes, nothing new starts."""
    CONTINUE = "continue"
    """Branches that do not depend on the failed node go on."""


class Publish(StrEnum):
    """When outputs become visible."""

    NODE = "node"
    """Each node's outputs when the node is done."""
    RUN = "run"
    """All at once when every node has succeeded."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrySpec(_Part):
    """How often, and after what pauses, a failed attempt is tried again."""

    retries: int = Field(default=0, ge=0, description="Further attempts after the first.")
    backoff_s: float = Field(default=1.0, ge=0, description="Pause before the first retry; doubles each time.")
    max_backoff_s: float = Field(default=60.0, ge=0, description="The longest pause.")


def _spell_out_retry(value: object) -> object:
    return {"retries": value} if isinstance(value, int) and not isinstance(value, bool) else value


Retry = Annotated[RetrySpec, BeforeValidator(_spell_out_retry, json_schema_input_type=int | RetrySpec)]
"""`retry: 2` is short for `{retries: 2, backoff_s: 1, max_backoff_s: 60}`."""


class BreakerSpec(_Part):
    """When too many failures in a row stop a run from starting more."""

    threshold: int = Field(default=3, ge=1, description="Consecutive failures, across nodes, that open the breaker.")
    reset_s: float = Field(default=60.0, ge=0, description="How long it stays open before one node may try.")


class FormatPolicy(_Part):
    """The formats that a project allows in each part of a hybrid pipeline; None allows all that Tauro knows."""

    batch_inputs: tuple[str, ...] | None = Field(default=None, description="Formats of batch inputs.")
    batch_outputs: tuple[str, ...] | None = Field(default=None, description="Formats of batch outputs.")
    streaming_inputs: tuple[str, ...] | None = Field(default=None, description="Formats of streaming inputs.")
    streaming_outputs: tuple[str, ...] | None = Field(default=None, description="Formats of streaming outputs.")


class GlobalSettings(Entry):
    """The document `global_settings`."""

    input_path: str | None = Field(default=None, description="Where inputs lie; for use as ${input_path}.")
    output_path: str | None = Field(default=None, description="Where outputs without an entry of their own go.")
    secrets_path: str | None = Field(default=None, description="Folder of files that ${secret:NAME} reads.")
    mode: str = Field(
        default=Mode.LOCAL.value, description="Where Spark comes from.", json_schema_extra={"examples": list(Mode)}
    )
    spark_config: Options = Field(default_factory=dict, description="Spark settings; they win over every default.")
    warm: bool = Field(default=False, description="Whether runs share a JVM that stays when they are over.")
    warm_idle_s: float = Field(default=1800.0, gt=0, description="Seconds that such a JVM stays without a run.")
    variables: dict[str, Any] = Field(default_factory=dict, description="Values for ${name}.")
    default_format: str = Field(default="parquet", description="Format of outputs without an entry of their own.")
    start_date: str | None = Field(default=None, description="The window's start where the command names none.")
    end_date: str | None = Field(default=None, description="The window's end where the command names none.")
    max_workers: int = Field(default=4, ge=1, description="Nodes that run at once, at most.")
    retry: Retry = Field(default_factory=RetrySpec, description="Retries of failed attempts.")
    timeout_s: float | None = Field(default=None, gt=0, description="Seconds that one attempt may take.")
    on_failure: OnFailure = Field(default=OnFailure.STOP, description="What happens to the rest when a node fails.")
    publish: Publish = Field(default=Publish.RUN, description="When outputs become visible.")
    history: str = Field(
        default=".tauro/history.db",
        description="Where runs are recorded: a file, the URL of a PostgreSQL database, or off.",
    )
    circuit_breaker: BreakerSpec = Field(default_factory=BreakerSpec, description="Stops a run of failures.")
    format_policy: FormatPolicy | None = Field(default=None, description="Formats allowed in hybrid pipelines.")
    default_hyperparams: dict[str, Any] = Field(default_factory=dict, description="Hyperparameters of all ML nodes.")
    default_model_version: str | None = Field(default=None, description="Model version of ML nodes.")


def as_spark_options(options: Mapping[str, Scalar]) -> dict[str, str]:
    """Options as Spark takes them: text, booleans in lower case; those that are null are left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
        if value is not None
    }
