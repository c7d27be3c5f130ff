"""A pipeline: a named set of nodes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from tauro.model.dataset import Names
from tauro.model.entry import Entry
from tauro.model.node import Dependencies
from tauro.model.settings import OnFailure, Options, Publish, Retry


class PipelineType(StrEnum):
    """How a pipeline's nodes are run."""

    BATCH = "batch"
    STREAMING = "streaming"
    HYBRID = "hybrid"
    ML = "ml"


class PipelineSpec(Entry):
    """An entry of `pipelines`."""

    nodes: Dependencies = Field(min_length=1, description="The nodes, in any order.")
    type: PipelineType = Field(default=PipelineType.BATCH, description="How the nodes are run.")
    description: str | None = Field(default=None, description="What the pipeline does, for people.")
    tags: Names = Field(default=(), description="Words to find it by.")
    requires_dates: bool = Field(default=True, description="Whether a run needs a window.")
    spark_config: Options = Field(default_factory=dict, description="Spark settings of this pipeline.")
    max_workers: int | None = Field(default=None, ge=1, description="Nodes that run at once, at most.")
    retry: Retry | None = Field(default=None, description="Retries of failed attempts.")
    timeout_s: float | None = Field(default=None, gt=0, description="Seconds that one attempt may take.")
    on_failure: OnFailure | None = Field(default=None, description="What happens to the rest when a node fails.")
    publish: Publish | None = Field(default=None, description="When outputs become visible.")
    hyperparams: dict[str, Any] = Field(default_factory=dict, description="Hyperparameters of its nodes.")
    model_version: str | None = Field(default=None, description="Model version handed to its nodes.")
