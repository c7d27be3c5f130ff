"""A run's leases and journal, from before its first write until nothing is left, or what can be carried on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from loguru import logger

from tauro.config import Context
from tauro.errors import InvalidValueError, JournalError, LeaseLostError
from tauro.exec.resume.carrying_on import CarriedOn
from tauro.exec.resume.known_outputs import options_for
from tauro.exec.runs.journal import RunJournal
from tauro.exec.runs.recording import tell_recovered
from tauro.io.versions import ReadVersions
from tauro.launch.processes import this_host
from tauro.model.outcome import OutputResult
from tauro.model.plan import Plan, PlannedNode
from tauro.model.settings import Mode, Publish
from tauro.publish.journal import About, Journal, home_of
from tauro.publish.lease_file import LeaseFile
from tauro.publish.leases import Leases
from tauro.publish.recovery import Ending, Recovery, sweep
from tauro.publish.targets import PROJECT, Target, needs_session, remote_workshops, session_targets_of, targets_of
from tauro.storage.place import Place, Session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(slots=True)
class HeldRun:
    """A run that may write."""

    leases: Leases
    journal: RunJournal | None
    """None if it writes nothing that outlives its process."""
    versions: ReadVersions
    """Of what it reads."""
    carried: CarriedOn = field(default_factory=CarriedOn)
    """What an earlier process of the run has done."""
    published: Mapping[tuple[str, str], OutputResult] | None = None
    """By node and id, what an earlier process had decided to publish, and is published now; None if there is more."""
    is_done: bool = False
    """To be set when everything is published: nothing is kept then."""

    def redo(self, node: PlannedNode) -> None:
        """A node is to be run again on what others have made of its tables; what is still valid is carried on with."""
        for output in node.outputs:
            self.versions.published(output.location)
        if self.journal is not None:
            self.carried = self.journal.carried_on()


@contextmanager
def held_run(
    context: Context,
    plan: Plan,
    run_id: str,
    *,
    asked: Mapping[str, Any] | None,  # Any: JSON
    ml_info: Mapping[str, Any] | None = None,  # Any: hyperparameters are of any type
    journal: Journal | None = None,
    keeps_journal: bool = True,
    wait_s: float = 0.0,
    stopped: Callable[[], str | None] = lambda: None,
) -> Iterator[HeldRun]:
    """Takes everything that a plan writes, and gives it back when the block is left.

    Args:
        context: the project, with the run's values filled in.
        plan: what runs.
        run_id: the run's id; if an earlier process has begun the run, it is carried on.
        asked: what else the run was asked for, to be carried on with; None if nobody can.
        ml_info: what machine-learning nodes are told besides what the project says.
        journal: that of the run, where it is known already.
        keeps_journal: whether Tauro itself writes the outputs.
        wait_s: how long to wait for other runs.
        stopped: why waiting is to end; None as long as it is not.

    Raises:
        OutputHeldError: another run writes one of the outputs.
        InvalidValueError: the run that has this id was another one.
        JournalError: what a dead run has left can be neither finished nor undone now.
    """
    targets = targets_of(plan)
    workshops = _workshops(targets)

    def session() -> SparkSession:
        return cast("SparkSession", context.open_spark(plan.pipeline.spark_config))

    if not (targets or needs_session(plan)) or not keeps_journal:
        journal = None
    elif journal is None:
        is_far = context.settings.mode in (Mode.CONNECT, Mode.DATABRICKS)  # no JVM to reach remote files through
        remote = [] if is_far else remote_workshops(plan, session)  # who sees these may not see this machine's disk
        journal = Journal(home_of(run_id, [*remote, *workshops], context.root / PROJECT))
    recovery = Recovery(session, options_for(context), partial(tell_recovered, context, by=run_id))
    versions = ReadVersions(context)
    home = journal.home if journal is not None else None
    with Leases(run_id, plan.pipeline.name or None, home=home, settle=recovery.settle, session=session) as leases:
        leases.acquire(targets, wait_s=wait_s, stopped=stopped)
        if needs_session(plan):  # the rest is known to databases and catalogs
            others = session_targets_of(plan, session(), context.root)
            leases.acquire(others, wait_s=wait_s, stopped=stopped)
            targets, workshops = [*targets, *others], list(dict.fromkeys([*workshops, *_workshops(others)]))
        if journal is None:
            yield HeldRun(leases, None, versions)
            return
        run = HeldRun(leases, RunJournal(journal, recovery, context, plan, versions, ml_info), versions)
        if journal.exists:
            earlier = journal.about()
            _check_same(earlier, plan, run_id, asked)
            _carry_on(run, journal, recovery, plan)
        else:
            earlier = None
        journal.begin(_about(context, plan, run_id, asked, targets, workshops, earlier))
        try:
            yield run
        finally:
            _end(run, journal, targets, session, can_be_carried_on=asked is not None)


def _carry_on(run: HeldRun, journal: Journal, recovery: Recovery, plan: Plan) -> None:
    """Finishes or undoes what an earlier process has decided; finds out what it has done."""
    assert run.journal is not None  # it has one
    with journal.locked():
        ended = recovery.finish(journal)
    if ended.ending is Ending.PUBLISHED and plan.publish is Publish.RUN:
        run.published = {(node, result.id): result for node, result in ended.results}
        return
    run.carried = run.journal.carried_on()


def _end(run: HeldRun, journal: Journal, targets: list[Target], session: Session, *, can_be_carried_on: bool) -> None:
    """Removes what the run needed as long as it went on; or leaves it for those who carry on with it."""
    try:
        run.leases.check()
    except LeaseLostError:  # the journal, and what lies under the run's id, may be another process's by now
        run.leases.abandon()
        with suppress(JournalError):
            journal.clear()
        return
    try:
        if run.is_done or (not journal.is_unfinished and not (can_be_carried_on and journal.nodes())):
            sweep(journal.about(), [target.place for target in targets], session)
            journal.remove()
            return
    except JournalError as error:  # whoever writes there next sees to it
        logger.warning("{}", error)
    run.leases.abandon()


def _check_same(about: About, plan: Plan, run_id: str, asked: Mapping[str, Any] | None) -> None:  # Any: JSON
    window = (plan.window.start, plan.window.end) if plan.window else None
    is_same = about.pipeline == (plan.pipeline.name or None) and about.window == window
    if is_same and about.publish == plan.publish and about.asked.get("selection") == (asked or {}).get("selection"):
        return
    was = f"pipeline {about.pipeline!r}" + (f" for {' .. '.join(about.window)}" if about.window else "")
    raise InvalidValueError(
        f"run {run_id} was begun as {was} with publish: {about.publish}{_selected(about)}, and can't be carried on as "
        "another",
        fix=f"`tauro resume {run_id}`, or choose another run id",
    )


def _selected(about: About) -> str:
    given = {name: ", ".join(names) for name, names in about.asked.get("selection", {}).items() if names}
    return "".join(f", {name}: {names}" for name, names in given.items())


def _about(
    context: Context,
    plan: Plan,
    run_id: str,
    asked: Mapping[str, Any] | None,  # Any: JSON
    targets: list[Target],
    workshops: list[Place],
    earlier: About | None,
) -> About:
    """The run, with all places where it, or an earlier process of it, may leave something."""
    leases = [dict(target.place.address) for target in targets]
    folders = dict.fromkeys(map(str, workshops))
    if earlier is not None:
        folders |= dict.fromkeys(earlier.workshops)
        leases += [dict(one) for one in earlier.leases if one not in leases]
    return About(
        run_id=run_id,
        pipeline=plan.pipeline.name or None if asked is not None else None,
        window=(plan.window.start, plan.window.end) if plan.window else None,
        publish=str(plan.publish),
        asked=dict(asked or {}),
        env=context.env,
        project=str(context.root),
        host=this_host().host,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        workshops=tuple(folders),
        leases=tuple(leases),
    )


def _workshops(targets: list[Target]) -> list[Place]:
    """The folders beside the targets in which a run stages; not that of the project."""
    found: dict[Place, None] = {}
    for target in targets:
        if isinstance(target.place, LeaseFile) and target.place.base.name != PROJECT:
            found[target.place.base] = None
    return list(found)
