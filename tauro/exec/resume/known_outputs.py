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
from tauro.model import Mode, Options, OutputSpec
from tauro.publish.targets import PROJECT
from tauro.storage.paths import is_remote, local_path
from tauro.storage.place import Place, place_of
from tauro.storage.remote import RemotePath

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


def workshops_of(context: Context) -> list[Place]:
    """The folders, as far as they are there, in which runs of this project keep what recovery needs.

    A run's own values in a path, such as its dates, stand for any. Opens a session if outputs are remote.
    """
    found: dict[Place, None] = {}
    for spec in known_outputs(context):
        if spec.path is None or spec.format_name == "jdbc":
            continue
        if not is_remote(spec.path):
            folder = os.path.dirname(local_path(spec.path))
            pattern = "*".join(escape(part) for part in _RUN_VALUE.split(folder))
            for one in sorted(glob(pattern)):
                found[Path(os.path.realpath(one)) / WORKSHOP] = None
        elif context.settings.mode not in (Mode.CONNECT, Mode.DATABRICKS):
            for place in _remote_folders(context, spec.path):
                found[place / WORKSHOP] = None
    found[context.root / PROJECT] = None
    return [place for place in found if place.is_dir()]


def _remote_folders(context: Context, path: str) -> Iterator[Place]:
    """The remote folders in which an output lies."""
    above = place_of(path, lambda: context.spark).parent
    if not isinstance(above, RemotePath) or _RUN_VALUE.search(above.path) is None:
        yield above
        return
    parts = (re.sub(r"([][{}*?\\])", r"\\\1", part) for part in _RUN_VALUE.split(above.path))
    for one in above.files.matching("*".join(parts)):
        yield RemotePath(one, above.files)
