"""The nouns that every other room speaks in; immutable values without behaviour of their own."""

from tauro.model.dataset import InputSpec, OutputSpec, OverwriteScope, WriteMode
from tauro.model.entry import Entry, Source
from tauro.model.events import Event, Observer
from tauro.model.node import InputRef, NodeSpec, OutputRef
from tauro.model.outcome import ErrorInfo, FailureKind, NodeResult, OutputResult, RunResult, Status
from tauro.model.pipeline import PipelineSpec, PipelineType
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode, PlannedOutput
from tauro.model.settings import BreakerSpec, GlobalSettings, Mode, OnFailure, Options, Publish, RetrySpec
from tauro.model.window import Window

__all__ = [
    "BreakerSpec",
    "Entry",
    "ErrorInfo",
    "Event",
    "FailureKind",
    "GlobalSettings",
    "InputRef",
    "InputSpec",
    "Mode",
    "NodeResult",
    "NodeSpec",
    "Observer",
    "OnFailure",
    "Options",
    "Origin",
    "OutputRef",
    "OutputResult",
    "OutputSpec",
    "OverwriteScope",
    "PipelineSpec",
    "PipelineType",
    "Plan",
    "PlannedInput",
    "PlannedNode",
    "PlannedOutput",
    "Publish",
    "RetrySpec",
    "RunResult",
    "Source",
    "Status",
    "Window",
    "WriteMode",
]
