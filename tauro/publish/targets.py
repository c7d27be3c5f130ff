"""What a plan writes, as leases name it: where each one's lease lies, and how much of the output it covers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tauro.io.file_swap import WORKSHOP
from tauro.model.dataset import OutputSpec, OverwriteScope, WriteMode
from tauro.model.plan import Plan, PlannedOutput
from tauro.model.window import Window
from tauro.publish.holder import Span
from tauro.publish.lease_file import LeaseFile, LeasePlace
from tauro.storage.paths import as_file_name, is_remote, local_path

LEASES, PROJECT = "leases", ".tauro"
_LONGEST = 180
"""Characters of a file's name that are surely possible, with room for suffixes."""


@dataclass(frozen=True, slots=True)
class Target:
    """One output to be held."""

    output: str
    location: str
    place: LeasePlace
    span: Span | None
    """None for the whole output."""


def targets_of(plan: Plan, root: Path) -> list[Target]:
    """Everything that a plan writes and others could write too, in the order in which all runs take leases.

    The lease of a folder on a local or mounted file system lies beside it, so that it holds for every checkout and
    host that sees the folder. That of a table of a catalog, a database or a remote file system lies in the project
    and holds among the runs of that checkout.

    Args:
        plan: what runs.
        root: the project's folder.
    """
    found: dict[str, Target] = {}
    for node in plan.nodes.values():
        for output in node.outputs:
            if output.location and output.spec.format_name != "memory":
                target = _target(output, plan.window, root)
                found.setdefault(target.place.name, target)
    return [found[name] for name in sorted(found)]


def _target(output: PlannedOutput, window: Window | None, root: Path) -> Target:
    spec = output.spec
    is_folder = spec.path is not None and spec.format_name != "jdbc" and not is_remote(spec.path)
    if is_folder and spec.path is not None:
        folder = Path(os.path.realpath(local_path(spec.path)))
        base, name = folder.parent / WORKSHOP, folder.name
        file = LeaseFile(base / LEASES / f"{_file_name(name)}.json", base)
    else:
        base = root / PROJECT / LEASES
        file = LeaseFile(base / f"{_file_name(output.location)}.json", base)
    return Target(output.id, output.location, file, _span(spec, window))


def _span(spec: OutputSpec, window: Window | None) -> Span | None:
    if window is None:
        return None
    if spec.overwrite_scope is not OverwriteScope.WINDOW and spec.write_mode is not WriteMode.APPEND:
        return None
    return Span(lower=window.lower, upper=_upper(window))


def _upper(window: Window) -> datetime:
    try:
        return window.upper
    except OverflowError:  # the day after the last one of the calendar
        return datetime.max


def _file_name(text: str) -> str:
    name = as_file_name(text)
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{sha256(text.encode()).hexdigest()[:16]}"
