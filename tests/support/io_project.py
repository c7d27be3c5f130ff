"""A project for tests of reading and writing: implements the port, without the loading of documents."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tauro.io import InputLoader, OutputManager
from tauro.model import GlobalSettings, InputSpec, OutputResult, OutputSpec, Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass
class IoProject:
    """A folder, a session, and entries given as plain mappings."""

    root: Path
    session: SparkSession | None = None
    inputs: dict[str, InputSpec] = field(default_factory=dict)
    outputs: dict[str, OutputSpec] = field(default_factory=dict)
    settings: GlobalSettings = field(default_factory=lambda: GlobalSettings(output_path="out"))
    window: Window | None = None

    @property
    def spark(self) -> SparkSession:
        assert self.session is not None, "this test needs no Spark"
        return self.session

    def resolve_path(self, path: str) -> str:
        return path if ":/" in path else os.path.normpath(self.root / path)

    def with_input(self, id: str, **fields: Any) -> IoProject:
        self.inputs[id] = InputSpec.parse(id, fields)
        return self

    def with_output(self, id: str, **fields: Any) -> IoProject:
        self.outputs[id] = OutputSpec.parse(id, fields)
        return self

    def write(
        self, frame: DataFrame, output: str = "t", *, window: tuple[str, str] | None = None, **fields: Any
    ) -> OutputResult:
        """Writes a frame to an output, whose entry is given anew if there are fields."""
        if fields:
            self.with_output(output, **fields)
        start, end = window or (None, None)
        (result,) = OutputManager(self).save_output({"name": "node", "output": [output]}, frame, start, end)
        return result

    def read(self, id: str = "t", **node: Any) -> DataFrame | None:
        """Reads an input, or what an output has written."""
        (frame,) = InputLoader(self).load_inputs({"input": [id], **node})
        return frame

    def rows(self, id: str = "t", **node: Any) -> list[tuple[object, ...]]:
        """The rows of an input, sorted."""
        frame = self.read(id, **node)
        assert frame is not None
        return sorted((tuple(row) for row in frame.collect()), key=repr)


def merged(fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An entry's fields with others; options are put together."""
    options = {**fields.get("options", {}), **more.pop("options", {})}
    return {**fields, **more, **({"options": options} if options else {})}
