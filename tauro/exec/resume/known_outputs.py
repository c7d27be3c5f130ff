"""All outputs that a project knows, whichever node writes them: their options, and where runs may leave something."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from glob import escape, glob
from pathlib import Path

from tauro.config import Context
from tauro.io.files.swap import WORKSHOP
from tauro.io.locations import location, output_spec_for
from tauro.io.recorded import OptionsOf
from tauro.model import Options, OutputSpec
from tauro.publish.targets import PROJECT
from tauro.storage.paths import is_remote, local_path

_RUN_VALUE = re.compile(r"\$\{[^{}]*\}")


def known_outputs(context: Context) -> Iterator[OutputSpec]:
    """Every output that is an entry of the project, or that a node names; an entry that is at fault is left out."""
    ids = dict.fromkeys(context.outputs)
    for node in (context.nodes[name] for name in context.nodes):
        for ref in node.output:
            if ref.inline is not None:
                yield output_spec_for(context, ref.id, ref.inline)
            else:
                ids[ref.id] = None
    yield from (output_spec_for(context, id) for id in ids)


def options_for(context: Context) -> OptionsOf:
    """What the project knows of outputs, by their location: secrets included."""
    known: dict[str, Options] = {}

    def options_of(place: str) -> Options:
        if not known:
            known.update({location(spec): spec.options for spec in known_outputs(context)})
        return known.get(place, {})

    return options_of


def workshops_of(context: Context) -> list[Path]:
    """The folders, as far as they are there, in which runs of this project keep what recovery needs.

    A run's own values in a path, such as its dates, stand for any.
    """
    found: dict[Path, None] = {}
    for spec in known_outputs(context):
        if spec.path is None or spec.format_name == "jdbc" or is_remote(spec.path):
            continue
        folder = os.path.dirname(local_path(spec.path))
        pattern = "*".join(escape(part) for part in _RUN_VALUE.split(folder))
        for one in sorted(glob(pattern)):
            found[Path(os.path.realpath(one)) / WORKSHOP] = None
    found[context.root / PROJECT] = None
    return [path for path in found if path.is_dir()]
