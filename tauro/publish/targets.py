"""What a plan writes, as leases name it: where each one's lease lies, and how much of the output it covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tauro.io.catalog.table import described, new_location, quoted_name
from tauro.io.files.swap import WORKSHOP
from tauro.io.formats.jdbc import connection_options, table_of
from tauro.io.writing import spark_errors
from tauro.model.dataset import OverwriteScope, WriteMode
from tauro.model.plan import Plan, PlannedOutput
from tauro.model.window import Window
from tauro.publish.holder import Span
from tauro.publish.lease_file import LeaseFile, LeasePlace
from tauro.publish.lease_table import LeaseTable
from tauro.storage.paths import as_file_name, is_remote
from tauro.storage.place import Place, Session, no_session, place_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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


def targets_of(plan: Plan) -> list[Target]:
    """What a plan writes by its path, and others could write too, in the order in which all runs take leases.

    The lease of a folder on a local or mounted file system lies beside it, so that it holds for every checkout and
    host that sees the folder.

    Args:
        plan: what runs.
    """
    outputs = [one for one in _outputs(plan) if not _needs_session(one)]
    return _in_order(
        Target(one.id, one.location, _beside(place_of(one.spec.path or "", no_session)), _span(one, plan.window))
        for one in outputs
    )


def needs_session(plan: Plan) -> bool:
    """Whether `session_targets_of` has anything to tell."""
    return any(_needs_session(one) for one in _outputs(plan))


def remote_workshops(plan: Plan, session: Session) -> list[Place]:
    """The folders beside a plan's remote outputs in which Tauro keeps what recovery needs; looks at nothing.

    Args:
        plan: what runs.
        session: opens a session, or returns the one that is open; called when something is looked at there.
    """
    paths = sorted({one.spec.path for one in _outputs(plan) if one.spec.path and is_remote(one.spec.path)})
    return [place_of(path, session).parent / WORKSHOP for path in paths]


def session_targets_of(plan: Plan, session: SparkSession, root: Path) -> list[Target]:
    """The rest of what a plan writes, which a session has to be asked about, in the order in which leases are taken.

    The lease of a remote folder lies beside it, so that it holds for every host. That of a database's table lies
    beside it, in the table `_tauro`; that of a catalog's table beside the folder that the catalog has for it. Over
    Spark Connect remote folders can't be reached: those leases lie in the project, and hold among the runs of that
    checkout.

    Args:
        plan: what runs.
        session: the run's.
        root: the project's folder.
    """
    outputs = [one for one in _outputs(plan) if _needs_session(one)]
    return _in_order(
        Target(
            one.id,
            one.location,
            _place_in_database(one, session) if _is_jdbc(one) else _place_of_folder(one, session, root),
            _span(one, plan.window),
        )
        for one in outputs
    )


def _outputs(plan: Plan) -> Iterator[PlannedOutput]:
    for node in plan.nodes.values():
        yield from (one for one in node.outputs if one.location and one.spec.format_name != "memory")


def _in_order(targets: Iterable[Target]) -> list[Target]:
    found: dict[str, Target] = {}
    for target in targets:
        found.setdefault(target.place.name, target)
    return [found[name] for name in sorted(found)]


def _is_jdbc(output: PlannedOutput) -> bool:
    return output.spec.format_name == "jdbc"


def _needs_session(output: PlannedOutput) -> bool:
    return _is_jdbc(output) or output.spec.path is None or is_remote(output.spec.path)


def _place_of_folder(output: PlannedOutput, session: SparkSession, root: Path) -> LeaseFile:
    from tauro.spark.jobs import is_classic  # there is a session, so pyspark is there

    path = output.spec.path or _folder_of_table(output.spec.table or "", session)
    if not path or (is_remote(path) and not is_classic(session)):
        return _in_project(output.location, root)
    return _beside(place_of(path, lambda: session))


def _folder_of_table(table: str, session: SparkSession) -> str:
    """Where a catalog's table lies, or would; empty where that can't be told."""
    failures: tuple[type[Exception], ...] = (*spark_errors(), ValueError)
    try:
        there = described(session, quoted_name(table))
        return there.location if there else new_location(session, table)
    except failures:  # no such database, or another kind of catalog: staging tells of it
        return ""


def _place_in_database(output: PlannedOutput, session: SparkSession) -> LeaseTable:
    options, table = connection_options(output.spec), table_of(output.spec) or ""
    return LeaseTable(lambda: session, options, table, output=output.id, location=output.location)


def _beside(folder: Place) -> LeaseFile:
    base = folder.parent / WORKSHOP
    return LeaseFile(base / LEASES / f"{_file_name(folder.name)}.json", base)


def _in_project(location: str, root: Path) -> LeaseFile:
    base = root / PROJECT / LEASES
    return LeaseFile(base / f"{_file_name(location)}.json", base)


def _span(output: PlannedOutput, window: Window | None) -> Span | None:
    spec = output.spec
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
