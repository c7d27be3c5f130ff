"""What was found to be wrong while a project was loaded."""

from __future__ import annotations

from dataclasses import dataclass

from tauro.errors import Problem

ENTRY_KINDS = {
    "pipelines_config": "pipeline",
    "nodes_config": "node",
    "input_config": "input",
    "output_config": "output",
}
"""The documents that map names to entries, and what their entries are called."""
DOCUMENTS = ("global_settings", *ENTRY_KINDS)
"""The five documents of a project."""
MANIFEST = "tauro"
"""The name under which findings about `tauro.yml` itself stand."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and the entry that it makes unusable."""

    document: str
    """One of DOCUMENTS, or MANIFEST."""
    entry: str | None
    """The entry at fault; None where the whole document is, or where it has no entries."""
    problem: Problem


def where(document: str, entry: str | None) -> str:
    """What a problem is about, as reports show it: `node 'transform'`."""
    if document in ENTRY_KINDS and entry is not None:
        return f"{ENTRY_KINDS[document]} {entry!r}"
    return document
